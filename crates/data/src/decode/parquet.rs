//! The rows of a Parquet file.
//!
//! A column is a leaf of the file's schema, named by its path: `price`, or `position.x` for a part of a group. A list of
//! numbers in each row is a vector, and becomes as many columns, `v[1]`, `v[2]`, …, as the first one has that is not
//! empty. A group with a part `bytes` is a file in a cell, and its column has the group's name.
//!
//! Columns are read one by one and not by the crate's reader of records, which reads all of them, panics over dates far
//! away, and does not end over some damaged files.

mod column;
mod durations;
mod open;
mod schema;
mod value;

use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use self::column::Cells;
use self::open::ParquetFile;
use self::schema::{Leaf, Shape};
use super::guard::guarded;
use super::records::{Records, Value};
use crate::error::{Error, Result, content};

/// Rows that are read at once, and rows with files in their cells.
const BLOCK: usize = 256;
const FILES: usize = 16;

/// Opens the file and reads its schema. Of the columns, only those called `wanted` are read, without it all of them.
pub(crate) fn records(path: &Path, wanted: Option<&[String]>) -> Result<Records> {
    let (columns, rows) = guarded(path, || {
        let file = ParquetFile::open(path)?;
        let leaves = schema::leaves(path, file.schema(), wanted)?;
        file.check(&leaves)?;
        let leaves = leaves.into_iter().map(|leaf| settled(path, &file, leaf)).collect::<Result<Vec<_>>>()?;
        for (name, unit) in file.durations() {
            if leaves.iter().any(|leaf| leaf.name == name) {
                tracing::warn!("{}: column `{name}` holds durations, in {unit}", path.display());
            }
        }
        let mut rows =
            Rows { path: path.to_owned(), file, leaves, group: 0, row: 0, cells: None, block: Vec::new() };
        // Damage at the beginning is told at once.
        rows.refill()?;
        let columns = rows.leaves.iter().flat_map(Leaf::columns).collect();
        Ok((columns, rows))
    })?;
    Ok(Records { columns, rows: Box::new(rows) })
}

/// The leaf; if it is a vector, with as many elements as its first list has that has some.
fn settled(path: &Path, file: &ParquetFile, leaf: Leaf) -> Result<Leaf> {
    let n = if leaf.shape == Shape::Scalar { None } else { n_elements(path, file, &leaf)? };
    Ok(leaf.with_elements(n))
}

/// How many elements the first list of a leaf has that has some.
fn n_elements(path: &Path, file: &ParquetFile, leaf: &Leaf) -> Result<Option<usize>> {
    for group in 0..file.n_groups() {
        let (mut cells, n_rows) = file.group(group, std::slice::from_ref(leaf))?;
        for first in (0..n_rows).step_by(FILES) {
            for cells in &mut cells {
                let rows = cells.read(FILES.min(n_rows - first));
                let rows = rows.map_err(|problem| damaged(path)(ParquetError::General(problem)))?;
                if let Some(n) = rows.iter().map(Vec::len).find(|n| *n > 0) {
                    return Ok(Some(n));
                }
            }
        }
    }
    Ok(None)
}

/// The names of the columns that can be read, vectors without the numbers of their elements.
pub(crate) fn column_names(path: &Path) -> Result<Vec<String>> {
    guarded(path, || {
        let leaves = schema::leaves(path, ParquetFile::open(path)?.schema(), None)?;
        Ok(leaves.into_iter().map(|leaf| leaf.name).collect())
    })
}

/// The rows on their way.
struct Rows {
    path: PathBuf,
    file: ParquetFile,
    leaves: Vec<Leaf>,
    /// The number of the row group that is read next.
    group: usize,
    /// How many rows have been read.
    row: usize,
    /// What is left of the row group that is being read.
    cells: Option<Group>,
    /// The rows that have been read but not asked for, the last one first.
    block: Vec<Vec<Value>>,
}

/// A row group that is being read.
struct Group {
    cells: Vec<Cells>,
    n_left: usize,
}

impl Iterator for Rows {
    type Item = Result<Vec<Value>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.block.is_empty() {
            let path = self.path.clone();
            if let Err(error) = guarded(&path, || self.refill()) {
                // Nothing that follows an error can be trusted.
                (self.cells, self.group) = (None, usize::MAX);
                return Some(Err(error));
            }
        }
        self.block.pop().map(Ok)
    }
}

impl Rows {
    /// Reads the next rows, unless the file is at its end.
    fn refill(&mut self) -> Result<()> {
        let mut group = match self.cells.take() {
            Some(group) => group,
            None => loop {
                if self.group >= self.file.n_groups() {
                    return Ok(());
                }
                let (cells, n_left) = self.file.group(self.group, &self.leaves)?;
                self.group += 1;
                if n_left > 0 {
                    break Group { cells, n_left };
                }
            },
        };
        let block = if self.leaves.iter().any(Leaf::holds_files) { FILES } else { BLOCK };
        let n = group.n_left.min(block);
        self.block = vec![Vec::new(); n];
        for (cells, leaf) in group.cells.iter_mut().zip(&self.leaves) {
            let damaged = damaged(&self.path);
            let rows = cells.read(n).map_err(|problem| damaged(ParquetError::General(problem)))?;
            for (number, (row, values)) in self.block.iter_mut().zip(rows).enumerate() {
                let wrong =
                    |problem| content(&self.path, format!("row {}: {problem}", self.row + number + 1));
                leaf.append(values, row).map_err(wrong)?;
            }
        }
        self.row += n;
        self.block.reverse();
        group.n_left -= n;
        self.cells = (group.n_left > 0).then_some(group);
        Ok(())
    }
}

fn damaged(path: &Path) -> impl Fn(ParquetError) -> Error {
    move |error| content(path, format!("not a whole Parquet file: {error}"))
}
