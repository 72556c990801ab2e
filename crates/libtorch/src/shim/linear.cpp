// A linear layer, with SiLU after it where asked for, as one node of the graph, its products computed where that is
// fastest.
#include "guard.h"
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/zeros.h>
#include <atomic>
#include <torch/csrc/autograd/custom_function.h>

// oneDNN's products inside libtorch. This one is result = beta · result + alpha · a b. Weak, so that a libtorch without it links.
namespace at::native {
__attribute__((weak)) void mkldnn_matmul(const Tensor &a, const Tensor &b, const Tensor &result, float beta,
                                         float alpha);
}

namespace {
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Bias = std::optional<Tensor>;

// The other one is x wᵀ + b with an activation, "none" or "swish" (SiLU), which costs no pass of its own over the result.
Tensor onednn_affine(const Tensor &x, const Tensor &w, const Bias &b, std::string_view activation) {
  using Signature = Tensor(const Tensor &, const Tensor &, const Bias &, std::string_view,
                           c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto handle = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
                                 .typed<Signature>();
  // For a view with gaps oneDNN has nothing but its reference, which is hundreds of times slower.
  return handle.call(x.contiguous(), w.contiguous(), b, activation, c10::List<std::optional<at::Scalar>>(), "");
}

// Whether oneDNN takes products in single precision on this machine: it refuses processors without its vector
// instructions.
bool onednn_works() {
  static const bool works = [] {
    if (!at::native::mkldnn_matmul || !at::globalContext().userEnabledMkldnn()) return false;
    try {
      auto one = at::zeros({1, 1});
      at::native::mkldnn_matmul(one, one, at::empty({1, 1}), 0.0f, 1.0f);
      onednn_affine(one, one, std::nullopt, "swish");
      return true;
    } catch (const std::exception &) {
      return false;
    }
  }();
  return works;
}

// MKL, which libtorch takes otherwise, is as fast on Intel's processors and behind on AMD's.
bool is_amd() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd");
#else
  return false;
#endif
}

std::atomic<bool> &by_onednn() {
  static std::atomic<bool> choice{is_amd() && onednn_works()};
  return choice;
}

// Below so many products of numbers a call of oneDNN costs more than it gains.
constexpr int64_t LEAST_WORK = 1 << 22;
// For fewer rows than this it does not pay to pack a transposed matrix for each call.
constexpr int64_t LEAST_ROWS = 256;

bool onednn_pays(const Tensor &a, int64_t n_columns, int64_t least_rows) {
  return a.scalar_type() == at::kFloat && a.device().is_cpu() && a.size(0) >= least_rows &&
         a.size(0) * a.size(1) * n_columns >= LEAST_WORK && by_onednn().load(std::memory_order_relaxed);
}

// a b for matrices, one of which may be a transposed view.
Tensor product(const Tensor &a, const Tensor &b) {
  if (!onednn_pays(a, b.size(1), 1)) return at::mm(a, b);
  auto result = at::empty({a.size(0), b.size(1)}, a.options());
  at::native::mkldnn_matmul(a, b, result, 0.0f, 1.0f);
  return result;
}

// x wᵀ + b for a matrix x.
Tensor affine(const Tensor &x, const Tensor &w, const Bias &b) {
  return onednn_pays(x, w.size(0), LEAST_ROWS) ? onednn_affine(x, w, b, "none") : at::linear(x, w, b);
}

// SiLU of it, where nobody asks for the number before.
Tensor affine_silu(const Tensor &x, const Tensor &w, const Bias &b) {
  if (onednn_pays(x, w.size(0), LEAST_ROWS)) return onednn_affine(x, w, b, "swish");
  auto z = at::linear(x, w, b);
  return at::silu_(z);
}

// gᵀ x: the product with the fewer rows is the faster one.
Tensor weight_gradient(const Tensor &g, const Tensor &x) {
  return x.size(1) < g.size(1) ? product(x.t(), g).t().contiguous() : product(g.t(), x);
}

// A layer's numbers in the kind in which products are computed.
struct Cast {
  Tensor x, w;
  Bias b;

