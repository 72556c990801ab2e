//! A file of rows as it is: named columns, which may hold text or have missing values.
//!
//! Unlike [`Table`], which has finite numbers everywhere, a sheet keeps what it reads. It can be asked for some of
//! its columns, and can be written again with one more column. Files are recognised by their content, not by their
//! names; how text is read is described in [`mod@format`].

mod choice;
mod columns;
mod content;
mod encoding;
mod evidence;
pub mod format;
mod forms;
mod head;
mod header;
mod lines;
mod marks;
pub mod names;
mod note;
mod numerals;
mod plain;
mod preamble;
mod read;
mod records;
mod rows;
mod separator;
mod table;
mod text;
mod times;
mod unusable;
mod values;

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

pub use self::columns::ColumnValues;
pub(crate) use self::content::Content;
use self::format::TextFormat;
use self::marks::Marks;
use self::note::Notes;
use self::numerals::Numerals;
use self::rows::TextRows;
use crate::error::{Error, Result, content, unreadable};
use crate::table::Table;

/// The rows of a file, as they were read.
#[derive(Debug)]
pub struct Sheet {
    path: PathBuf,
    names: Vec<String>,
    columns: Vec<Column>,
    has_header: bool,
    /// What rows are found by.
    counted: Counted,
    cells: Cells,
    /// How numbers are written.
    numerals: Numerals,
    /// What stands for a missing value.
    marks: Marks,
    /// What was recognised.
    notes: Notes,
}

/// A column of a file.
#[derive(Debug)]
struct Column {
    /// What it is called here: its title, told apart from others; x1, x2, … where there is no header.
    name: String,
    /// What the header says.
    title: String,
    /// Its place in each row, from 0.
    place: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Their lines in a text file.
    Lines,
    /// Their numbers from 1.
    Rows,
}

#[derive(Debug)]
enum Cells {
    /// The fields of a text or of Parquet.
    Text(TextRows),
    /// `[N, W]`, missing values as NaN.
    Numbers(Tensor),
}

/// The rows of a table in memory, where NaN stands for a missing value.
impl From<&Table> for Sheet {
    fn from(table: &Table) -> Self {
        let values = table.values.to_device(Device::Cpu).to_kind(Kind::Double);
        let (n, width) = match values.size()[..] {
            [n, width] => (n, width),
            _ => (values.numel() as i64, 1),
        };
        let cells = Cells::Numbers(values.reshape([n, width]));
        let columns = table.columns.as_deref().map_or_else(|| numbered(width as usize), titled);
        Self::assembled(Path::new("the table"), columns, table.columns.is_some(), cells, &[])
    }
}

