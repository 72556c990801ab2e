//! Devices and threads, from the command line to libtorch.

use anyhow::{Context, Result, bail};
use tch::Device;

/// The device a name stands for.
pub(crate) fn parse_device(name: &str) -> Result<Device> {
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => 0,
        Some(("cuda", index)) if index.parse::<usize>().is_ok() => index.parse()?,
        _ => bail!("unknown device, expected cpu, cuda or cuda:N, found: {name}"),
    };
    interflow_libtorch::load_cuda().with_context(|| {
        format!("cannot use the device {name}\nhint: use --device cpu, or provide CUDA by `cargo xtask setup --cuda`")
    })?;
    let n_devices = tch::Cuda::device_count().max(0) as usize;
    if index >= n_devices {
        bail!("this libtorch sees {n_devices} CUDA devices, asked for: {name}\nhint: use --device cpu");
    }
    Ok(Device::Cuda(index))
}

/// Sets the threads of a tensor operation; an explicit `OMP_NUM_THREADS` wins over the config.
pub(crate) fn set_threads(explicit: Option<u32>, configured: u32) {
    let from_environment = std::env::var("OMP_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    let available = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    let threads = explicit.or(from_environment).unwrap_or(configured.min(available)).max(1);
    tch::set_num_threads(threads as i32);
}
