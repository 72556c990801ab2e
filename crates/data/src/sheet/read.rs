//! How a sheet is read from a file that is no text.

use std::path::Path;

use csv::StringRecord;
use tch::Tensor;

use super::format::TextFormat;
use super::{Cells, Sheet, numbered, titled};
use crate::decode::{self, Expansion, Records, Value};
use crate::error::{Result, content};
use crate::{npy, npz};

pub(super) fn npy(path: &Path, format: &TextFormat) -> Result<Sheet> {
    Ok(array(path, npy::read(path)?, format))
}

pub(super) fn npz(path: &Path, format: &TextFormat) -> Result<Sheet> {
    Ok(array(path, npz::rows(path)?, format))
}

/// A sheet of the numbers `values`, `[N, D]`.
fn array(path: &Path, values: Tensor, format: &TextFormat) -> Sheet {
    let columns = numbered(values.size()[1] as usize);
    Sheet::assembled(path, columns, false, Cells::Numbers(values), &format.missing_marks)
}

/// The columns called `wanted`, without it all of them.
pub(super) fn parquet(path: &Path, wanted: Option<&[String]>, format: &TextFormat) -> Result<Sheet> {
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
    Ok(Sheet::assembled(path, titled(&columns), true, Cells::Text(rows), &format.missing_marks))
}
