//! Memory that the allocator keeps for the next step.

use std::ffi::c_int;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    fn mallopt(parameter: c_int, value: c_int) -> c_int;
}

/// Makes the process keep the memory that tensors free, in place of giving large buffers back to the kernel: a training step
/// asks for the same buffers again and again, and mapping them anew costs up to a quarter of a large step. Returns whether
/// the allocator understood: it does with glibc, and does nothing elsewhere.
///
/// The process then stays as large as it once was, which is a program's to choose: the command-line program does, a library
/// leaves it to its host. To be called first thing in `main`, before there are other threads.
pub fn keep_freed_memory() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // As in glibc's malloc.h.
        const TRIM_THRESHOLD: c_int = -1;
        const TOP_PAD: c_int = -2;
        const MMAP_MAX: c_int = -4;
        let settings = [(TRIM_THRESHOLD, c_int::MAX), (TOP_PAD, 64 << 20), (MMAP_MAX, 0)];
        // SAFETY: the function takes two numbers and locks the allocator's state itself.
        settings.iter().all(|&(parameter, value)| unsafe { mallopt(parameter, value) } == 1)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
