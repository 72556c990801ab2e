//! How much memory a GPU has left, and how much the process's tensors take there.

use std::ffi::{c_char, c_int};

use tch::Device;

use crate::call::outcome;
use crate::error::Result;

unsafe extern "C" {
    fn interflow_device_memory(
        device: c_int,
        known: *mut bool,
        free: *mut u64,
        allocated: *mut u64,
        peak: *mut u64,
    ) -> *mut c_char;
    fn interflow_reset_peak(device: c_int) -> *mut c_char;
}

/// The memory of a device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// What the process can still have: what no process has, and what libtorch keeps for this one.
    pub free: u64,
    /// What the process's tensors take at present.
    pub allocated: u64,
    /// The most that they took at a time since [`reset_peak_memory`].
    pub peak: u64,
}

/// The memory of a device at present; none for the CPU, whose tensors nobody counts, and where libtorch has no CUDA.
///
/// # Errors
/// [`crate::Error::Torch`] if there is no such device.
pub fn device_memory(device: Device) -> Result<Option<DeviceMemory>> {
    let Some(index) = index(device) else { return Ok(None) };
    let (mut known, mut free, mut allocated, mut peak) = (false, 0, 0, 0);
    // SAFETY: what is written to outlives the call.
    let message = unsafe {
        interflow_device_memory(index, &raw mut known, &raw mut free, &raw mut allocated, &raw mut peak)
    };
    outcome("asking for a device's memory", message)?;
    Ok(known.then_some(DeviceMemory { free, allocated, peak }))
}

/// Counts the device's [`DeviceMemory::peak`] from here on.
///
/// # Errors
/// [`crate::Error::Torch`] if there is no such device.
pub fn reset_peak_memory(device: Device) -> Result<()> {
    let Some(index) = index(device) else { return Ok(()) };
    // SAFETY: the call takes a number.
    outcome("counting a device's memory anew", unsafe { interflow_reset_peak(index) })
}

/// The number of a CUDA device.
fn index(device: Device) -> Option<c_int> {
    match device {
        Device::Cuda(index) => c_int::try_from(index).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_counts_the_cpus_tensors() {
        assert_eq!(device_memory(Device::Cpu).unwrap(), None);
        reset_peak_memory(Device::Cpu).unwrap();
        if !tch::Cuda::is_available() {
            assert_eq!(device_memory(Device::Cuda(0)).unwrap(), None);
        }
    }
}
