//! TF32: single-precision products on NVIDIA GPUs by numbers of 10 bits, about eight times as fast.

unsafe extern "C" {
    fn interflow_set_tf32(products: bool, convolutions: bool);
    fn interflow_tf32(products: *mut bool, convolutions: *mut bool);
}

/// What `body` returns, with single-precision products and convolutions on NVIDIA GPUs in TF32, or in true single precision.
///
/// Left alone, libtorch convolves in TF32 and multiplies matrices in single precision. An error of 2⁻¹¹ in each product is
/// harmless in training, but an adaptive solver at a tolerance below it takes it for the field's and goes in small steps, and
/// log-densities are biased. The choice is the whole process's while `body` runs, and means nothing on other devices.
pub fn with_tf32<T>(allowed: bool, body: impl FnOnce() -> T) -> T {
    let _region = Region::begin(allowed);
    body()
}

/// Whether (matrix products, convolutions) in single precision may be in TF32 at present.
pub fn tf32() -> (bool, bool) {
    let (mut products, mut convolutions) = (false, false);
    // SAFETY: both flags outlive the call.
    unsafe { interflow_tf32(&raw mut products, &raw mut convolutions) };
    (products, convolutions)
}

/// Puts back what was set before when it is dropped, also by a panic.
struct Region {
    before: (bool, bool),
}

impl Region {
    fn begin(allowed: bool) -> Self {
        let before = tf32();
        // SAFETY: the call sets two flags of libtorch.
        unsafe { interflow_set_tf32(allowed, allowed) };
        Self { before }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the call sets two flags of libtorch.
        unsafe { interflow_set_tf32(self.before.0, self.before.1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_ends_as_it_began() {
        let before = tf32();
        let inside = with_tf32(true, || (tf32(), with_tf32(false, tf32), tf32()));
        assert_eq!(inside, ((true, true), (false, false), (true, true)));
        assert!(std::panic::catch_unwind(|| with_tf32(!before.0, || panic!("inside"))).is_err());
        assert_eq!(tf32(), before);
    }
}
