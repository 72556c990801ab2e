//! Tensors shared with other libraries of the process by the protocol `DLPack`, without a copy.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use tch::Tensor;

use crate::call::{made, outcome};
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_to_dlpack(tensor: *const c_void, managed: *mut *mut c_void) -> *mut c_char;
    fn interflow_from_dlpack(managed: *mut c_void, result: *mut *mut c_void) -> *mut c_char;
    fn interflow_drop_dlpack(managed: *mut c_void);
}

/// A tensor as another library shares it: a `DLManagedTensor`, which keeps the memory until it is dropped.
///
/// ```
/// use interflow_libtorch::Dlpack;
/// use tch::Tensor;
///
/// let tensor = Tensor::from_slice(&[1.0, 2.0]);
/// let same = Dlpack::of(&tensor)?.into_tensor()?;
/// assert_eq!(same.data_ptr(), tensor.data_ptr());
/// # Ok::<(), interflow_libtorch::Error>(())
/// ```
#[derive(Debug)]
pub struct Dlpack(NonNull<c_void>);

impl Dlpack {
    /// Shares a tensor, without its record of gradients.
    ///
    /// # Errors
    /// [`Error::Torch`] for a tensor that the protocol has no kind or device for.
    pub fn of(tensor: &Tensor) -> Result<Self> {
        const OPERATION: &str = "share a tensor";
        let mut managed = std::ptr::null_mut();
        // SAFETY: the tensor outlives the call, which leaves a managed tensor of our own or a message.
        outcome(OPERATION, unsafe { interflow_to_dlpack(tensor.as_ptr().cast(), &raw mut managed) })?;
        let problem = || Error::Torch { operation: OPERATION, message: "no tensor came of it".to_owned() };
        NonNull::new(managed).map(Self).ok_or_else(problem)
    }

    /// Takes over what another library has shared.
    ///
    /// # Safety
    /// `managed` points to a `DLManagedTensor`, not its versioned kind, and nobody else drops or takes it over.
    pub unsafe fn from_raw(managed: NonNull<c_void>) -> Self {
        Self(managed)
    }

    /// Hands over the `DLManagedTensor`, whose taker drops it.
    #[must_use]
    pub fn into_raw(self) -> NonNull<c_void> {
        let managed = self.0;
        std::mem::forget(self);
        managed
    }

    /// The tensor, with the memory that was shared.
    ///
    /// # Errors
    /// [`Error::Torch`] for a kind or a device that libtorch does not have.
    pub fn into_tensor(self) -> Result<Tensor> {
        let tensor = made("take over a shared tensor", |result| {
            // SAFETY: the pointer is to a managed tensor of our own.
            unsafe { interflow_from_dlpack(self.0.as_ptr(), result) }
        })?;
        std::mem::forget(self);
        Ok(tensor)
    }
}

impl Drop for Dlpack {
    fn drop(&mut self) {
        // SAFETY: the managed tensor is ours, and nobody uses it after us.
        unsafe { interflow_drop_dlpack(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn memory_is_shared_and_outlives_its_first_owner() {
        let tensor = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0]).view([2, 2]).tr();
        let address = tensor.data_ptr();
        let shared = Dlpack::of(&tensor).unwrap();
        drop(tensor);
        let same = shared.into_tensor().unwrap();
        assert_eq!((same.data_ptr(), same.stride()), (address, vec![1, 2]));
        assert!(same.equal(&Tensor::from_slice(&[1.0, 3.0, 2.0, 4.0]).view([2, 2])));
    }

    #[test]
    fn what_nobody_takes_is_dropped_and_gradients_stay_behind() {
        let tensor = Tensor::zeros([3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        drop(Dlpack::of(&tensor).unwrap());
        assert!(!Dlpack::of(&tensor).unwrap().into_tensor().unwrap().requires_grad());
    }
}
