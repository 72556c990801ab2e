//! Safe calls into what libtorch has and tch has no binding of: fast linear layers, multi-tensor kernels, autocasting,
//! loading CUDA, uploads and the memory of a device, processes that compute together; and the choice of its threads.
//!
//! One call updates all parameters of a network, which for small networks costs a tenth of updating them one
//! by one. This is the only crate of the workspace with `unsafe` in it: the C++ side (`shim`) catches all
//! exceptions and hands them over as text.

mod autocast;
mod call;
mod cuda;
mod device_memory;
mod dlpack;
mod error;
mod linear;
mod mask;
mod memory;
mod process_group;
#[cfg(feature = "stand-in")]
mod stand_in;
mod tf32;
mod threads;
mod upload;
mod version;

use std::ffi::{c_char, c_void};

use tch::Tensor;

use call::{Pointers, made, outcome, pointers};

pub use autocast::{autocast_bf16, has_bf16, without_autocast};
pub use cuda::load_cuda;
pub use device_memory::{DeviceMemory, device_memory, reset_peak_memory};
pub use dlpack::Dlpack;
pub use error::{Error, Result};
pub use linear::{Products, choose_products, linear, linear_silu, products};
pub use mask::mask;
pub use memory::keep_freed_memory;
pub use process_group::{Keeper, MeetingPoint, PartsBefore, PassMean, Place, ProcessGroup, Share};
#[cfg(feature = "stand-in")]
pub use stand_in::{Transfers, stand_in, transfers};
pub use tf32::{tf32, with_tf32};
pub use threads::ThreadChoice;
pub use upload::{pinned, upload};
pub use version::version;

unsafe extern "C" {
    fn interflow_fused_adamw(
        params: Pointers,
        grads: Pointers,
        exp_avgs: Pointers,
        exp_avg_sqs: Pointers,
        steps: Pointers,
        n: usize,
        lr: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        eps: f64,
    ) -> *mut c_char;
    fn interflow_foreach_lerp(dst: Pointers, src: Pointers, n: usize, weight: f64) -> *mut c_char;
    fn interflow_foreach_mul(dst: Pointers, n: usize, factor: f64) -> *mut c_char;
    fn interflow_foreach_scale(dst: Pointers, n: usize, factor: *const c_void) -> *mut c_char;
    fn interflow_total_norm(tensors: Pointers, n: usize, norm: *mut *mut c_void) -> *mut c_char;
}

/// The numbers of an `AdamW` step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// The learning rate.
    pub learning_rate: f64,
    /// The decay of the gradients' mean.
    pub beta1: f64,
    /// The decay of the gradients' second moment.
    pub beta2: f64,
    /// The decoupled weight decay.
    pub weight_decay: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

/// The tensors of an `AdamW` step, one entry per parameter in each list.
#[derive(Debug, Clone, Copy)]
pub struct AdamWState<'a> {
    /// The parameters, overwritten.
    pub params: &'a [Tensor],
    /// Their gradients.
    pub grads: &'a [Tensor],
    /// The gradients' running mean, overwritten.
    pub exp_avgs: &'a [Tensor],
    /// The gradients' running second moment, overwritten.
    pub exp_avg_sqs: &'a [Tensor],
    /// How many steps there were including this one: `f32` scalars, which the caller increments.
    pub steps: &'a [Tensor],
}

/// One step of `AdamW` on all parameters in place, without a record of gradients.
///
/// # Errors
/// [`Error::ListMismatch`] for lists that differ in length or shapes, [`Error::Torch`] if libtorch refuses.
pub fn fused_adamw_(state: AdamWState<'_>, settings: AdamW) -> Result<()> {
    const OPERATION: &str = "fused AdamW";
    let AdamWState { params, grads, exp_avgs, exp_avg_sqs, steps } = state;
    for list in [grads, exp_avgs, exp_avg_sqs] {
        check_same(OPERATION, params, list)?;
    }
    if steps.len() != params.len()
        || steps.iter().any(|step| step.kind() != tch::Kind::Float || step.numel() != 1)
    {
        let problem = format!("expected {} step counts of kind Float, found: {}", params.len(), steps.len());
        return Err(Error::ListMismatch { operation: OPERATION, problem });
    }
    if params.is_empty() {
        return Ok(());
    }
    let lists = [params, grads, exp_avgs, exp_avg_sqs, steps].map(pointers);
    let AdamW { learning_rate, beta1, beta2, weight_decay, epsilon } = settings;
    // SAFETY: each list holds `params.len()` pointers to tensors that outlive the call; shapes agree.
    let message = unsafe {
        interflow_fused_adamw(
            lists[0].as_ptr(),
            lists[1].as_ptr(),
            lists[2].as_ptr(),
            lists[3].as_ptr(),
            lists[4].as_ptr(),
            params.len(),
            learning_rate,
            beta1,
            beta2,
            weight_decay,
            epsilon,
        )
    };
    outcome(OPERATION, message)
}

