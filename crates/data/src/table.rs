//! Tables of numbers from CSV and NumPy's files, and back.

use std::io;
use std::path::Path;

use interflow_core::atomic;
use npyz::WriterBuilder as _;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result, content, unreadable};
use crate::{npy, npz};

/// A table of finite numbers.
#[derive(Debug)]
pub struct Table {
    /// The columns' names, if the file has a header.
    pub columns: Option<Vec<String>>,
    /// The numbers, `[N, D]`, in double precision on the CPU.
    pub values: Tensor,
}

impl Table {
    /// Reads a `.csv` file, with or without a header, a `.npy` file of one or two axes, or a `.npz`
    /// archive of one such array, or of several of which one is called `arr_0`.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read; [`Error::Line`] or [`Error::Content`] for an empty or ragged
    /// table, text where a number belongs, a value that is not finite, or an unsupported kind of array.
    pub fn read(path: &Path) -> Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => read_csv(path),
            Some("npy") => plain(path, npy::read(path)?),
            Some("npz") => plain(path, npz::rows(path)?),
            _ => Err(content(path, "a table ends in .csv, .npy or .npz".to_owned())),
        }
    }
}

/// The table of an array.
fn plain(path: &Path, values: Tensor) -> Result<Table> {
    npy::check_finite(path, &values)?;
    Ok(Table { columns: None, values })
}

fn read_csv(path: &Path) -> Result<Table> {
    let bytes = std::fs::read(path).map_err(unreadable(path))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&bytes[..]);
    let mut columns: Option<Vec<String>> = None;
    let mut width = 0;
    let mut values = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| content(path, error.to_string()))?;
        let fail = |problem| Error::Line { path: path.to_owned(), line: line(&bytes, &record), problem };
        if index == 0 {
            width = record.len();
            if record.iter().all(|field| field.trim().parse::<f64>().is_err()) {
                columns = Some(record.iter().map(|field| field.trim().to_owned()).collect());
                continue;
            }
        }
        if record.len() != width {
            return Err(fail(format!("expected {width} fields, found: {}", record.len())));
        }
        for (column, field) in record.iter().enumerate() {
            let name =
                columns.as_ref().map_or_else(|| (column + 1).to_string(), |names| names[column].clone());
            let value: f64 = field
                .trim()
                .parse()
                .map_err(|_| fail(format!("column {name} wants a number, found: {field:?}")))?;
            if !value.is_finite() {
                return Err(fail(format!("column {name} is not finite, found: {value}")));
            }
            values.push(value);
        }
    }
    if values.is_empty() {
        return Err(content(path, "the table has no rows".to_owned()));
    }
    Ok(Table { columns, values: Tensor::from_slice(&values).view([-1, width as i64]) })
}

/// The line, counted from 1, on which a record of the file `bytes` begins. The reader's own position is where the
/// record before it ended, which blank lines may separate from it.
pub(crate) fn line(bytes: &[u8], record: &csv::StringRecord) -> u64 {
    let Some(position) = record.position() else { return 1 };
    let blank = bytes[position.byte() as usize..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// Rows `[N, D]` as numbers in row-major order, and D.
fn numbers(values: &Tensor) -> Result<(Vec<f64>, usize)> {
    let read = |source| Error::Torch { operation: "read a table", source };
    let (_, dim) = values.size2().map_err(read)?;
    let flat = values.to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view(-1);
    Ok((Vec::<f64>::try_from(&flat).map_err(read)?, dim as usize))
}

/// A number as text, with all the digits of the kind it had and no more.
fn text(value: f64, kind: Kind) -> String {
    if kind == Kind::Float { (value as f32).to_string() } else { value.to_string() }
}

/// The numbers of `values`, `[N]`, as text with all their digits.
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

/// Writes a table `[N, D]` as a CSV file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written, or as [`csv_bytes`].
pub fn write_csv(path: &Path, columns: Option<&[String]>, values: &Tensor) -> Result<()> {
    write_whole(path, &csv_bytes(columns, values)?)
}

/// Writes a table `[N, D]` as an NPY file of its own precision, whole or not at all.
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

/// Writes a file whole or not at all.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    atomic::write(path, bytes).map_err(|source| Error::Io { action: "write", path: path.into(), source })
}
