//! The arrays of an HDF5 file.
//!
//! The decoder allocates what a file claims, so each claim is held against the file's size before it is believed.

use std::path::Path;

use hdf5_pure::{DType, Dataset, File, Layout};
use tch::Tensor;

use super::guard::guarded;
use crate::error::{Error, Result, content, unreadable};

/// No byte of a compressed chunk stands for more than this many.
const MAX_DEFLATION: u64 = 1032;

/// The arrays `[N, D]` of these names, in single precision. `check` sees their shapes before anything is read.
pub(crate) fn arrays(
    path: &Path,
    names: [&str; 3],
    check: impl FnOnce([[i64; 2]; 3]) -> Result<()>,
) -> Result<[Tensor; 3]> {
    guarded(path, || {
        let n_bytes = path.metadata().map_err(unreadable(path))?.len();
        let file = File::open_streaming(path).map_err(refuse(path))?;
        let [first, second, third] = names.map(|name| Array::open(path, &file, name));
        let arrays = [first?, second?, third?];
        check([0, 1, 2].map(|place| arrays[place].shape))?;
        for array in &arrays {
            array.check(n_bytes)?;
        }
        let [first, second, third] = arrays.map(|array| array.read());
        Ok([first?, second?, third?])
    })
}

/// An array that has not been read.
struct Array<'a> {
    path: &'a Path,
    name: &'a str,
    dataset: Dataset,
    shape: [i64; 2],
}

impl<'a> Array<'a> {
    fn open(path: &'a Path, file: &'a File, name: &'a str) -> Result<Self> {
        let dataset = file.dataset(name).map_err(refuse(path))?;
        match dataset.shape().map_err(refuse(path))?[..] {
            [n, dim] => {
                let shape = [n, dim].map(|axis| i64::try_from(axis).unwrap_or(i64::MAX));
                Ok(Self { path, name, dataset, shape })
            }
            ref shape => Err(content(path, format!("expected patches [N, D] in {name}, found: {shape:?}"))),
        }
    }

    /// Refuses an array whose bytes are not all in a file of `n_file` bytes.
    fn check(&self, n_file: u64) -> Result<()> {
        let wrong = |problem: String| content(self.path, format!("{}: {problem}", self.name));
        let size = match self.dataset.dtype().map_err(refuse(self.path))? {
            DType::F32 => 4,
            DType::F64 => 8,
            other => return Err(wrong(format!("expected numbers of kind f32 or f64, found: {other}"))),
        };
        let n_bytes = |axes: &[u64]| axes.iter().try_fold(size, |n: u64, axis| n.checked_mul(*axis));
        let claimed = n_bytes(&self.shape.map(i64::unsigned_abs));
        let missing =
            || wrong(format!("the file is cut, its {n_file} bytes do not hold the array's numbers"));
        match self.dataset.layout().map_err(refuse(self.path))? {
            Layout::Compact { size } if Some(size) == claimed && size <= n_file => Ok(()),
            Layout::Contiguous { address: Some(address), size } if Some(size) == claimed => {
                let end = address.checked_add(size);
                if end.is_some_and(|end| end <= n_file) { Ok(()) } else { Err(missing()) }
            }
            Layout::Chunked { chunk_shape, .. } => {
                let chunk = n_bytes(&chunk_shape).ok_or_else(missing)?;
                let chunks = self.dataset.chunks().map_err(refuse(self.path))?;
                let mut n_stored = 0u64;
                for stored in &chunks {
                    let end = stored.address.checked_add(stored.storage_size);
                    let fits = end.is_some_and(|end| end <= n_file)
                        && chunk <= stored.storage_size.saturating_mul(MAX_DEFLATION);
                    if !fits {
                        return Err(missing());
                    }
                    n_stored = n_stored.saturating_add(stored.storage_size);
                }
                let covers =
                    claimed.is_some_and(|claimed| claimed <= chunk.saturating_mul(chunks.len() as u64));
                if covers && n_stored <= n_file { Ok(()) } else { Err(missing()) }
            }
            _ => Err(missing()),
        }
    }

    fn read(&self) -> Result<Tensor> {
        let values = self.dataset.read_f64().map_err(refuse(self.path))?;
        if values.len() as i64 != self.shape[0] * self.shape[1] {
            let problem =
                format!("expected {:?} numbers in {}, found: {}", self.shape, self.name, values.len());
            return Err(content(self.path, problem));
        }
        let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        Ok(Tensor::from_slice(&values).view(self.shape))
    }
}

fn refuse(path: &Path) -> impl Fn(hdf5_pure::Error) -> Error {
    move |error| content(path, error.to_string())
}
