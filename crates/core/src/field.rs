//! Time-dependent vector fields and their derivatives in space.
//!
//! What a field means is a type: a [`Velocity`] is `E[ẋ_t | x_t = x]`, a [`Score`] is `∇log ρ_t`, a [`Denoiser`]
//! is `E[z | x_t = x]`; a conversion between them is an explicit function. Solvers and samplers only need
//! the [`VectorField`] inside.

use tch::Tensor;

/// A vector field `f(t, x)` with values in the space of `x`.
///
/// Shapes: `t` is `[B]`, `x` is `[B, D]`, both of the field's kind and device; callers check them once at the
/// edge ([`crate::shape`]). Row `i` of every result depends on row `i` of the arguments only.
pub trait VectorField {
    /// The dimension `D` of the space.
    fn dim(&self) -> i64;

    /// The field's value, `[B, D]`; differentiable where gradients are being recorded.
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor;

    /// The value `[B, D]` and the quadratic form `uᵀ (∂f/∂x) u`, `[B]`, for one direction `u`, `[B, D]`: the
    /// divergence's estimate by a random u. By one backward pass unless the field knows better.
    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        quadratic_form_by_reverse_mode(self, t, x, u)
    }

    /// The value `[B, D]` and the exact divergence `∇·f`, `[B]`. By `D` backward passes unless the field knows
    /// better.
    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        divergence_by_reverse_mode(self, t, x)
    }
}

/// Forwards a field through a pointer or a role.
macro_rules! forward_field {
    ($($header:tt)*) => {
        $($header)* {
            fn dim(&self) -> i64 {
                self.inner().dim()
            }
            fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
                self.inner().value(t, x)
            }
            fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
                self.inner().value_and_quadratic_form(t, x, u)
            }
            fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
                self.inner().value_and_divergence(t, x)
            }
        }
    };
}

/// The probability-flow velocity `v_t(x) = E[ẋ_t | x_t = x]` of a path (\[AV23\] eq. 8).
#[derive(Debug, Clone, Copy)]
pub struct Velocity<F>(pub F);

/// The score `s_t(x) = ∇log ρ_t(x)` of a path.
#[derive(Debug, Clone, Copy)]
pub struct Score<F>(pub F);

/// The denoiser `η_t(x) = E[z | x_t = x] = −γ(t) s_t(x)` of a path with a latent (\[ABV23\]).
#[derive(Debug, Clone, Copy)]
pub struct Denoiser<F>(pub F);

impl<F> Velocity<F> {
    fn inner(&self) -> &F {
        &self.0
    }
}

impl<F> Score<F> {
    fn inner(&self) -> &F {
        &self.0
    }
}

impl<F> Denoiser<F> {
    fn inner(&self) -> &F {
        &self.0
    }
}

/// Access to the field behind a pointer, for [`forward_field`].
trait Pointer {
    type Target: ?Sized;
    fn inner(&self) -> &Self::Target;
}

impl<F: ?Sized> Pointer for &F {
    type Target = F;
    fn inner(&self) -> &F {
        self
    }
}

impl<F: ?Sized> Pointer for Box<F> {
    type Target = F;
    fn inner(&self) -> &F {
        self
    }
}

forward_field!(impl<F: VectorField> VectorField for Velocity<F>);
forward_field!(impl<F: VectorField> VectorField for Score<F>);
forward_field!(impl<F: VectorField> VectorField for Denoiser<F>);
forward_field!(impl<F: VectorField + ?Sized> VectorField for &F);
forward_field!(impl<F: VectorField + ?Sized> VectorField for Box<F>);

/// A leaf with the numbers of `x` that records gradients.
fn leaf(x: &Tensor) -> Tensor {
    x.detach().set_requires_grad(true)
}

/// The field's value at (t, x) and what `derive` finds of the leaf x and the value while gradients are recorded.
fn differentiate<F: VectorField + ?Sized>(
    f: &F,
    t: &Tensor,
    x: &Tensor,
    derive: impl FnOnce(&Tensor, &Tensor) -> Tensor,
) -> (Tensor, Tensor) {
    tch::with_grad(|| {
        let x = leaf(x);
        let value = f.value(t, &x);
        let derivative = derive(&x, &value);
        (value.detach(), derivative)
    })
}

/// The quadratic form by one backward pass: `(uᵀ ∂f/∂x) u`. `# Shapes` as
/// [`VectorField::value_and_quadratic_form`].
pub fn quadratic_form_by_reverse_mode<F: VectorField + ?Sized>(
    f: &F,
    t: &Tensor,
    x: &Tensor,
    u: &Tensor,
) -> (Tensor, Tensor) {
    differentiate(f, t, x, |x, value| {
        let paired = (value * u).sum(None);
        let gradient = Tensor::run_backward(&[paired], &[x], false, false).swap_remove(0);
        (gradient * u).sum_dim_intlist(1i64, false, None)
    })
}

/// The exact divergence by one backward pass per dimension: general, and the slow reference for fields that
/// propagate tangents themselves. `# Shapes` as [`VectorField::value_and_divergence`].
pub fn divergence_by_reverse_mode<F: VectorField + ?Sized>(
    f: &F,
    t: &Tensor,
    x: &Tensor,
) -> (Tensor, Tensor) {
    differentiate(f, t, x, |x, value| {
        let diagonal = |d| {
            let column = value.select(1, d).sum(None);
            Tensor::run_backward(&[column], &[x], true, false).swap_remove(0).select(1, d)
        };
        (0..f.dim()).map(diagonal).fold(x.detach().select(1, 0).zeros_like(), |sum, next| sum + next)
    })
}
