//! A second device for tests, on machines without one.

use std::ffi::c_char;
use std::ops::Sub;
use std::sync::OnceLock;

use tch::Device;

use crate::call::outcome;
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_stand_in() -> *mut c_char;
    fn interflow_transfers(to_device: *mut u64, to_host: *mut u64);
}

/// The stand-in: `Device::Cuda(0)` of a libtorch without CUDA, on which every operation is computed by the CPU's
/// kernels, and which refuses tensors of the CPU as a GPU does.
///
/// From the first call on the process has it, for good. It tells nothing of CUDA's kernels or of its speed, but a program
/// that mixes devices fails on it, and [`transfers`] says how often a GPU would have had to wait for the host.
///
/// # Errors
/// [`Error::Cuda`] where libtorch has CUDA itself.
pub fn stand_in() -> Result<Device> {
    static FAILURE: OnceLock<Option<String>> = OnceLock::new();
    let install = || {
        // SAFETY: the call takes nothing, and runs once.
        let message = unsafe { interflow_stand_in() };
        outcome("installing the stand-in device", message).err().map(|error| error.to_string())
    };
    match FAILURE.get_or_init(install) {
        None => Ok(Device::Cuda(0)),
        Some(message) => Err(Error::Cuda { message: message.clone() }),
    }
}

/// How many tensors went between the host and the stand-in, in the whole process so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfers {
    /// Uploads.
    pub to_device: u64,
    /// Downloads, and numbers, sizes and comparisons that the host had to read: for each a GPU's queue runs empty.
    pub to_host: u64,
}

impl Sub for Transfers {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        let Self { to_device, to_host } = self;
        Self { to_device: to_device - before.to_device, to_host: to_host - before.to_host }
    }
}

/// The count so far; its difference over a call is what the call cost, where no other thread uses the stand-in.
pub fn transfers() -> Transfers {
    let (mut to_device, mut to_host) = (0, 0);
    // SAFETY: both numbers outlive the call.
    unsafe { interflow_transfers(&raw mut to_device, &raw mut to_host) };
    Transfers { to_device, to_host }
}
