//! How a sheet is read from a file that is no text.

use std::path::Path;

use csv::StringRecord;

use super::format::TextFormat;
use super::{Cells, Sheet, numbered, titled};
use crate::decode::{self, Records, Value};
use crate::error::{Result, content};
use crate::table::npy_array;

pub(super) fn npy(path: &Path, format: &TextFormat) -> Result<Sheet> {
    let values = npy_array(path)?;
    let columns = numbered(values.size()[1] as usize);
    Ok(Sheet::assembled(path, columns, false, Cells::Numbers(values), &format.missing_marks))
}

pub(super) fn parquet(path: &Path, format: &TextFormat) -> Result<Sheet> {
    let Records { columns, rows } = decode::records(path)?;
    let record = |(row, number): (Result<Vec<Value>>, u64)| -> Result<(u64, StringRecord)> {
        Ok((number, row?.into_iter().map(Value::into_text).collect()))
    };
    let rows = rows.zip(1..).map(record).collect::<Result<Vec<_>>>()?;
    if rows.is_empty() {
        return Err(content(path, "the table has no rows".to_owned()));
    }
    Ok(Sheet::assembled(path, titled(&columns), true, Cells::Text(rows), &format.missing_marks))
}
