//! The process's memory.

use pyo3::prelude::*;

/// Lets the process keep the memory that tensors free.
#[pyfunction]
pub(crate) fn keep_freed_memory() -> bool {
    interflow_libtorch::keep_freed_memory()
}
