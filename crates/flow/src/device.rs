//! Names of devices.

use tch::Device;

use crate::error::{During as _, Result, refuse};

/// The device of this name: `cpu`, `cuda` or `cuda:N`. A name of a CUDA device makes libtorch load its CUDA
/// libraries.
///
/// # Errors
/// [`crate::Error::Refused`] for an unknown name or a device that this machine lacks, [`crate::Error::Kernel`] if
/// CUDA cannot be loaded.
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
