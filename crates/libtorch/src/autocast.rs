//! Mixed precision: matrix products in bfloat16, everything else as it is.

use std::ffi::c_char;

use tch::Device;

use crate::call::outcome;
use crate::error::Result;

unsafe extern "C" {
    fn interflow_autocast_begin(cuda: bool, enabled: bool, before: *mut bool) -> *mut c_char;
    fn interflow_autocast_end(cuda: bool, before: bool) -> *mut c_char;
}

/// Runs `body` with matrix products on `device` cast to bfloat16; weights and sums keep their kind. Backward
/// passes belong outside. Not faster on a CPU without bfloat16 instructions.
///
/// # Errors
/// [`crate::Error::Torch`] if libtorch cannot cast on this device.
pub fn autocast_bf16<T>(device: Device, body: impl FnOnce() -> T) -> Result<T> {
    let _region = Region::begin(device, Products::Bf16)?;
    Ok(body())
}

/// Whether the CPU multiplies in bfloat16 by instructions of its own, at twice or more of the speed of single precision.
pub fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512bf16");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("bf16");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// Runs `body` with matrix products on `device` in their own kind, inside of [`autocast_bf16`] too.
///
/// # Errors
/// [`crate::Error::Torch`] if libtorch cannot cast on this device.
pub fn without_autocast<T>(device: Device, body: impl FnOnce() -> T) -> Result<T> {
    let _region = Region::begin(device, Products::OwnKind)?;
    Ok(body())
}

/// The kind of matrix products in a region.
#[derive(Clone, Copy, PartialEq)]
enum Products {
    Bf16,
    OwnKind,
}

/// Ends the casting when it is dropped, also by a panic.
struct Region {
    cuda: bool,
    before: bool,
}

impl Region {
    fn begin(device: Device, products: Products) -> Result<Self> {
        let (cuda, mut before) = (device.is_cuda(), false);
        let enabled = products == Products::Bf16;
        // SAFETY: `before` outlives the call; the call touches this thread's state only.
        outcome("autocast", unsafe { interflow_autocast_begin(cuda, enabled, &raw mut before) })?;
        Ok(Self { cuda, before })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the call touches this thread's state only.
        let message = unsafe { interflow_autocast_end(self.cuda, self.before) };
        // Nothing is left to be done about a failure, and the region has ended either way.
        let _ = outcome("autocast", message);
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    #[test]
    fn products_are_cast_inside_only_and_sums_are_not() {
        let x = Tensor::ones([3, 5], (Kind::Float, Device::Cpu)) * 0.3;
        let weight = Tensor::ones([2, 5], (Kind::Float, Device::Cpu)) * 0.7;
        let product = || x.linear::<&Tensor>(&weight, None);
        let (inside, sum) = autocast_bf16(Device::Cpu, || (product(), &x + &x)).unwrap();
        assert_eq!((inside.kind(), inside.size()), (Kind::BFloat16, vec![3, 2]));
        assert_eq!(sum.kind(), Kind::Float);
        let spared = || without_autocast(Device::Cpu, product).unwrap();
        let (spared, after) = autocast_bf16(Device::Cpu, || (spared(), product())).unwrap();
        assert_eq!((spared.kind(), after.kind()), (Kind::Float, Kind::BFloat16));
        let error = (inside.to_kind(Kind::Float) - product()).abs().max().double_value(&[]);
        assert!(error > 0.0 && error < 0.01, "{error}");
        assert_eq!(product().kind(), Kind::Float);
    }

    #[test]
    fn a_panic_ends_the_region() {
        let panicked = std::panic::catch_unwind(|| autocast_bf16(Device::Cpu, || panic!("inside")));
        assert!(panicked.is_err());
        let x = Tensor::ones([3, 3], (Kind::Float, Device::Cpu));
        assert_eq!(x.mm(&x).kind(), Kind::Float);
    }

    #[test]
    fn changed_weights_are_cast_again() {
        let mut weight = Tensor::ones([2, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let x = Tensor::ones([1, 2], (Kind::Float, Device::Cpu));
        let value = |weight: &Tensor| {
            autocast_bf16(Device::Cpu, || x.linear::<&Tensor>(weight, None)).unwrap().double_value(&[0, 0])
        };
        assert!((value(&weight) - 2.0).abs() < 1e-6);
        tch::no_grad(|| weight.copy_(&(&weight * 3.0)));
        assert!((value(&weight) - 6.0).abs() < 1e-6);
    }
}
