//! The arrays of an HDF5 file.

use std::path::Path;

use hdf5_pure::File;
use tch::Tensor;

use crate::error::{Error, Result, content};

/// The arrays `[N, D]` of these names, in single precision.
pub(crate) fn arrays(path: &Path, names: [&str; 3]) -> Result<[Tensor; 3]> {
    let file = File::open_streaming(path).map_err(refuse(path))?;
    let [first, second, third] = names.map(|name| array(path, &file, name));
    Ok([first?, second?, third?])
}

fn array(path: &Path, file: &File, name: &str) -> Result<Tensor> {
    let array = file.dataset(name).map_err(refuse(path))?;
    let values = array.read_f64().map_err(refuse(path))?.into_iter().map(|value| value as f32);
    let values = Tensor::from_slice(&values.collect::<Vec<f32>>());
    match array.shape().map_err(refuse(path))?[..] {
        [n, dim] => Ok(values.view([n as i64, dim as i64])),
        ref shape => Err(content(path, format!("expected patches [N, D] in {name}, found: {shape:?}"))),
    }
}

fn refuse(path: &Path) -> impl Fn(hdf5_pure::Error) -> Error {
    move |error| content(path, error.to_string())
}
