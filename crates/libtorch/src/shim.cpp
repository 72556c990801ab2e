// Multi-tensor kernels, autocasting and CUDA of libtorch behind a C interface. Every function that can fail returns
// null, or a message that the caller frees with interflow_free_message.
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <torch/version.h>
#include <vector>
#ifdef __linux__
#include <dlfcn.h>
#endif

namespace {
using Pointers = const at::Tensor *const *;

std::vector<at::Tensor> gather(Pointers tensors, size_t n) {
  std::vector<at::Tensor> list;
  list.reserve(n);
  for (size_t i = 0; i < n; ++i) list.push_back(*tensors[i]);
  return list;
}

template <class F> char *guarded(F body) {
  try {
    at::NoGradGuard no_grad;
    body();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("unknown C++ exception");
  }
}
} // namespace

extern "C" {
void interflow_free_message(char *message) { std::free(message); }

// A literal: nobody frees it.
const char *interflow_libtorch_version() { return TORCH_VERSION; }

// The kernel walks raw memory: all layouts have to agree, so gradients are made contiguous.
char *interflow_fused_adamw(Pointers params, Pointers grads, Pointers exp_avgs, Pointers exp_avg_sqs,
                            Pointers steps, size_t n, double lr, double beta1, double beta2,
                            double weight_decay, double eps) {
  return guarded([&] {
    auto p = gather(params, n), g = gather(grads, n), m = gather(exp_avgs, n), v = gather(exp_avg_sqs, n);
    for (size_t i = 0; i < n; ++i) {
      TORCH_CHECK(p[i].is_contiguous() && m[i].is_contiguous() && v[i].is_contiguous(),
                  "parameters and moments must be contiguous");
      TORCH_CHECK(g[i].scalar_type() == p[i].scalar_type(), "gradients must have their parameters' kind");
      g[i] = g[i].contiguous();
    }
    at::_fused_adamw_(p, g, m, v, {}, gather(steps, n), lr, beta1, beta2, weight_decay, eps, false, false);
  });
}

// Matrix products in bfloat16 from here on, or again in their own kind, with what was set before in `before`.
char *interflow_autocast_begin(bool cuda, bool enabled, bool *before) {
  return guarded([&] {
    auto device = cuda ? at::kCUDA : at::kCPU;
    *before = at::autocast::is_autocast_enabled(device);
    if (enabled) at::autocast::set_autocast_dtype(device, at::kBFloat16);
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::increment_nesting();
  });
}

// Back to `before`; the last region to end forgets the weights it has cast.
char *interflow_autocast_end(bool cuda, bool before) {
  return guarded([&] {
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(cuda ? at::kCUDA : at::kCPU, before);
  });
}

// Loads libtorch_cuda from the folder that libtorch_cpu came from; its static initialisers register the backend.
// It stays loaded: the linker would have kept it for as long.
char *interflow_load_cuda() {
  return guarded([&] {
#ifdef __linux__
    Dl_info cpu;
    void *symbol = dlsym(RTLD_DEFAULT, "_ZN2at15get_num_threadsEv");
    TORCH_CHECK(symbol && dladdr(symbol, &cpu) && cpu.dli_fname, "libtorch_cpu is not to be found");
    std::string path(cpu.dli_fname);
    path = path.substr(0, path.rfind('/') + 1) + "libtorch_cuda.so";
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) throw std::runtime_error(dlerror());
#else
    throw std::runtime_error("this platform's libtorch has no CUDA");
#endif
  });
}

char *interflow_foreach_lerp(Pointers dst, Pointers src, size_t n, double weight) {
  return guarded([&] { at::_foreach_lerp_(gather(dst, n), gather(src, n), weight); });
}

char *interflow_foreach_mul(Pointers dst, size_t n, double factor) {
  return guarded([&] { at::_foreach_mul_(gather(dst, n), at::Scalar(factor)); });
}

char *interflow_total_norm(Pointers tensors, size_t n, double *norm) {
  return guarded([&] {
    *norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gather(tensors, n)))).item().toDouble();
  });
}
}
