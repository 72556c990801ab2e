//! Tensors between Python's torch and Rust without a copy, by capsules of the protocol `DLPack`.

#![allow(unsafe_code, reason = "what a capsule points to is known by its name alone")]

use std::ffi::CStr;
use std::ptr::NonNull;

use interflow::tch::Tensor;
use interflow_libtorch::Dlpack;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::raised;

/// The name of a capsule whose tensor nobody has taken yet, and of one that was taken.
const FRESH: &CStr = c"dltensor";
const TAKEN: &CStr = c"used_dltensor";

/// A tensor that Python's torch and Rust share: a `torch.Tensor` on the one side, its memory on the other.
pub(crate) struct Shared(pub(crate) Tensor);

/// The same tensor after a way through Rust: a check that no copy is made.
#[pyfunction]
pub(crate) fn shared(tensor: Shared) -> Shared {
    tensor
}

impl<'py> FromPyObject<'_, 'py> for Shared {
    type Error = PyErr;

    fn extract(tensor: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = tensor.py();
        if !tensor.is_instance(&py.import("torch")?.getattr("Tensor")?)? {
            return Err(PyTypeError::new_err(format!(
                "expected a torch.Tensor, found: {}",
                tensor.get_type()
            )));
        }
        let plain = tensor.call_method0("detach")?;
        let capsule = py.import("torch.utils.dlpack")?.call_method1("to_dlpack", (plain,))?;
        Ok(Self(take(capsule.cast::<PyCapsule>()?)?))
    }
}

impl<'py> IntoPyObject<'py> for Shared {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("torch.utils.dlpack")?.call_method1("from_dlpack", (give(py, &self.0)?,))
    }
}

/// The tensor of a capsule, which is marked as taken.
fn take(capsule: &Bound<'_, PyCapsule>) -> PyResult<Tensor> {
    let managed = capsule.pointer_checked(Some(FRESH))?;
    // SAFETY: the capsule is alive, and the name is a literal.
    if unsafe { ffi::PyCapsule_SetName(capsule.as_ptr(), TAKEN.as_ptr()) } != 0 {
        return Err(PyErr::fetch(capsule.py()));
    }
    // SAFETY: by the protocol a capsule of this name points to a `DLManagedTensor` that belongs to whoever renames it.
    let shared = unsafe { Dlpack::from_raw(managed) };
    shared.into_tensor().map_err(raised)
}

/// A capsule with a tensor to be taken.
fn give<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyCapsule>> {
    let managed = Dlpack::of(tensor).map_err(raised)?.into_raw();
    // SAFETY: the pointer is to a `DLManagedTensor`, which whoever takes it drops, or else the capsule does.
    unsafe { PyCapsule::new_with_pointer_and_destructor(py, managed, FRESH, Some(drop_untaken)) }
}

/// Drops the tensor of a capsule that nobody has taken it from.
unsafe extern "C" fn drop_untaken(capsule: *mut ffi::PyObject) {
    // SAFETY: Python calls this with a capsule that [`give`] has made; one of this name still owns its tensor.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, FRESH.as_ptr()) == 1
            && let Some(managed) = NonNull::new(ffi::PyCapsule_GetPointer(capsule, FRESH.as_ptr()))
        {
            drop(Dlpack::from_raw(managed));
        }
    }
}
