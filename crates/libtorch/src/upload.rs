//! Tensors on their way to a device, without anybody waiting for them.

use std::ffi::{c_char, c_int, c_void};

use tch::{Device, Tensor};

use crate::call::made;
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_pinned(x: *const c_void, result: *mut *mut c_void) -> *mut c_char;
    fn interflow_upload(x: *const c_void, device: c_int, result: *mut *mut c_void) -> *mut c_char;
}

/// The tensor, which is on the CPU, in memory that a GPU reads without the host's help, as [`upload`] needs it; the tensor
/// itself where libtorch sees no GPU. Such memory is copied to: for threads that have the time.
///
/// # Errors
/// [`crate::Error::Torch`] if the system gives no such memory.
pub fn pinned(x: &Tensor) -> Result<Tensor> {
    made("pinning memory", |result| {
        // SAFETY: the tensor outlives the call, and so does `result`.
        unsafe { interflow_pinned(x.as_ptr().cast(), result) }
    })
}

/// The tensor on `device`, itself where it is there already. A tensor that is [`pinned`] arrives while the host goes on, and
/// its memory is not used for anything else before that.
///
/// # Errors
/// [`crate::Error::Torch`] if there is no such device, or it has no memory left.
pub fn upload(x: &Tensor, device: Device) -> Result<Tensor> {
    const OPERATION: &str = "an upload";
    let Device::Cuda(index) = device else {
        let refused =
            |error: tch::TchError| Error::Torch { operation: OPERATION, message: error.to_string() };
        return x.f_to_device(device).map_err(refused);
    };
    let index = c_int::try_from(index).unwrap_or(c_int::MAX);
    made(OPERATION, |result| {
        // SAFETY: the tensor outlives the call, and so does `result`.
        unsafe { interflow_upload(x.as_ptr().cast(), index, result) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_as_it_is() {
        let x = Tensor::from_slice(&[1.0f32, 2.0]);
        let there = upload(&pinned(&x).unwrap(), Device::Cpu).unwrap();
        assert!(there.equal(&x) && there.device() == Device::Cpu);
        if !tch::Cuda::is_available() {
            assert_eq!(there.data_ptr(), x.data_ptr(), "nothing was copied");
            assert!(upload(&x, Device::Cuda(0)).is_err());
        }
    }
}
