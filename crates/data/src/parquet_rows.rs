//! The rows of a Parquet file.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};

use crate::table::{content, unreadable};
use crate::{Error, Result};

/// An open Parquet file.
pub(crate) struct ParquetRows {
    path: PathBuf,
    reader: SerializedFileReader<File>,
}

impl ParquetRows {
    /// Opens the file and reads its schema.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(unreadable(path))?;
        let reader = SerializedFileReader::new(file).map_err(damaged(path))?;
        Ok(Self { path: path.to_owned(), reader })
    }

    /// The names of the columns; one that has parts counts as one.
    pub(crate) fn columns(&self) -> Vec<String> {
        let schema = self.reader.metadata().file_metadata().schema();
        schema.get_fields().iter().map(|field| field.name().to_owned()).collect()
    }

    /// The rows in their order.
    pub(crate) fn rows(&self) -> Result<impl Iterator<Item = Result<Row>>> {
        let rows = self.reader.get_row_iter(None).map_err(damaged(&self.path))?;
        Ok(rows.map(|row| row.map_err(damaged(&self.path))))
    }
}

fn damaged(path: &Path) -> impl Fn(ParquetError) -> Error {
    move |error| content(path, format!("not a whole Parquet file: {error}"))
}

/// A value as a table's text: nothing for a missing one, 0 and 1 for truth values.
pub(crate) fn text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(value) => u8::from(*value).to_string(),
        Field::Str(value) => value.clone(),
        // All digits and no more: others round.
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        other => other.to_string(),
    }
}
