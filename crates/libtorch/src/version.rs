//! The version of libtorch.

use std::ffi::{CStr, c_char};

unsafe extern "C" {
    fn interflow_libtorch_version() -> *const c_char;
}

/// The version of libtorch that this crate was compiled against, such as `2.11.0`: the text of its headers'
/// `TORCH_VERSION`.
pub fn version() -> &'static str {
    // SAFETY: the pointer is to a C string literal, which lives as long as the program.
    let text = unsafe { CStr::from_ptr(interflow_libtorch_version()) };
    text.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn version_is_of_the_series_that_tch_binds() {
        assert!(super::version().starts_with("2."), "{}", super::version());
    }
}
