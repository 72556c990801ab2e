//! Handles on parameters that several threads may read.

use std::sync::{Mutex, PoisonError};

use tch::Tensor;

/// A handle on a parameter's storage; libtorch tensors are not `Sync`, this is.
#[derive(Debug)]
pub(crate) struct Shared(Mutex<Tensor>);

impl Shared {
    /// A handle on the storage of `tensor`.
    pub(crate) fn new(tensor: &Tensor) -> Self {
        Self(Mutex::new(tensor.shallow_clone()))
    }

    /// The parameter, through which gradients reach it.
    pub(crate) fn get(&self) -> Tensor {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shallow_clone()
    }
}
