//! CUDA for a program that was linked without it: one binary serves machines with and without a GPU.

use std::ffi::c_char;
use std::sync::OnceLock;

use crate::call::outcome;
use crate::error::{Error, Result};

unsafe extern "C" {
    fn interflow_load_cuda() -> *mut c_char;
}

/// Makes CUDA devices known to libtorch, unless they are already, by loading `libtorch_cuda` from the folder of
/// `libtorch_cpu`; once, and to be called before libtorch is first asked for its devices.
///
/// # Errors
/// [`Error::Cuda`] with the loader's reason, the same one at every call.
pub fn load_cuda() -> Result<()> {
    static FAILURE: OnceLock<Option<String>> = OnceLock::new();
    let load = || {
        // SAFETY: the call takes nothing; the library's initialisers are libtorch's own and run once.
        let message = unsafe { interflow_load_cuda() };
        outcome("loading libtorch_cuda", message).err().map(|error| error.to_string())
    };
    match FAILURE.get_or_init(load) {
        None => Ok(()),
        Some(message) => Err(Error::Cuda { message: message.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_without_cuda_says_which_file_is_missing() {
        if let Err(error) = load_cuda() {
            assert!(error.to_string().contains("cuda"), "{error}");
            assert_eq!(load_cuda().unwrap_err().to_string(), error.to_string());
        }
        assert!(tch::Cuda::device_count() >= 0);
    }
}
