//! Random masks.

use std::ffi::{c_char, c_void};

use tch::Tensor;

use crate::call::made;
use crate::error::Result;

unsafe extern "C" {
    fn interflow_mask(like: *const c_void, share: f64, seed: u64, result: *mut *mut c_void) -> *mut c_char;
}

/// Independent numbers that are 1 with probability `share` and otherwise 0, of the shape, kind and device of `like`: a
/// function of the seed, which differs between devices.
///
/// They are made on that device, since masks are as large as the inner state of a network, too large to be copied there, and
/// by a generator of their own, so that libtorch's, which the whole process shares, stays as it was.
///
/// # Errors
/// [`crate::Error::Torch`] if `share` is not in [0, 1], or the device has no memory left.
pub fn mask(like: &Tensor, share: f64, seed: u64) -> Result<Tensor> {
    made("a mask", |result| {
        // SAFETY: the tensor outlives the call, and so does `result`.
        unsafe { interflow_mask(like.as_ptr().cast(), share, seed, result) }
    })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn masks_are_functions_of_their_seed_and_leave_the_shared_generator_alone() {
        let like = Tensor::zeros([100, 7, 30], (Kind::Float, Device::Cpu));
        let next = || Tensor::rand([1], (Kind::Double, Device::Cpu)).double_value(&[0]);
        tch::manual_seed(5);
        let expected = [next(), next()];
        tch::manual_seed(5);
        let before = next();
        let first = mask(&like, 0.9, 3).unwrap();
        assert_eq!([before, next()].map(f64::to_bits), expected.map(f64::to_bits));
        assert_eq!((first.size(), first.kind()), (like.size(), Kind::Float));
        let is_zero_or_one = first.eq(0.0).logical_or(&first.eq(1.0)).all();
        assert!(is_zero_or_one.int64_value(&[]) == 1);
        let n = f64::from(100 * 7 * 30);
        assert!((first.mean(Kind::Double).double_value(&[]) - 0.9).abs() < 4.0 * (0.09 / n).sqrt());
        assert!(mask(&like, 0.9, 3).unwrap().equal(&first));
        // The numbers that libtorch's own generator makes of the seed.
        tch::manual_seed(3);
        assert!(like.empty_like().bernoulli_float_(0.9).equal(&first));
        assert!(!mask(&like, 0.9, 4).unwrap().equal(&first));
        assert!(mask(&like, 1.5, 3).is_err());
    }
}