/// `dst ← dst + weight (src − dst)` for all tensors in place, without a record of gradients.
///
/// # Errors
/// [`Error::ListMismatch`] for lists that differ in length or shapes, [`Error::Torch`] if libtorch refuses.
pub fn foreach_lerp_(dst: &[Tensor], src: &[Tensor], weight: f64) -> Result<()> {
    const OPERATION: &str = "foreach lerp";
    check_same(OPERATION, dst, src)?;
    if dst.is_empty() {
        return Ok(());
    }
    let (to, from) = (pointers(dst), pointers(src));
    // SAFETY: both lists hold `dst.len()` pointers to tensors that outlive the call.
    outcome(OPERATION, unsafe { interflow_foreach_lerp(to.as_ptr(), from.as_ptr(), dst.len(), weight) })
}

/// `dst ← factor · dst` for all tensors in place, without a record of gradients.
///
/// # Errors
/// [`Error::Torch`] if libtorch refuses.
pub fn foreach_mul_(dst: &[Tensor], factor: f64) -> Result<()> {
    if dst.is_empty() {
        return Ok(());
    }
    let to = pointers(dst);
    // SAFETY: the list holds `dst.len()` pointers to tensors that outlive the call.
    outcome("foreach mul", unsafe { interflow_foreach_mul(to.as_ptr(), dst.len(), factor) })
}

/// `dst ← factor · dst` for all tensors in place, without a record of gradients, where the factor is a scalar on their device:
/// nobody waits for it there.
///
/// # Errors
/// [`Error::Torch`] if libtorch refuses.
pub fn foreach_scale_(dst: &[Tensor], factor: &Tensor) -> Result<()> {
    if dst.is_empty() {
        return Ok(());
    }
    let to = pointers(dst);
    // SAFETY: the list holds `dst.len()` pointers to tensors that outlive the call, and so does the factor.
    let message = unsafe { interflow_foreach_scale(to.as_ptr(), dst.len(), factor.as_ptr().cast()) };
    outcome("foreach scale", message)
}

/// The Euclidean norm of all tensors' entries together, a scalar on their device, which nobody waits for; zero on the CPU for
/// no tensor.
///
/// # Errors
/// [`Error::Torch`] if libtorch refuses.
pub fn total_norm(tensors: &[Tensor]) -> Result<Tensor> {
    if tensors.is_empty() {
        return Ok(Tensor::zeros([], (tch::Kind::Float, tch::Device::Cpu)));
    }
    let list = pointers(tensors);
    made("total norm", |norm| {
        // SAFETY: the list holds `tensors.len()` pointers to tensors that outlive the call, and so does `norm`.
        unsafe { interflow_total_norm(list.as_ptr(), tensors.len(), norm) }
    })
}

