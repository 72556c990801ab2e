//! How a sheet is read from a file that is no text.

use std::path::Path;

use tch::Tensor;

use super::format::TextFormat;
use super::rows::TextRows;
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
    let expansion = Expansion::of_file(path)?;
    let mut found = TextRows::default();
    for (row, number) in rows.zip(1..) {
        let fields: Vec<String> = row?.into_iter().map(Value::into_text).collect();
        found.push(number, fields.iter().map(String::as_str));
        let checked = expansion.check(found.n_bytes() as u64);
        checked.map_err(|problem| content(path, format!("row {number}: {problem}")))?;
    }
    if found.is_empty() {
        return Err(content(path, "the table has no rows".to_owned()));
    }
    Ok(Sheet::assembled(path, titled(&columns), true, Cells::Text(found), &format.missing_marks))
}
