//! The devices that libtorch sees, and waiting for them.

use std::panic::catch_unwind;

use serde::Serialize;
use tch::{Cuda, Device, Kind, Tensor};

/// What libtorch sees of CUDA.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Devices {
    /// libtorch's version.
    pub libtorch: &'static str,
    /// Why CUDA could not be loaded; none where it was.
    pub cuda_error: Option<String>,
    /// How many CUDA devices there are.
    pub n_cuda: i64,
    /// Whether libtorch has cuDNN.
    pub cudnn: bool,
    /// The threads of a tensor operation on the CPU.
    pub threads: i32,
    /// Whether the CPU multiplies in bfloat16 by instructions of its own.
    pub bf16_on_cpu: bool,
    /// What multiplies on the CPU in single precision.
    pub products_on_cpu: &'static str,
    /// For each CUDA device why it does not multiply; none where it does.
    pub faults: Vec<Option<String>>,
}

impl Devices {
    /// Loads CUDA and multiplies on each device.
    pub fn found() -> Self {
        let cuda_error = interflow_libtorch::load_cuda().err().map(|error| error.to_string());
        let n_cuda = Cuda::device_count().max(0);
        Self {
            libtorch: interflow_libtorch::version(),
            cuda_error,
            n_cuda,
            cudnn: Cuda::cudnn_is_available(),
            threads: tch::get_num_threads(),
            bf16_on_cpu: interflow_libtorch::has_bf16(),
            products_on_cpu: interflow_libtorch::products().name(),
            faults: (0..n_cuda as usize).map(fault).collect(),
        }
    }
}

/// Why a device does not multiply.
fn fault(index: usize) -> Option<String> {
    let ones = Tensor::f_ones([64, 64], (Kind::Float, Device::Cuda(index)));
    let product = ones.and_then(|ones| ones.f_matmul(&ones)).and_then(|product| product.f_sum(Kind::Float));
    let sum = match product {
        Ok(sum) => sum.double_value(&[]),
        Err(error) => return Some(error.to_string()),
    };
    ((sum - 64f64.powi(3)).abs() > 0.5).then(|| format!("a product sums to {sum}"))
}

/// Waits for the work of a CUDA device. There is nothing to wait for on the CPU, nor on a device that has failed, whose next
/// operation says so.
pub fn synchronize(device: Device) {
    let _ = catch_unwind(|| {
        if let Device::Cuda(index) = device
            && Cuda::is_available()
        {
            Cuda::synchronize(index as i64);
        }
    });
}
