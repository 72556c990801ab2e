//! Numbers of a law, kept outside libtorch so that the law can be shared between threads.

use tch::{Kind, Tensor};

/// An immutable array of `f64`; libtorch tensors are not `Sync`, this is.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    values: Vec<f64>,
    shape: Vec<i64>,
}

impl Constant {
    /// The numbers of `tensor`.
    pub(crate) fn of(tensor: &Tensor) -> Self {
        let flat = tensor.detach().to_kind(Kind::Double).to_device(tch::Device::Cpu).contiguous().view(-1);
        Self { values: Vec::<f64>::try_from(&flat).unwrap_or_default(), shape: tensor.size() }
    }

    /// The numbers as a `Double` tensor on the CPU.
    pub(crate) fn tensor(&self) -> Tensor {
        Tensor::from_slice(&self.values).view(self.shape.as_slice())
    }

    /// The numbers as a tensor of the kind and on the device of `x`.
    pub(crate) fn like(&self, x: &Tensor) -> Tensor {
        self.tensor().to_kind(x.kind()).to_device(x.device())
    }

    /// The length of axis `axis`.
    pub(crate) fn size(&self, axis: usize) -> i64 {
        self.shape[axis]
    }
}
