//! An open Parquet file whose claims have been held against its size.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, FileReader as _, Length, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use super::super::expansion::Expansion;
use super::column::Cells;
use super::damaged;
use super::durations::durations;
use super::schema::{Leaf, Shape};
use crate::error::{Result, content, unreadable};

/// What a row costs as a row of text, and what each of its values costs, in bytes.
const PER_ROW: u64 = 160;
const PER_VALUE: u64 = 32;

/// An open file.
pub(super) struct ParquetFile {
    path: PathBuf,
    n_bytes: u64,
    reader: SerializedFileReader<Bounded>,
}

impl ParquetFile {
    /// Opens the file and reads its footer.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(unreadable(path))?;
        let n_bytes = file.metadata().map_err(unreadable(path))?.len();
        let reader = SerializedFileReader::new(Bounded { file, n_bytes }).map_err(damaged(path))?;
        Ok(Self { path: path.to_owned(), n_bytes, reader })
    }

    /// The schema.
    pub(super) fn schema(&self) -> &SchemaDescriptor {
        self.reader.metadata().file_metadata().schema_descr()
    }

    /// The columns of durations and their units, where the writer noted them.
    pub(super) fn durations(&self) -> Vec<(String, String)> {
        let notes = self.reader.metadata().file_metadata().key_value_metadata();
        let pandas = notes.and_then(|notes| notes.iter().find(|note| note.key == "pandas"));
        pandas.and_then(|note| note.value.as_deref()).map_or_else(Vec::new, durations)
    }

    /// How many row groups there are.
    pub(super) fn n_groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// Refuses a file whose groups lie outside of it, contradict each other, or would fill the memory.
    pub(super) fn check(&self, leaves: &[Leaf]) -> Result<()> {
        let wrong = |problem: &str| content(&self.path, format!("not a whole Parquet file: {problem}"));
        let (mut n_rows, mut n_values) = (0u64, 0u64);
        for group in self.reader.metadata().row_groups() {
            let n = u64::try_from(group.num_rows()).map_err(|_| wrong("a group has fewer than no rows"))?;
            n_rows = n_rows.saturating_add(n);
            for leaf in leaves {
                let column =
                    group.columns().get(leaf.place).ok_or_else(|| wrong("a group lacks a column"))?;
                let found = u64::try_from(column.num_values()).unwrap_or(u64::MAX);
                if leaf.shape == Shape::Scalar && found != n {
                    return Err(wrong("a group's columns have different numbers of rows"));
                }
                if !self.holds(column) {
                    return Err(wrong("a column lies outside of the file"));
                }
                n_values = n_values.saturating_add(found);
            }
        }
        let needed = n_rows.saturating_mul(PER_ROW).saturating_add(n_values.saturating_mul(PER_VALUE));
        let named =
            |problem| content(&self.path, format!("{n_rows} rows of {} columns: {problem}", leaves.len()));
        Expansion::of(self.n_bytes).check(needed).map_err(named)
    }

    /// Whether a column's bytes lie in the file.
    fn holds(&self, column: &ColumnChunkMetaData) -> bool {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let places = (u64::try_from(start), u64::try_from(column.compressed_size()));
        let (Ok(start), Ok(n_bytes)) = places else { return false };
        start.checked_add(n_bytes).is_some_and(|end| end <= self.n_bytes)
    }

    /// The leaves of a row group, and how many rows it has.
    pub(super) fn group(&self, number: usize, leaves: &[Leaf]) -> Result<(Vec<Cells>, usize)> {
        let group = self.reader.get_row_group(number).map_err(damaged(&self.path))?;
        let open = |leaf: &Leaf| -> ParquetResult<Cells> {
            if leaf.shape != Shape::Scalar {
                let claimed = group.metadata().column(leaf.place).num_values();
                let mut pages = group.get_column_page_reader(leaf.place)?;
                let mut n_levels = 0;
                // A list is read whole, however many elements its pages claim.
                while let Some(page) = pages.peek_next_page()? {
                    n_levels += page.num_levels.unwrap_or(0) as i64;
                    pages.skip_next_page()?;
                }
                if n_levels > claimed {
                    let problem =
                        format!("expected {claimed} values in the pages of a column, found: {n_levels}");
                    return Err(ParquetError::General(problem));
                }
            }
            Ok(Cells::new(leaf, group.get_column_reader(leaf.place)?))
        };
        let cells = leaves.iter().map(open).collect::<ParquetResult<_>>().map_err(damaged(&self.path))?;
        Ok((cells, group.metadata().num_rows() as usize))
    }
}

/// A file that allocates nothing for bytes that it does not have.
struct Bounded {
    file: File,
    n_bytes: u64,
}

impl Length for Bounded {
    fn len(&self) -> u64 {
        self.n_bytes
    }
}

impl ChunkReader for Bounded {
    type T = UpToEnd;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(UpToEnd(BufReader::new(file)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<bytes::Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.n_bytes) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {} bytes", self.n_bytes)));
        }
        self.file.get_bytes(start, length)
    }
}

/// A reader for which the file's end is an error: the crate skips what it does not know, and beyond the end it would skip
/// as many values as a damaged header claims.
struct UpToEnd(BufReader<File>);

impl Read for UpToEnd {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.0.read(bytes)? {
            0 if !bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n),
        }
    }
}
