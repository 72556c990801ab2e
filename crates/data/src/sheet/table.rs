//! A table of finite numbers from a sheet.

use std::path::Path;

use super::{Content, Sheet};
use crate::error::Result;
use crate::table::{Table, of_array};
use crate::{npy, npz};

impl Table {
    /// Reads a table of numbers in a text file, an array or a Parquet file, as [`Sheet::read`] does.
    ///
    /// # Errors
    /// As [`Sheet::read`], and as [`Sheet::complete_numbers`] for a value that is missing or no finite number.
    pub fn read(path: &Path) -> Result<Self> {
        match Content::of_file(path)? {
            Content::Npy => return of_array(path, npy::read(path)?),
            Content::Npz => return of_array(path, npz::rows(path)?),
            _ => {}
        }
        let sheet = Sheet::read(path)?;
        sheet.log_notes();
        sheet.table()
    }
}

impl Sheet {
    /// All columns as a table of numbers.
    ///
    /// # Errors
    /// As [`Sheet::complete_numbers`].
    pub fn table(&self) -> Result<Table> {
        let values = self.complete_numbers(&self.places(None)?)?;
        let titles = || self.columns.iter().map(|column| column.title.clone()).collect();
        Ok(Table { columns: self.has_header.then(titles), values })
    }
}
