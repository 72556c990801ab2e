//! What all calls of the C++ side share: lists of tensors, tensors that it makes, and what it fails of.

use std::ffi::{CStr, CString, c_char, c_void};

use tch::Tensor;

use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_free_message(message: *mut c_char);
}

/// A list of tensors.
pub(crate) type Pointers = *const *const c_void;

/// The tensor that a call leaves where it is told to.
pub(crate) fn made(
    operation: &'static str,
    call: impl FnOnce(*mut *mut c_void) -> *mut c_char,
) -> Result<Tensor> {
    let mut result = std::ptr::null_mut();
    outcome(operation, call(&raw mut result))?;
    // SAFETY: a call without a message has left a new tensor there, which is ours alone.
    Ok(unsafe { Tensor::from_ptr(result.cast()) })
}

/// The list of tensors.
pub(crate) fn pointers(tensors: &[Tensor]) -> Vec<*const c_void> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast()).collect()
}

/// A text for the C++ side.
pub(crate) fn text(operation: &'static str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|error| Error::Torch { operation, message: error.to_string() })
}

/// What became of a call, which answers with nothing or with a message.
pub(crate) fn outcome(operation: &'static str, message: *mut c_char) -> Result<()> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a message is a string from strdup that is ours to free, once.
    let text = unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        interflow_free_message(message);
        text
    };
    Err(Error::Torch { operation, message: text.lines().next().unwrap_or_default().to_owned() })
}