  Cast(const Tensor &x, const Tensor &w, const Bias &b, at::ScalarType kind)
      : x(x.to(kind)), w(w.to(kind)), b(b ? Bias(b->to(kind)) : b) {}
};

bool is_autocast(const Tensor &x) { return at::autocast::is_autocast_enabled(x.device().type()); }

at::ScalarType kind_of_products(const Tensor &x) {
  return is_autocast(x) ? at::autocast::get_autocast_dtype(x.device().type()) : x.scalar_type();
}

// g · SiLU'(z) by operations that can be differentiated again, as libtorch's own kernel cannot.
Tensor silu_backward_recorded(const Tensor &g, const Tensor &z) {
  auto s = z.sigmoid();
  return g * s * (1 + z * (1 - s));
}

class Linear : public torch::autograd::Function<Linear> {
public:
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &w, const Bias &b, bool silu,
                        at::ScalarType kind) {
    at::AutoDispatchBelowADInplaceOrView unrecorded;
    Cast cast(x, w, b, kind);
    auto z = affine(cast.x, cast.w, cast.b);
    context->saved_data["silu"] = silu;
    context->save_for_backward({x, w, b.value_or(Tensor()), cast.x, cast.w, silu ? z : Tensor()});
    return silu ? at::silu(z) : z;
  }

  static variable_list backward(AutogradContext *context, variable_list of_output) {
    auto saved = context->get_saved_variables();
    const Bias bias = saved[2].defined() ? Bias(saved[2]) : std::nullopt;
    bool silu = context->saved_data["silu"].toBool();
    Tensor x = saved[3], w = saved[4], z = saved[5];
    bool recorded = at::GradMode::is_enabled();
    if (recorded) {
      // What is going to be differentiated again has to depend on the layer's inputs, not on copies of theirs.
      Cast cast(saved[0], saved[1], bias, x.scalar_type());
      x = cast.x, w = cast.w;
      if (silu) z = at::linear(x, w, cast.b);
    }
    auto g = of_output[0];
    if (silu) g = recorded ? silu_backward_recorded(g, z) : at::silu_backward(g, z);
    Tensor of_x, of_w, of_b;
    if (context->needs_input_grad(0)) of_x = (recorded ? at::mm(g, w) : product(g, w)).to(saved[0].scalar_type());
    if (context->needs_input_grad(1))
      of_w = (recorded ? at::mm(g.t(), x) : weight_gradient(g, x)).to(saved[1].scalar_type());
    // In the products' kind, summed in single precision all the same: cast first it would take three times as long.
    if (bias && context->needs_input_grad(2)) of_b = g.sum(0).to(bias->scalar_type());
    return {of_x, of_w, of_b, Tensor(), Tensor()};
  }
};

bool is_recorded(const Tensor &x, const Tensor &w, const Bias &b) {
  return at::GradMode::is_enabled() && (x.requires_grad() || w.requires_grad() || (b && b->requires_grad()));
}

// The layer for a matrix x.
Tensor layer(const Tensor &x, const Tensor &w, const Bias &b, bool silu) {
  auto kind = kind_of_products(x);
  // What is cast here is not to be cast once more.
  c10::impl::ExcludeDispatchKeyGuard uncast(c10::autocast_dispatch_keyset);
  if (is_recorded(x, w, b)) return Linear::apply(x, w, b, silu, kind);
  Cast cast(x, w, b, kind);
  return silu ? affine_silu(cast.x, cast.w, cast.b) : affine(cast.x, cast.w, cast.b);
}
} // namespace

extern "C" {
// Chooses oneDNN for products in single precision or not; what became of it in `chosen`.
char *interflow_choose_onednn(bool wanted, bool *chosen) {
  return guarded([&] {
    *chosen = wanted && onednn_works();
    by_onednn().store(*chosen);
  });
}

// Whether oneDNN is chosen; on AMD's processors it is unless someone says otherwise.
char *interflow_chosen_onednn(bool *chosen) {
  return guarded([&] { *chosen = by_onednn().load(); });
}

// x wᵀ + b, or SiLU of it, for x of any leading shape, in a new tensor.
char *interflow_linear(const at::Tensor *x, const at::Tensor *w, const at::Tensor *b, bool silu, at::Tensor **result) {
  return guarded([&] {
    TORCH_CHECK(w->dim() == 2 && x->dim() >= 1 && x->size(-1) == w->size(1), "a linear layer of weights ", w->sizes(),
                " cannot be applied to ", x->sizes());
    TORCH_CHECK(!b || (b->dim() == 1 && b->size(0) == w->size(0)), "a linear layer of weights ", w->sizes(),
                " cannot have a bias of shape ", b->sizes());
    TORCH_CHECK(is_autocast(*x) || x->scalar_type() == w->scalar_type(),
                "a linear layer of ", w->scalar_type(), " cannot be applied to ", x->scalar_type());
    Bias bias = b ? Bias(*b) : std::nullopt;
    if (x->dim() == 2) {
      *result = new at::Tensor(layer(*x, *w, bias, silu));
      return;
    }
    auto shape = x->sizes().vec();
    shape.back() = w->size(0);
    auto rows = x->reshape({-1, w->size(1)});
    *result = new at::Tensor(layer(rows, *w, bias, silu).reshape(shape));
  });
}
}