fn check_same(operation: &'static str, a: &[Tensor], b: &[Tensor]) -> Result<()> {
    if a.len() != b.len() {
        let problem = format!("expected {} tensors, found: {}", a.len(), b.len());
        return Err(Error::ListMismatch { operation, problem });
    }
    let differs =
        |(a, b): (&Tensor, &Tensor)| a.size() != b.size() || a.kind() != b.kind() || a.device() != b.device();
    match a.iter().zip(b).position(differs) {
        None => Ok(()),
        Some(i) => Err(Error::ListMismatch {
            operation,
            problem: format!(
                "tensor {i}: expected {:?}, found: {:?}",
                (a[i].size(), a[i].kind()),
                (b[i].size(), b[i].kind())
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    #[test]
    fn adamw_is_the_plain_formula() {
        let settings =
            AdamW { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, weight_decay: 0.1, epsilon: 1e-8 };
        let params = [Tensor::from_slice(&[0.5f64, -1.0, 2.0]).view([3, 1])];
        let (means, squares) = ([params[0].zeros_like()], [params[0].zeros_like()]);
        let steps = [Tensor::from_slice(&[0f32]).squeeze()];
        let mut expected = [(0.5, 0.0, 0.0), (-1.0, 0.0, 0.0), (2.0, 0.0, 0.0)];
        for step in 1..=20 {
            let g: Vec<f64> = (0..3).map(|i| (f64::from(step) * 0.7 + f64::from(i)).sin()).collect();
            let grads = [Tensor::from_slice(&g).view([3, 1])];
            let _ = steps[0].shallow_clone().g_add_scalar_(1.0);
            let state = AdamWState {
                params: &params,
                grads: &grads,
                exp_avgs: &means,
                exp_avg_sqs: &squares,
                steps: &steps,
            };
            fused_adamw_(state, settings).unwrap();
            for ((p, m, v), g) in expected.iter_mut().zip(&g) {
                *p *= 1.0 - settings.learning_rate * settings.weight_decay;
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let (mean, square) = (*m / (1.0 - 0.9f64.powi(step)), *v / (1.0 - 0.999f64.powi(step)));
                *p -= settings.learning_rate * mean / (square.sqrt() + settings.epsilon);
            }
        }
        for ((p, ..), i) in expected.iter().zip(0..) {
            let found = params[0].double_value(&[i, 0]);
            assert!((found - p).abs() < 1e-12, "expected {p}, found {found}");
        }
    }

    #[test]
    fn transposed_gradients_are_read_by_index() {
        let settings = AdamW { learning_rate: 0.1, beta1: 0.0, beta2: 0.0, weight_decay: 0.0, epsilon: 0.0 };
        let params = [Tensor::zeros([2, 3], (Kind::Float, tch::Device::Cpu))];
        let grads = [Tensor::from_slice(&[1f32, -1.0, 1.0, 1.0, -1.0, -1.0]).view([3, 2]).tr()];
        let (means, squares) = ([params[0].zeros_like()], [params[0].zeros_like()]);
        let steps = [Tensor::from_slice(&[1f32])];
        let state = AdamWState {
            params: &params,
            grads: &grads,
            exp_avgs: &means,
            exp_avg_sqs: &squares,
            steps: &steps,
        };
        fused_adamw_(state, settings).unwrap();
        let difference = (&params[0] + grads[0].sign() * 0.1).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn lerp_mul_and_norm() {
        let (dst, src) = ([Tensor::from_slice(&[0.0, 2.0])], [Tensor::from_slice(&[6.0, 2.0])]);
        foreach_lerp_(&dst, &src, 0.5).unwrap();
        assert!(dst[0].equal(&Tensor::from_slice(&[3.0, 2.0])));
        foreach_mul_(&dst, 2.0).unwrap();
        let norm = || total_norm(&dst).unwrap().double_value(&[]);
        assert!((norm() - 52f64.sqrt()).abs() < 1e-12);
        foreach_scale_(&dst, &Tensor::from(0.5)).unwrap();
        assert!((norm() - 13f64.sqrt()).abs() < 1e-12);
        assert!(total_norm(&[]).unwrap().equal(&Tensor::from(0f32)));
    }

    #[test]
    fn mismatches_and_exceptions_are_errors() {
        let (a, b) = ([Tensor::from_slice(&[0.0, 2.0])], [Tensor::from_slice(&[6.0])]);
        assert!(matches!(foreach_lerp_(&a, &b, 0.5), Err(Error::ListMismatch { .. })));
        assert!(matches!(foreach_lerp_(&a, &[], 0.5), Err(Error::ListMismatch { .. })));
        let integers = [Tensor::from_slice(&[1i64])];
        assert!(matches!(total_norm(&integers), Err(Error::Torch { .. })));
    }
}
