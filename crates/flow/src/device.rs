//! Devices and threads by name.

use tch::Device;

use crate::error::{During as _, Result, refuse};

/// The device that a name stands for: `cpu`, `cuda` or `cuda:N`. Naming a CUDA device loads libtorch's CUDA libraries.
///
/// # Errors
/// [`crate::Error::Refused`] for an unknown name or a device that is not there, [`crate::Error::Kernel`] if CUDA cannot be
/// loaded.
pub fn parse(name: &str) -> Result<Device> {
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => Some(0),
        Some(("cuda", index)) => index.parse::<usize>().ok(),
        _ => None,
    };
    let Some(index) = index else {
        return refuse(format!("unknown device, expected cpu, cuda or cuda:N, found: {name}"));
    };
    interflow_libtorch::load_cuda().during(format!(
        "cannot use the device {name}\nhint: use --device cpu, or provide CUDA by `cargo xtask setup --cuda`"
    ))?;
    let n_devices = tch::Cuda::device_count().max(0) as usize;
    if index >= n_devices {
        return refuse(format!(
            "this libtorch sees {n_devices} CUDA devices, asked for: {name}\nhint: use --device cpu"
        ));
    }
    Ok(Device::Cuda(index))
}

/// The name of a device, as [`parse`] takes it.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// The most threads of a tensor operation that may be asked for.
pub const MOST_THREADS: u32 = 4096;

/// Sets the threads of a tensor operation for the whole process: `explicit` if given, else the environment's
/// `OMP_NUM_THREADS`, else `configured` but no more than there are cores; at most [`MOST_THREADS`].
pub fn set_threads(explicit: Option<u32>, configured: u32) {
    let from_environment = std::env::var("OMP_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    let available = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    let threads = explicit.or(from_environment).unwrap_or(configured.min(available));
    tch::set_num_threads(threads.clamp(1, MOST_THREADS) as i32);
}
