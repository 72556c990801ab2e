//! Linear layers, which are where a network's time goes.
//!
//! libtorch computes products in single precision by MKL, which on AMD's processors is slower than oneDNN, inside the
//! same libtorch. Here they are computed by the faster of the two, forward and backward.

use std::ffi::c_char;
use std::ptr;

use tch::Tensor;

use crate::call::outcome;
use crate::error::Result;

unsafe extern "C" {
    fn interflow_choose_onednn(wanted: bool, chosen: *mut bool) -> *mut c_char;
    fn interflow_chosen_onednn(chosen: *mut bool) -> *mut c_char;
    fn interflow_linear(
        x: *const Tensor_,
        weight: *const Tensor_,
        bias: *const Tensor_,
        silu: bool,
        result: *mut *mut Tensor_,
    ) -> *mut c_char;
}

/// libtorch's own tensor, behind a pointer.
#[repr(C)]
struct Tensor_ {
    _private: [u8; 0],
}

/// What computes products of matrices in single precision on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Products {
    /// libtorch's choice: MKL on most processors.
    Libtorch,
    /// oneDNN, where a product is large enough to gain by it.
    OneDnn,
}

impl Products {
    /// Every library that can be chosen.
    pub const ALL: [Self; 2] = [Self::Libtorch, Self::OneDnn];

    /// The name by which the program and a run's record call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Libtorch => "libtorch",
            Self::OneDnn => "onednn",
        }
    }
}

/// What computes products in single precision at present: [`Products::OneDnn`] on AMD's processors and
/// [`Products::Libtorch`] on others, unless [`choose_products`] said otherwise.
pub fn products() -> Products {
    let mut chosen = false;
    // SAFETY: `chosen` outlives the call.
    let answer = outcome("products", unsafe { interflow_chosen_onednn(&raw mut chosen) });
    if answer.is_ok() && chosen { Products::OneDnn } else { Products::Libtorch }
}

/// Chooses what computes products in single precision, for the whole process, and returns what was taken: the processor
/// may be none that oneDNN knows. The two round differently, so a run whose numbers are to be the same to the bit
/// keeps to one of them.
///
/// # Errors
/// [`crate::Error::Torch`] if libtorch refuses.
pub fn choose_products(wanted: Products) -> Result<Products> {
    let mut chosen = false;
    let onednn = wanted == Products::OneDnn;
    // SAFETY: `chosen` outlives the call.
    outcome("choosing products", unsafe { interflow_choose_onednn(onednn, &raw mut chosen) })?;
    Ok(if chosen { Products::OneDnn } else { Products::Libtorch })
}

/// `x Wᵀ + b`, for `x` of shape `[…, I]`, `weight` `[O, I]` and `bias` `[O]`: `[…, O]`. Differentiable any number of times,
/// and cast by [`crate::autocast_bf16`], like libtorch's own.
///
/// # Errors
/// [`crate::Error::Torch`] if shapes, kinds or devices do not go together.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    layer("linear", x, weight, bias, false)
}

/// `SiLU(x Wᵀ + b)`, of which one node of the graph remembers what the backward pass needs. Arguments as those of [`linear`].
///
/// # Errors
/// As [`linear`].
pub fn linear_silu(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    layer("linear with SiLU", x, weight, bias, true)
}

