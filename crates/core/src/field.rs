//! Time-dependent vector fields and their derivatives with respect to space.
//!
//! Types say what a field means: a [`Velocity`] is `E[ẋ_t | x_t = x]`, a [`Score`] is `∇log ρ_t`, a [`Denoiser`] is
//! `E[z | x_t = x]`, and a conversion between them is an explicit function. Solvers and samplers use only the
//! [`VectorField`] inside.

use std::fmt;

use tch::Tensor;

use crate::backward::{self, Graph};
use crate::error::Result;
use crate::shape::check_states;

/// A vector field `f(t, x)` with values in the space of `x`.
///
/// Shapes: `t` is `[B]`, `x` is `[B, D]`, both of the field's kind and on its device; callers check them once
/// ([`VectorField::check_points`]). Results have the kind and the device of `x`, and may share its memory. Row `i` of
/// every result depends on row `i` of the arguments only, up to rounding: libtorch may round differently for batches
/// of other sizes.
pub trait VectorField {
    /// The dimension `D` of the space.
    fn dim(&self) -> i64;

    /// Checks that `x` is a batch of points that the field can take: `[B, D]` and floating-point. Fields that require
    /// more, such as a network with its conditions, check more.
    ///
    /// # Errors
    /// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Given`] naming `operation`.
    fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
        check_states(operation, x, self.dim())
    }

    /// The field's value, `[B, D]`; it can be differentiated where gradients are recorded.
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor;

    /// The value `[B, D]` and the quadratic form `uᵀ (∂f/∂x) u`, `[B]`, in one direction `u`, `[B, D]`, which
    /// estimates the divergence if u is random. The default takes one backward pass.
    fn value_and_quadratic_form(&self, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
        quadratic_form_of(|t, x| self.value(t, x), t, x, u)
    }

    /// The value `[B, D]` and the exact divergence `∇·f`, `[B]`. The default takes `D` backward passes.
    fn value_and_divergence(&self, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
        divergence_of(|t, x| self.value(t, x), t, x)
    }

    /// The field for a part of the batch that it was made for: the rows whose numbers are `rows`, `[n]` of kind
    /// `Int64`. `None`, the default, means that it is the same for every row. Solvers call it when they continue with
    /// a part of a batch.
    fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
        let _ = rows;
        None
    }
}

impl fmt::Debug for dyn VectorField + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VectorField").field("dim", &self.dim()).finish_non_exhaustive()
    }
}

/// Forwards a field through a pointer or a role.
macro_rules! forward_field {
    ($($header:tt)*) => {
        $($header)* {
            fn dim(&self) -> i64 {
                self.inner().dim()
            }
            fn check_points(&self, operation: &'static str, x: &Tensor) -> Result<()> {
                self.inner().check_points(operation, x)
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
            fn for_rows(&self, rows: &Tensor) -> Option<Box<dyn VectorField + '_>> {
                self.inner().for_rows(rows)
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

/// The value of `f` at (t, x), `[B, D]`, and what `derive` finds of the leaf x and the value while gradients are
/// recorded. A value of another shape than x has no derivative: it is left to whoever asked to refuse it.
fn differentiate(
    f: impl FnOnce(&Tensor, &Tensor) -> Tensor,
    (t, x): (&Tensor, &Tensor),
    derive: impl FnOnce(&Tensor, &Tensor) -> Tensor,
) -> (Tensor, Tensor) {
    tch::with_grad(|| {
        let x = leaf(x);
        let value = f(t, &x);
        let fits = value.size() == x.size();
        let derivative = if fits { derive(&x, &value) } else { x.detach().select(1, 0).zeros_like() };
        (value.detach(), derivative)
    })
}

/// The gradient of a scalar in x, which records gradients. A pass that libtorch refuses panics, as every other tensor
/// operation of a field does: values of a field are no results that could fail.
pub(crate) fn gradient(of: &Tensor, x: &Tensor, graph: Graph) -> Tensor {
    match backward::gradient("the derivative of a field", of, x, graph) {
        Ok(gradient) => gradient,
        Err(error) => panic!("{error:?}"),
    }
}

/// The value `[B, D]` and the quadratic form `(uᵀ ∂f/∂x) u`, `[B]`, by one backward pass. Shapes are those of
/// [`VectorField::value_and_quadratic_form`]. The form is zero where the value does not depend on x.
pub fn quadratic_form_by_reverse_mode<F: VectorField + ?Sized>(
    f: &F,
    t: &Tensor,
    x: &Tensor,
    u: &Tensor,
) -> (Tensor, Tensor) {
    quadratic_form_of(|t, x| f.value(t, x), t, x, u)
}

/// The value `[B, D]` and the exact divergence `[B]` by one backward pass per dimension: general, and the slow reference for
/// fields that propagate tangents themselves. The divergence is zero where the value does not depend on x.
pub fn divergence_by_reverse_mode<F: VectorField + ?Sized>(
    f: &F,
    t: &Tensor,
    x: &Tensor,
) -> (Tensor, Tensor) {
    divergence_of(|t, x| f.value(t, x), t, x)
}

/// [`quadratic_form_by_reverse_mode`] of a function of times `[B]` and points `[B, D]`.
pub(crate) fn quadratic_form_of(
    f: impl FnOnce(&Tensor, &Tensor) -> Tensor,
    t: &Tensor,
    x: &Tensor,
    u: &Tensor,
) -> (Tensor, Tensor) {
    differentiate(f, (t, x), |x, value| {
        let paired = (value * u).sum(None);
        (gradient(&paired, x, Graph::Freed) * u).sum_dim_intlist(1i64, false, None)
    })
}

/// [`divergence_by_reverse_mode`] of a function of times `[B]` and points `[B, D]`.
pub(crate) fn divergence_of(
    f: impl FnOnce(&Tensor, &Tensor) -> Tensor,
    t: &Tensor,
    x: &Tensor,
) -> (Tensor, Tensor) {
    differentiate(f, (t, x), |x, value| {
        let diagonal = |d| gradient(&value.select(1, d).sum(None), x, Graph::Kept).select(1, d);
        (0..x.size()[1]).map(diagonal).fold(x.detach().select(1, 0).zeros_like(), |sum, next| sum + next)
    })
}
