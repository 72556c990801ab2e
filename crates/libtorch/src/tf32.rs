//! TF32: single-precision products on NVIDIA GPUs by numbers of 10 bits, which its maker calls eight times as fast.

use std::sync::{Mutex, PoisonError};

unsafe extern "C" {
    fn interflow_set_tf32(products: bool, convolutions: bool);
    fn interflow_tf32(products: *mut bool, convolutions: *mut bool);
}

/// What `body` returns, with single-precision products and convolutions on NVIDIA GPUs in TF32, or in true single precision.
///
/// Left alone, libtorch convolves in TF32 and multiplies matrices in single precision. An error of 2⁻¹¹ in each product is
/// harmless in training, but an adaptive solver at a tolerance below it takes it for the field's and goes in small steps, and
/// log-densities are biased. The choice is the whole process's while `body` runs, and means nothing on other devices: of
/// several threads the last one to begin decides for all.
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

/// The regions that threads are in at present, the last one begun at the end: libtorch has one setting for all of them.
struct Regions {
    /// What was set before the first of them.
    base: (bool, bool),
    /// The number of each, and whether it allows TF32.
    active: Vec<(u64, bool)>,
    begun: u64,
}

static REGIONS: Mutex<Regions> = Mutex::new(Regions { base: (false, false), active: Vec::new(), begun: 0 });

impl Regions {
    /// A region begins where this is set; its number.
    fn begin(&mut self, allowed: bool, now: (bool, bool)) -> u64 {
        if self.active.is_empty() {
            self.base = now;
        }
        self.begun += 1;
        self.active.push((self.begun, allowed));
        self.begun
    }

    fn end(&mut self, number: u64) {
        self.active.retain(|(other, _)| *other != number);
    }

    /// What is to be set: as the last region wants it, or as it was before all of them.
    fn wanted(&self) -> (bool, bool) {
        self.active.last().map_or(self.base, |(_, allowed)| (*allowed, *allowed))
    }
}

/// A region, which ends when it is dropped, also by a panic.
struct Region(u64);

impl Region {
    fn begin(allowed: bool) -> Self {
        let mut regions = REGIONS.lock().unwrap_or_else(PoisonError::into_inner);
        let number = regions.begin(allowed, tf32());
        set(regions.wanted());
        Self(number)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let mut regions = REGIONS.lock().unwrap_or_else(PoisonError::into_inner);
        regions.end(self.0);
        set(regions.wanted());
    }
}

fn set((products, convolutions): (bool, bool)) {
    // SAFETY: the call sets two flags of libtorch.
    unsafe { interflow_set_tf32(products, convolutions) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_several_threads_leave_what_was_before_them() {
        let (before, all, none) = ((false, true), (true, true), (false, false));
        let mut regions = Regions { base: none, active: Vec::new(), begun: 0 };
        let training = regions.begin(true, before);
        assert_eq!(regions.wanted(), all);
        let likelihood = regions.begin(false, all);
        assert_eq!(regions.wanted(), none);
        regions.end(training);
        assert_eq!(regions.wanted(), none, "the one that is left decides");
        regions.end(likelihood);
        assert_eq!(regions.wanted(), before);
    }

    #[test]
    fn threads_come_and_go_at_any_time() {
        let before = tf32();
        std::thread::scope(|scope| {
            for number in 0..4 {
                scope.spawn(move || {
                    for step in 0..500 {
                        let sum = with_tf32((number + step) % 2 == 0, || with_tf32(false, || number + step));
                        assert_eq!(sum, number + step);
                    }
                });
            }
        });
        assert!(std::panic::catch_unwind(|| with_tf32(true, || panic!("inside"))).is_err());
        assert_eq!(tf32(), before);
    }
}