impl Sheet {
    /// Reads a table from a text file (CSV or similar, also compressed by gzip), an NPY file of one or two axes, an
    /// NPZ archive of one such array, or a Parquet file. The kind of the file and the format of text are recognised
    /// by the content.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Content`] or [`Error::Line`] for a file that is no table, has no rows or is ragged,
    /// [`Error::Feature`] for a Parquet file without the feature `parquet`.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_as(path, &TextFormat::default())
    }

    /// As [`Sheet::read`], with what is known of the text's format. For arrays and Parquet files only the marks of
    /// missing values matter.
    ///
    /// # Errors
    /// As [`Sheet::read`], and for a format that contradicts itself or the file.
    pub fn read_as(path: &Path, format: &TextFormat) -> Result<Self> {
        match Content::of_file(path)? {
            Content::Npy => read::npy(path, format),
            Content::Npz => read::npz(path, format),
            Content::Parquet => read::parquet(path, None, format),
            _ => {
                let file = File::open(path).map_err(unreadable(path))?;
                let length = file.metadata().map_err(unreadable(path))?.len();
                text::read(path, file, Some(length), format)
            }
        }
    }

    /// As [`Sheet::read_as`], but of a file that stores its columns separately, such as Parquet, only the columns
    /// `wanted` are read, unless one of them is named by its place.
    ///
    /// # Errors
    /// As [`Sheet::read_as`], and [`Error::Content`] for a name that does not exist.
    pub fn read_columns(path: &Path, wanted: &[String], format: &TextFormat) -> Result<Self> {
        let by_name = !wanted.iter().any(|name| name.starts_with('#'));
        match Content::of_file(path)? {
            Content::Parquet if by_name => read::parquet(path, Some(wanted), format),
            _ => Self::read_as(path, format),
        }
    }

    /// Reads a table from the text of `source`, which may be compressed by gzip. Errors call it `name`. Of the text only the
    /// fields are kept.
    ///
    /// # Errors
    /// As [`Sheet::read_as`]; arrays and Parquet are read from files only.
    pub fn parse(name: &Path, source: impl Read, format: &TextFormat) -> Result<Self> {
        text::read(name, source, None, format)
    }

    /// A sheet of cells that are no text file's.
    fn assembled(
        path: &Path,
        columns: Vec<Column>,
        has_header: bool,
        cells: Cells,
        marks: &[String],
    ) -> Self {
        Self {
            path: path.to_owned(),
            names: columns.iter().map(|column| column.name.clone()).collect(),
            columns,
            has_header,
            counted: Counted::Rows,
            cells,
            numerals: Numerals::default(),
            marks: Marks::with(marks),
            notes: Notes::new(path),
        }
    }

    /// Notes on what was recognised of the text's format, and on what may be wrong with it.
    pub fn notes(&self) -> Vec<String> {
        self.notes.all()
    }

    /// Writes the notes to the log.
    pub fn log_notes(&self) {
        self.notes.log();
    }

    /// The same without its text: what is asked then is its names and where its rows are.
    pub(crate) fn without_fields(mut self) -> Self {
        if let Cells::Text(rows) = &mut self.cells {
            rows.forget_fields();
        }
        self
    }

    /// The file that it was read from, or what stands for it in errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        match &self.cells {
            Cells::Text(rows) => rows.len(),
            Cells::Numbers(values) => values.size()[0] as usize,
        }
    }

    /// The columns' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The numbers of the columns at `places`, `[N, D]`. Missing values are an error.
    ///
    /// # Errors
    /// As [`Sheet::numbers`], and [`Error::Content`] naming the rows with missing values.
    pub fn complete_numbers(&self, places: &[usize]) -> Result<Tensor> {
        let values = self.numbers(places)?;
        let incomplete = rows_where(&values.isnan().any_dim(1, false));
        if incomplete.is_empty() {
            return Ok(values);
        }
        Err(content(&self.path, format!("missing values in {}", self.row_names(&incomplete))))
    }

    /// The places of these rows in the file, as a text such as `2 rows, lines 4, 9`.
    pub fn row_names(&self, rows: &[usize]) -> String {
        const NAMED: usize = 10;
        let numbers: Vec<String> = rows.iter().take(NAMED).map(|&row| self.line(row).to_string()).collect();
        let more = if rows.len() > NAMED { ", …" } else { "" };
        let place = self.place_word();
        match rows.len() {
            1 => format!("1 row: {place} {}", numbers[0]),
            n => format!("{n} rows: {place}s {}{more}", numbers.join(", ")),
        }
    }

    /// The column at `place` as text.
    pub(crate) fn texts(&self, place: usize) -> Vec<String> {
        (0..self.n_rows()).map(|row| self.field(row, place).into_owned()).collect()
    }

    /// Refuses the name of a new column that one of the columns has already.
    ///
    /// # Errors
    /// [`Error::Content`].
    pub fn check_new(&self, name: &str) -> Result<()> {
        if name.is_empty() || self.columns.iter().all(|column| column.title != name) {
            return Ok(());
        }
        let hint = "hint: rename it there or leave it out, so that the new one can be told from it";
        Err(content(&self.path, format!("there is a column `{name}` already\n{hint}")))
    }

    /// The whole table as CSV, with one more column. Numbers with a decimal comma, marks between thousands or a unit are
    /// written as plain ones, so that all of a column are written alike.
    ///
    /// # Errors
    /// As [`Sheet::check_new`], and [`Error::Content`] unless there are as many `values` as rows.
    pub fn csv_with(&self, name: &str, values: &[String]) -> Result<Vec<u8>> {
        self.check_new(name)?;
        if values.len() != self.n_rows() {
            let problem = format!(
                "a new column of {} rows needs as many values, found: {}",
                self.n_rows(),
                values.len()
            );
            return Err(content(&self.path, problem));
        }
        let failed = |error: csv::Error| content(&self.path, error.to_string());
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .write_record(self.columns.iter().map(|column| &*column.title).chain([name]))
            .map_err(failed)?;
        let are_numbers = self.are_numbers();
        for (row, value) in values.iter().enumerate() {
            for (place, &is_number) in are_numbers.iter().enumerate() {
                writer.write_field(&*self.plain_field(row, place, is_number)).map_err(failed)?;
            }
            writer.write_record([value]).map_err(failed)?;
        }
        writer.into_inner().map_err(|error| content(&self.path, error.to_string()))
    }

    /// A field as it stands in the file.
    fn field(&self, row: usize, place: usize) -> Cow<'_, str> {
        match &self.cells {
            Cells::Text(rows) => rows.get(row, self.columns[place].place).unwrap_or_default().into(),
            Cells::Numbers(values) => values.double_value(&[row as i64, place as i64]).to_string().into(),
        }
    }

    fn problem_in(&self, row: usize, problem: String) -> Error {
        match self.counted {
            Counted::Lines => Error::Line { path: self.path.clone(), line: self.line(row), problem },
            Counted::Rows => content(&self.path, format!("row {}: {problem}", self.line(row))),
        }
    }

    /// The line of a row in a text file, its number from 1 in an array.
    fn line(&self, row: usize) -> u64 {
        match &self.cells {
            Cells::Text(rows) => rows.line(row),
            Cells::Numbers(_) => row as u64 + 1,
        }
    }
}

/// The rows at which `mask`, `[N]`, holds.
pub(crate) fn rows_where(mask: &Tensor) -> Vec<usize> {
    let rows = mask.nonzero().view(-1).to_kind(Kind::Int64);
    rows.iter::<i64>().map_or_else(|_| Vec::new(), |rows| rows.map(|row| row as usize).collect())
}

/// A number for a message, with six digits; very large and very small ones in scientific notation.
pub(crate) fn brief(value: f64) -> String {
    let value = format!("{value:.5e}").parse().unwrap_or(value);
    if value == 0.0 || (1e-4..1e7).contains(&value.abs()) { value.to_string() } else { format!("{value:e}") }
}

/// Whether a number is a whole one, and not only too large to be another.
pub(crate) fn is_whole(value: f64) -> bool {
    /// From here on every number is whole.
    const ALL: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    value.fract() == 0.0 && value.abs() < ALL
}

/// The columns of a table without a header.
fn numbered(width: usize) -> Vec<Column> {
    let column = |place: usize| {
        let name = format!("x{}", place + 1);
        Column { title: name.clone(), name, place }
    };
    (0..width).map(column).collect()
}

/// The columns of a table with a header.
fn titled(titles: &[String]) -> Vec<Column> {
    let names = header::names(titles);
    let column =
        |(place, (name, title)): (usize, (String, &String))| Column { name, title: title.clone(), place };
    names.into_iter().zip(titles).enumerate().map(column).collect()
}
