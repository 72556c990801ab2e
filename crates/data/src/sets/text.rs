//! Text files of numbers, plain or compressed, line by line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result, unreadable};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// A text file's lines; one that ends in `.gz` is uncompressed on the way.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    text: String,
    number: u64,
}

impl Lines {
    /// Opens the file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(unreadable(path))?;
        let plain = BufReader::with_capacity(BUFFER, file);
        let reader: Box<dyn BufRead> = if path.extension().is_some_and(|ending| ending == "gz") {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Self { path: path.into(), reader, text: String::new(), number: 0 })
    }

    /// The next line that is not blank. A line without its end is the stump of a cut file and no line.
    pub(super) fn next_line(&mut self) -> Result<Option<&str>> {
        loop {
            self.text.clear();
            self.number += 1;
            self.reader.read_line(&mut self.text).map_err(unreadable(&self.path))?;
            if !self.text.ends_with('\n') {
                return Ok(None);
            }
            if !self.text.trim().is_empty() {
                return Ok(Some(self.text.trim()));
            }
        }
    }

    /// Appends the next line's numbers to `values`, and says whether there was a line.
    pub(super) fn next_numbers(&mut self, fields: Fields, values: &mut Vec<f64>) -> Result<bool> {
        let Some(line) = self.next_line()? else { return Ok(false) };
        let row = fields.append(line, values);
        row.map_err(|problem| self.error(problem))?;
        Ok(true)
    }

    /// An error about the line that was read last.
    pub(super) fn error(&self, problem: String) -> Error {
        Error::Line { path: self.path.clone(), line: self.number, problem }
    }
}

/// Which of a line's numbers are of use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// How many there must be.
    pub(super) n: usize,
    /// How many of the first are left out.
    pub(super) skipped: usize,
}

impl Fields {
    /// Appends a line's numbers.
    pub(super) fn append(self, line: &str, values: &mut Vec<f64>) -> std::result::Result<(), String> {
        let mut found = 0;
        for field in split(line) {
            if (self.skipped..self.n).contains(&found) {
                values.push(number(field)?);
            }
            found += 1;
        }
        if found == self.n { Ok(()) } else { Err(format!("expected {} numbers, found: {found}", self.n)) }
    }
}

/// The fields between commas or blanks.
pub(super) fn split(line: &str) -> impl Iterator<Item = &str> {
    line.split([',', ' ', '\t']).filter(|field| !field.is_empty())
}

/// A finite number.
pub(super) fn number(field: &str) -> std::result::Result<f64, String> {
    let value = field.parse().ok().filter(|value: &f64| value.is_finite());
    value.ok_or_else(|| format!("expected a number, found: {field:?}"))
}
