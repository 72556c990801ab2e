//! How a sheet is read from a file of each format.

use std::path::Path;

use csv::StringRecord;

use super::{Cells, Counted, Sheet, is_missing};
use crate::decode::{self, Records, Value};
use crate::error::{Error, Result, content, unreadable};
use crate::table::{line, npy_array};

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
    let values = npy_array(path)?;
    let names = numbered(values.size()[1] as usize);
    let cells = Cells::Numbers(values);
    Ok(Sheet { path: path.to_owned(), names, has_header: false, counted: Counted::Rows, cells })
}

pub(super) fn parquet(path: &Path) -> Result<Sheet> {
    let Records { columns, rows } = decode::records(path)?;
    let record = |(row, number): (Result<Vec<Value>>, u64)| -> Result<(u64, StringRecord)> {
        Ok((number, row?.into_iter().map(Value::into_text).collect()))
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
