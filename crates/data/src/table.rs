//! Tables of numbers from CSV and NPY files, and back.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use crate::sheet::rows_where;
use crate::{Error, Result, atomic};

/// A table of finite numbers.
#[derive(Debug)]
pub struct Table {
    /// The columns' names, if the file has a header.
    pub columns: Option<Vec<String>>,
    /// The numbers, `[N, D]`, in double precision on the CPU.
    pub values: Tensor,
}

impl Table {
    /// Reads a `.csv` file, with or without a header, or a `.npy` file of one or two axes.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read; [`Error::Line`] or [`Error::Content`] for an empty or ragged
    /// table, text where a number belongs, a value that is not finite, or an unsupported kind of array.
    pub fn read(path: &Path) -> Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => read_csv(path),
            Some("npy") => read_npy(path),
            _ => Err(content(path, "a table ends in .csv or .npy".to_owned())),
        }
    }
}

pub(crate) fn content(path: &Path, problem: String) -> Error {
    Error::Content { path: path.to_owned(), problem }
}

pub(crate) fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).map_err(|source| Error::Io {
        action: "read",
        path: path.into(),
        source,
    })
}

fn read_csv(path: &Path) -> Result<Table> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(open(path)?);
    let mut columns: Option<Vec<String>> = None;
    let mut width = 0;
    let mut values = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| content(path, error.to_string()))?;
        let line = record.position().map_or(index as u64 + 1, csv::Position::line);
        let fail = |problem| Error::Line { path: path.to_owned(), line, problem };
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

fn read_npy(path: &Path) -> Result<Table> {
    let values = npy_array(path)?;
    let flat = values.view(-1);
    if let Some(position) = rows_where(&flat.isfinite().logical_not()).first() {
        let value = flat.double_value(&[*position as i64]);
        return Err(content(path, format!("value number {position} is not finite, found: {value}")));
    }
    Ok(Table { columns: None, values })
}

/// The array of a `.npy` file as `[N, D]` in double precision, finite or not.
pub(crate) fn npy_array(path: &Path) -> Result<Tensor> {
    let damaged = |error: std::io::Error| content(path, format!("not a whole NPY file: {error}"));
    let npy = npyz::NpyFile::new(open(path)?).map_err(damaged)?;
    let shape: Vec<i64> = npy.shape().iter().map(|axis| *axis as i64).collect();
    let fortran = npy.order() == npyz::Order::Fortran;
    let values = npy_values(npy, path)?;
    let (n, dim) = match shape[..] {
        [n] => (n, 1),
        [n, dim] => (n, dim),
        _ => return Err(content(path, format!("expected an array [N, D], found shape: {shape:?}"))),
    };
    if n == 0 || dim == 0 {
        return Err(content(path, "the table has no rows".to_owned()));
    }
    let values = Tensor::from_slice(&values);
    Ok(if fortran { values.view([dim, n]).tr().contiguous() } else { values.view([n, dim]) })
}

/// The numbers in the file's own order, whatever floating-point or integer kind they have.
fn npy_values(npy: npyz::NpyFile<BufReader<File>>, path: &Path) -> Result<Vec<f64>> {
    let damaged = |error: std::io::Error| content(path, format!("not a whole NPY file: {error}"));
    let kind = npy.dtype().descr();
    match kind.trim_matches('\'') {
        "<f8" => npy.into_vec::<f64>().map_err(damaged),
        "<f4" => Ok(npy.into_vec::<f32>().map_err(damaged)?.into_iter().map(f64::from).collect()),
        "<i8" => Ok(npy.into_vec::<i64>().map_err(damaged)?.into_iter().map(|value| value as f64).collect()),
        "<i4" => Ok(npy.into_vec::<i32>().map_err(damaged)?.into_iter().map(f64::from).collect()),
        "|u1" => Ok(npy.into_vec::<u8>().map_err(damaged)?.into_iter().map(f64::from).collect()),
        other => {
            Err(content(path, format!("expected an array of numbers (f4, f8, i4, i8, u1), found: {other}")))
        }
    }
}

/// Rows `[N, D]` as numbers in row-major order, and D.
fn numbers(values: &Tensor) -> Result<(Vec<f64>, usize)> {
    let read = |source| Error::Torch { operation: "read a table", source };
    let (_, dim) = values.size2().map_err(read)?;
    let flat = values.to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view(-1);
    Ok((Vec::<f64>::try_from(&flat).map_err(read)?, dim as usize))
}

/// A table `[N, D]` as CSV, with a header if `columns` names them. Numbers keep all their digits.
///
/// # Errors
/// [`Error::Torch`] if `values` does not have two axes.
pub fn csv_bytes(columns: Option<&[String]>, values: &Tensor) -> Result<Vec<u8>> {
    let (_, dim) = values.size2().map_err(|source| Error::Torch { operation: "read a table", source })?;
    let dim = dim as usize;
    let mut lines: Vec<String> = columns.iter().map(|names| header(names)).collect();
    lines.extend(texts(values)?.chunks(dim.max(1)).map(|row| row.join(",")));
    lines.push(String::new());
    Ok(lines.join("\n").into_bytes())
}

/// A header line; names with commas or quotes are quoted.
fn header(names: &[String]) -> String {
    let quoted = |name: &String| {
        if name.contains([',', '"', '\n', '\r']) {
            return format!("\"{}\"", name.replace('"', "\"\""));
        }
        name.clone()
    };
    names.iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// Numbers in row-major order as text, with all the digits of their kind and no more.
///
/// # Errors
/// [`Error::Torch`] if they cannot be read.
pub fn texts(values: &Tensor) -> Result<Vec<String>> {
    let single = values.kind() == Kind::Float;
    let text = |value: f64| if single { (value as f32).to_string() } else { value.to_string() };
    let (numbers, _) = numbers(&values.contiguous().view([-1, 1]))?;
    Ok(numbers.into_iter().map(text).collect())
}

/// Writes a table `[N, D]` as a CSV file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write_csv(path: &Path, columns: Option<&[String]>, values: &Tensor) -> Result<()> {
    write_whole(path, &csv_bytes(columns, values)?)
}

/// Writes a table `[N, D]` as an NPY file of its own precision, whole or not at all.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write_npy(path: &Path, values: &Tensor) -> Result<()> {
    let single = values.kind() == Kind::Float;
    let (numbers, dim) = numbers(values)?;
    let shape = [numbers.len().checked_div(dim).unwrap_or(0) as u64, dim as u64];
    let encode = || -> std::io::Result<Vec<u8>> {
        use npyz::WriterBuilder as _;
        let mut bytes = Vec::new();
        let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
        if single {
            let mut writer = npyz::WriteOptions::<f32>::new()
                .default_dtype()
                .shape(&shape)
                .writer(&mut bytes)
                .begin_nd()?;
            writer.extend(numbers.iter().map(|value| *value as f32))?;
            writer.finish()?;
        } else {
            let mut writer = options.writer(&mut bytes).begin_nd()?;
            writer.extend(numbers.iter().copied())?;
            writer.finish()?;
        }
        Ok(bytes)
    };
    let bytes = encode().map_err(|source| Error::Io { action: "encode", path: path.into(), source })?;
    write_whole(path, &bytes)
}

/// Writes a file whole or not at all.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    atomic::write(path, bytes).map_err(|source| Error::Io { action: "write", path: path.into(), source })
}
