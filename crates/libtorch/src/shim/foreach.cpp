// One call for all parameters of a network, without a record of gradients.
#include "guard.h"
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

template <class F> static char *recordless(F body) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    body();
  });
}

extern "C" {
// The kernel walks raw memory: all layouts have to agree, so gradients are made contiguous.
char *interflow_fused_adamw(Pointers params, Pointers grads, Pointers exp_avgs, Pointers exp_avg_sqs,
                            Pointers steps, size_t n, double lr, double beta1, double beta2,
                            double weight_decay, double eps) {
  return recordless([&] {
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

char *interflow_foreach_lerp(Pointers dst, Pointers src, size_t n, double weight) {
  return recordless([&] { at::_foreach_lerp_(gather(dst, n), gather(src, n), weight); });
}

char *interflow_foreach_mul(Pointers dst, size_t n, double factor) {
  return recordless([&] { at::_foreach_mul_(gather(dst, n), at::Scalar(factor)); });
}

// The factor is a scalar on the tensors' device.
char *interflow_foreach_scale(Pointers dst, size_t n, const at::Tensor *factor) {
  return recordless([&] { at::_foreach_mul_(gather(dst, n), *factor); });
}

// A scalar on the tensors' device, in a new tensor.
char *interflow_total_norm(Pointers tensors, size_t n, at::Tensor **norm) {
  return recordless([&] {
    *norm = new at::Tensor(at::linalg_vector_norm(at::stack(at::_foreach_norm(gather(tensors, n)))));
  });
}
}
