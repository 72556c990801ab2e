//! The module `_interflow` of the Python package `interflow`: the library's flows for Python's torch.
//!
//! It is thin. Tensors are shared with the torch that Python has imported, which is where this module's libtorch comes from,
//! too; what arrays and data frames need is written in Python, beside it. Python's interpreter lock is released while the
//! library works, signals are looked after meanwhile, and the library's errors are Python's exceptions with the same text.

#![deny(missing_docs)]

mod attention;
mod capsule;
mod choice;
mod column;
mod error;
mod fit;
mod flow;
mod journal;
mod memory;
mod mutex;
mod points;
mod report;
mod samples;
mod table;
mod train;

#[pyo3::pymodule]
mod _interflow {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::capsule::shared;
    #[pymodule_export]
    use crate::column::Column;
    #[pymodule_export]
    use crate::fit::fit;
    #[pymodule_export]
    use crate::flow::Flow;
    #[pymodule_export]
    use crate::memory::keep_freed_memory;
    #[pymodule_export]
    use crate::report::{Step, Validation};
    #[pymodule_export]
    use crate::train::train;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::journal::keep();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
