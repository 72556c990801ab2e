//! Tables of numbers from files, and back to CSV and NPY.

use std::io;
use std::path::Path;

use interflow_core::atomic;
use npyz::WriterBuilder as _;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::npy;

/// A table of finite numbers.
#[derive(Debug)]
pub struct Table {
    /// The names of the columns, if there is a header.
    pub columns: Option<Vec<String>>,
    /// The numbers, `[N, D]`, in double precision on the CPU.
    pub values: Tensor,
}

/// The table of an array.
pub(crate) fn of_array(path: &Path, values: Tensor) -> Result<Table> {
    npy::check_finite(path, &values)?;
    Ok(Table { columns: None, values })
}

/// Rows `[N, D]` as numbers in row-major order, and D.
fn numbers(values: &Tensor) -> Result<(Vec<f64>, usize)> {
    let read = |source| Error::Torch { operation: "read a table", source };
    let (_, dim) = values.size2().map_err(read)?;
    let flat = values.to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view(-1);
    Ok((Vec::<f64>::try_from(&flat).map_err(read)?, dim as usize))
}

/// A number as text, with all the digits of the kind it had and no more; one with many zeros in scientific notation.
fn text(value: f64, kind: Kind) -> String {
    let short = value == 0.0 || (1e-5..1e16).contains(&value.abs());
    match (kind, short) {
        (Kind::Float, true) => (value as f32).to_string(),
        (Kind::Float, false) => format!("{:e}", value as f32),
        (_, true) => value.to_string(),
        (_, false) => format!("{value:e}"),
    }
}

/// The numbers `values`, `[N]`, as texts with all their digits.
///
/// # Errors
/// [`Error::Torch`] if they cannot be read.
pub fn texts(values: &Tensor) -> Result<Vec<String>> {
    let (numbers, _) = numbers(&values.contiguous().view([-1, 1]))?;
    Ok(numbers.into_iter().map(|value| text(value, values.kind())).collect())
}

/// A table `[N, D]` as CSV, with a header if `columns` names them. Numbers keep all their digits.
///
/// # Errors
/// [`Error::Torch`] if `values` does not have two axes, [`Error::Rows`] if `columns` does not name D columns.
pub fn csv_bytes(columns: Option<&[String]>, values: &Tensor) -> Result<Vec<u8>> {
    let kind = values.kind();
    let (numbers, dim) = numbers(values)?;
    let refuse = |error: csv::Error| Error::Rows { problem: format!("cannot write CSV: {error}") };
    let mut writer = csv::Writer::from_writer(Vec::new());
    if let Some(names) = columns {
        writer.write_record(names).map_err(refuse)?;
    }
    for row in numbers.chunks(dim.max(1)) {
        writer.write_record(row.iter().map(|value| text(*value, kind))).map_err(refuse)?;
    }
    writer.into_inner().map_err(|error| refuse(error.into_error().into()))
}

/// Columns of texts as CSV, under their names.
///
/// # Errors
/// [`Error::Rows`] if there is not one name for each column, or if the columns differ in length.
pub fn csv_of_texts(names: &[String], columns: &[Vec<String>]) -> Result<Vec<u8>> {
    let refuse = |problem: String| Error::Rows { problem };
    let n = columns.first().map_or(0, Vec::len);
    if columns.len() != names.len() || columns.iter().any(|column| column.len() != n) {
        return Err(refuse(format!(
            "{} names do not go with {} columns of {n} rows",
            names.len(),
            columns.len()
        )));
    }
    let failed = |error: csv::Error| refuse(format!("cannot write CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(names).map_err(failed)?;
    for row in 0..n {
        writer.write_record(columns.iter().map(|column| &column[row])).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| failed(error.into_error().into()))
}

/// Writes a table `[N, D]` as a CSV file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written, or as [`csv_bytes`].
pub fn write_csv(path: &Path, columns: Option<&[String]>, values: &Tensor) -> Result<()> {
    write_whole(path, &csv_bytes(columns, values)?)
}

/// Writes a table `[N, D]` as an NPY file in its own precision, whole or not at all.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written, [`Error::Torch`] if `values` does not have two axes.
pub fn write_npy(path: &Path, values: &Tensor) -> Result<()> {
    let single = values.kind() == Kind::Float;
    let (numbers, dim) = numbers(values)?;
    let shape = [numbers.len().checked_div(dim).unwrap_or(0) as u64, dim as u64];
    let bytes = if single {
        npy_bytes(numbers.iter().map(|value| *value as f32), &shape)
    } else {
        npy_bytes(numbers.iter().copied(), &shape)
    };
    let bytes = bytes.map_err(|source| Error::Io { action: "encode", path: path.into(), source })?;
    write_whole(path, &bytes)
}

/// An NPY file of `values` in row-major order.
fn npy_bytes<T: npyz::AutoSerialize>(values: impl Iterator<Item = T>, shape: &[u64]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(shape);
    let mut writer = options.writer(&mut bytes).begin_nd()?;
    writer.extend(values)?;
    writer.finish()?;
    Ok(bytes)
}

/// Writes a file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    atomic::write(path, bytes).map_err(|source| Error::Io { action: "write", path: path.into(), source })
}