fn layer(
    operation: &'static str,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    silu: bool,
) -> Result<Tensor> {
    let mut result = ptr::null_mut();
    let of = |tensor: &Tensor| tensor.as_ptr().cast();
    let bias = bias.map_or(ptr::null(), of);
    // SAFETY: the tensors outlive the call, a bias may be null, and `result` is written unless a message is returned.
    outcome(operation, unsafe { interflow_linear(of(x), of(weight), bias, silu, &raw mut result) })?;
    // SAFETY: `result` is a new tensor of libtorch's, which from here on is the `Tensor`'s to free.
    Ok(unsafe { Tensor::from_ptr(result.cast()) })
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "every scalar here has a graph")]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::autocast_bf16;

    fn numbers(shape: &[i64], seed: f64) -> Tensor {
        let n: i64 = shape.iter().product();
        let values = (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 0.7 + seed * 0.3).sin();
        values.reshape(shape) * 0.5
    }

    /// Weights and a bias of a layer from 24 to 40 numbers, and states of which the product is large enough for oneDNN.
    fn layer_and_states(kind: Kind) -> [Tensor; 3] {
        [numbers(&[8192, 24], 1.0), numbers(&[40, 24], 2.0), numbers(&[40], 3.0)]
            .map(|x| x.to_kind(kind).set_requires_grad(true))
    }

    fn difference(a: &Tensor, b: &Tensor) -> f64 {
        (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
    }

    /// Both ways of a layer with the first and the second derivatives of a scalar of its output.
    fn check(silu: bool, kind: Kind, tolerance: f64) {
        let [x, weight, bias] = layer_and_states(kind);
        let inputs = [&x, &weight, &bias];
        let ways: [&dyn Fn() -> Tensor; 2] = [
            &|| {
                if silu { linear_silu(&x, &weight, Some(&bias)) } else { linear(&x, &weight, Some(&bias)) }
                    .unwrap()
            },
            &|| {
                let z = x.linear(&weight, Some(&bias));
                if silu { z.silu() } else { z }
            },
        ];
        let [found, expected] = ways.map(|way| {
            let value = way();
            let scalar = (value.square() * 0.01).sum(value.kind());
            let first = Tensor::run_backward(&[&scalar], &inputs, true, true);
            let length: Tensor = first.iter().map(|g| g.square().sum(g.kind())).sum();
            let second = Tensor::run_backward(&[&length], &inputs, true, false);
            let plain = Tensor::run_backward(&[&scalar], &inputs, false, false);
            let mut all = vec![value];
            all.extend(first);
            all.extend(second);
            all.extend(plain);
            all
        });
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!((found.size(), found.kind()), (expected.size(), expected.kind()));
            let size = expected.abs().max().double_value(&[]);
            let error = difference(found, expected) / size;
            assert!(error < tolerance, "output {index}, SiLU {silu}: {error}");
        }
    }

    #[test]
    fn layers_and_their_derivatives_are_libtorchs() {
        for products in [Products::Libtorch, Products::OneDnn] {
            choose_products(products).unwrap();
            for silu in [false, true] {
                check(silu, Kind::Double, 1e-12);
                check(silu, Kind::Float, 2e-5);
            }
        }
    }

    #[test]
    fn values_without_a_record_are_those_with_one() {
        let [x, weight, bias] = layer_and_states(Kind::Float);
        for products in Products::ALL {
            choose_products(products).unwrap();
            let apply = || linear_silu(&x, &weight, Some(&bias)).unwrap();
            let error = difference(&apply(), &tch::no_grad(apply));
            assert!(error < 1e-5, "{products:?}: {error}");
            // Views with gaps: columns of wider matrices.
            let part = |x: &Tensor| x.narrow(1, 3, 20);
            let found = tch::no_grad(|| linear(&part(&x), &part(&weight), Some(&bias)).unwrap());
            let expected = part(&x).linear(&part(&weight), Some(&bias));
            assert!(difference(&found, &expected) < 1e-5, "{products:?}");
        }
    }

    #[test]
    fn leading_axes_and_a_missing_bias_are_allowed_and_wrong_shapes_refused() {
        let (x, weight) = (numbers(&[2, 3, 5], 1.0), numbers(&[7, 5], 2.0));
        let found = linear(&x, &weight, None).unwrap();
        assert_eq!(found.size(), [2, 3, 7]);
        assert!(difference(&found, &x.linear(&weight, None::<&Tensor>)) < 1e-14);
        let found = linear_silu(&x, &weight, None).unwrap();
        assert!(difference(&found, &x.linear(&weight, None::<&Tensor>).silu()) < 1e-14);
        assert!(linear(&x, &numbers(&[7, 4], 2.0), None).is_err());
        assert!(linear(&x, &weight, Some(&numbers(&[6], 1.0))).is_err());
        assert!(linear(&x, &numbers(&[7, 5], 2.0).to_kind(Kind::Float), None).is_err());
    }

    #[test]
    fn bf16_casts_the_products_and_gives_gradients_of_the_weights_kind() {
        let [x, weight, bias] = layer_and_states(Kind::Float);
        let apply = || linear_silu(&x, &weight, Some(&bias)).unwrap();
        let value = autocast_bf16(Device::Cpu, apply).unwrap();
        assert_eq!(value.kind(), Kind::BFloat16);
        assert!(difference(&value, &apply()) < 0.02);
        let gradients = |value: Tensor| {
            let mean = value.to_kind(Kind::Float).square().mean(Kind::Float);
            Tensor::run_backward(&[&mean], &[&x, &weight, &bias], false, false)
        };
        for (found, expected) in gradients(value).iter().zip(gradients(apply())) {
            assert_eq!(found.kind(), Kind::Float);
            assert!(difference(found, &expected) < 0.02 * expected.abs().max().double_value(&[]));
        }
        let again = autocast_bf16(Device::Cpu, || linear(&apply(), &weight.tr().contiguous(), None)).unwrap();
        assert_eq!(again.unwrap().kind(), Kind::BFloat16);
        let unrecorded = tch::no_grad(|| autocast_bf16(Device::Cpu, apply)).unwrap();
        assert_eq!(unrecorded.kind(), Kind::BFloat16);
    }
}
