//! How a sheet is read from a file of each format.

use std::path::Path;

use csv::StringRecord;
use tch::Tensor;

use super::{Cells, Counted, Sheet, is_missing};
use crate::decode::{self, Expansion, Records, Value};
use crate::error::{Error, Result, content, unreadable};
use crate::table::line;
use crate::{npy, npz};

pub(super) fn csv(path: &Path) -> Result<Sheet> {
    let bytes = std::fs::read(path).map_err(unreadable(path))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&bytes[..]);
    let mut rows = reader
        .records()
        .map(|record| record.map(|record| (line(&bytes, &record), record)))
        .collect::<csv::Result<Vec<_>>>()
        .map_err(|error| content(path, error.to_string()))?;
    let has_header = rows.first().is_some_and(|(_, first)| is_header(first));
    let names: Vec<String> = match rows.first() {
        Some((_, first)) if has_header => first.iter().map(|name| name.trim().to_owned()).collect(),
        first => numbered(first.map_or(0, |(_, first)| first.len())),
    };
    rows.drain(..usize::from(has_header));
    if rows.is_empty() {
        return Err(content(path, "the table has no rows".to_owned()));
    }
    if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != names.len()) {
        let problem = format!("expected {} fields, found: {}", names.len(), row.len());
        return Err(Error::Line { path: path.to_owned(), line: *line, problem });
    }
    let cells = Cells::Text(rows);
    Ok(Sheet { path: path.to_owned(), names, has_header, counted: Counted::Lines, cells })
}

pub(super) fn npy(path: &Path) -> Result<Sheet> {
    Ok(array(path, npy::read(path)?))
}

pub(super) fn npz(path: &Path) -> Result<Sheet> {
    Ok(array(path, npz::rows(path)?))
}

/// A sheet of the numbers `values`, `[N, D]`.
fn array(path: &Path, values: Tensor) -> Sheet {
    let names = numbered(values.size()[1] as usize);
    let cells = Cells::Numbers(values);
    Sheet { path: path.to_owned(), names, has_header: false, counted: Counted::Rows, cells }
}

/// The columns called `wanted`, without it all of them.
pub(super) fn parquet(path: &Path, wanted: Option<&[String]>) -> Result<Sheet> {
    let Records { columns, rows } = decode::records(path, wanted)?;
    // A long text that many rows share is in the file once, and in memory as often as there are rows.
    let (expansion, mut n_bytes) = (Expansion::of_file(path)?, 0);
    let record = |(row, number): (Result<Vec<Value>>, u64)| -> Result<(u64, StringRecord)> {
        let record: StringRecord = row?.into_iter().map(Value::into_text).collect();
        n_bytes += record.as_slice().len() as u64;
        expansion.check(n_bytes).map_err(|problem| content(path, format!("row {number}: {problem}")))?;
        Ok((number, record))
    };
    let rows = rows.zip(1..).map(record).collect::<Result<Vec<_>>>()?;
    if rows.is_empty() {
        return Err(content(path, "the table has no rows".to_owned()));
    }
    let cells = Cells::Text(rows);
    Ok(Sheet { path: path.to_owned(), names: columns, has_header: true, counted: Counted::Rows, cells })
}

fn numbered(width: usize) -> Vec<String> {
    (1..=width).map(|place| format!("x{place}")).collect()
}

fn is_header(first: &StringRecord) -> bool {
    let text = |field: &str| field.trim().parse::<f64>().is_err() && !is_missing(field.trim());
    first.iter().all(|field| field.trim().parse::<f64>().is_err()) && first.iter().any(text)
}
