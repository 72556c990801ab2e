//! A file of rows as it stands: named columns, of which some may hold text or miss values.
//!
//! Unlike [`Table`], which wants finite numbers everywhere, a sheet keeps what it reads, is asked
//! for some of its columns, and can be written again with a column more.

mod read;

use std::path::{Path, PathBuf};

use csv::StringRecord;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result, content};
use crate::table::Table;

/// What stands for a missing value, in any case of letters; so does an empty field.
const MISSING: [&str; 6] = ["na", "n/a", "nan", "null", "none", "?"];

/// The rows of a file.
#[derive(Debug)]
pub struct Sheet {
    path: PathBuf,
    /// The header, or x1, x2, … where there is none.
    names: Vec<String>,
    has_header: bool,
    /// What rows are found by.
    counted: Counted,
    cells: Cells,
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
    /// Each row with its line in the file.
    Text(Vec<(u64, StringRecord)>),
    /// `[N, W]`, missing values as NaN.
    Numbers(Tensor),
}

/// The rows of a table in memory, where NaN stands for a missing value.
impl From<&Table> for Sheet {
    fn from(table: &Table) -> Self {
        let values = table.values.to_device(Device::Cpu).to_kind(Kind::Double);
        let width = values.size().get(1).copied().unwrap_or(1);
        let numbered = || (1..=width).map(|column| format!("x{column}")).collect();
        Self {
            path: PathBuf::from("the table"),
            names: table.columns.clone().unwrap_or_else(numbered),
            has_header: table.columns.is_some(),
            counted: Counted::Rows,
            cells: Cells::Numbers(values.view([-1, width])),
        }
    }
}

impl Sheet {
    /// Reads a `.csv` file, with or without a header, a `.npy` file of one or two axes, a `.npz` archive of one such
    /// array, or a `.parquet` file. The first line of a CSV file is a header if no field of it is a number.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Content`] or [`Error::Line`] for a file that is no table, has no rows or is ragged,
    /// [`Error::Feature`] for a `.parquet` file without the feature `parquet`.
    pub fn read(path: &Path) -> Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => read::csv(path),
            Some("npy") => read::npy(path),
            Some("npz") => read::npz(path),
            Some("parquet") => read::parquet(path, None),
            _ => Err(content(path, "a table ends in .csv, .npy, .npz or .parquet".to_owned())),
        }
    }

    /// As [`Sheet::read`], but of a file that holds its columns apart, as Parquet does, only those called `wanted` are
    /// read.
    ///
    /// # Errors
    /// As [`Sheet::read`], and [`Error::Content`] for a name that is not there.
    pub fn read_columns(path: &Path, wanted: &[String]) -> Result<Self> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("parquet") => read::parquet(path, Some(wanted)),
            _ => Self::read(path),
        }
    }

    /// The file that it was read from, or what stands for it in errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows there are.
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

    /// The places of the columns called `names`, all places without it. Where there is no header, a number stands
    /// for the column at that place, counted from 1.
    ///
    /// # Errors
    /// [`Error::Content`] for a name that is not there or stands twice.
    pub fn places(&self, names: Option<&[String]>) -> Result<Vec<usize>> {
        let Some(names) = names else { return self.places(Some(&self.names)) };
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let place = self.place(name)?;
            if places.contains(&place) {
                return Err(content(&self.path, format!("column `{name}` is asked for twice")));
            }
            places.push(place);
        }
        Ok(places)
    }

    fn place(&self, name: &str) -> Result<usize> {
        let mut found =
            self.names.iter().enumerate().filter(|(_, other)| *other == name).map(|(place, _)| place);
        if let (Some(place), None) = (found.next(), found.next()) {
            return Ok(place);
        }
        if let (false, Ok(number)) = (self.has_header, name.parse::<usize>())
            && (1..=self.names.len()).contains(&number)
        {
            return Ok(number - 1);
        }
        let problem = if self.names.iter().any(|other| other == name) { "more than one" } else { "no" };
        Err(content(
            &self.path,
            format!("there is {problem} column `{name}` among: {}", self.names.join(", ")),
        ))
    }

    /// The places of a flow's columns `names`: by name, or in their order where the file has no header and just as
    /// many columns.
    ///
    /// # Errors
    /// As [`Sheet::places`].
    pub fn places_of(&self, names: &[String]) -> Result<Vec<usize>> {
        if !self.has_header && self.names.len() == names.len() {
            return Ok((0..names.len()).collect());
        }
        self.places(Some(names))
    }

    /// The numbers of the columns at `places`, `[N, D]` in double precision, with NaN for what is missing.
    ///
    /// # Errors
    /// [`Error::Line`] for text or a number that is not finite.
    pub fn numbers(&self, places: &[usize]) -> Result<Tensor> {
        match &self.cells {
            Cells::Text(rows) => {
                let mut values = Vec::with_capacity(rows.len() * places.len());
                for (row, (_, record)) in rows.iter().enumerate() {
                    for &place in places {
                        values.push(self.number(row, place, record.get(place).unwrap_or_default())?);
                    }
                }
                Ok(Tensor::from_slice(&values).view([-1, places.len() as i64]))
            }
            Cells::Numbers(values) => {
                let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
                let values = values.index_select(1, &Tensor::from_slice(&places));
                match rows_where(&values.isinf().any_dim(1, false)).first() {
                    None => Ok(values),
                    Some(&row) => Err(self.problem_in(row, "a value is not finite".to_owned())),
                }
            }
        }
    }

    /// The numbers of the columns at `places`, `[N, D]`, of which none is missing.
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

    /// How the rows are found in the file: `2 rows, lines 4, 9`.
    pub fn row_names(&self, rows: &[usize]) -> String {
        const NAMED: usize = 10;
        let numbers: Vec<String> = rows.iter().take(NAMED).map(|&row| self.line(row).to_string()).collect();
        let more = if rows.len() > NAMED { ", …" } else { "" };
        let place = if self.counted == Counted::Lines { "line" } else { "row" };
        match rows.len() {
            1 => format!("1 row: {place} {}", numbers[0]),
            n => format!("{n} rows: {place}s {}{more}", numbers.join(", ")),
        }
    }

    /// The column at `place` as text.
    pub(crate) fn texts(&self, place: usize) -> Vec<String> {
        (0..self.n_rows()).map(|row| self.fields(row).get(place).unwrap_or_default().to_owned()).collect()
    }

    /// The whole table as CSV with one column more.
    ///
    /// # Errors
    /// [`Error::Content`] if `values` are not as many as the rows.
    pub fn csv_with(&self, name: &str, values: &[String]) -> Result<Vec<u8>> {
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
        writer.write_record(self.names.iter().map(String::as_str).chain([name])).map_err(failed)?;
        for (row, value) in values.iter().enumerate() {
            let fields = self.fields(row);
            writer.write_record(fields.iter().chain([value.as_str()])).map_err(failed)?;
        }
        writer.into_inner().map_err(|error| content(&self.path, error.to_string()))
    }

    fn fields(&self, row: usize) -> StringRecord {
        match &self.cells {
            Cells::Text(rows) => rows[row].1.clone(),
            Cells::Numbers(values) => {
                let number = |place| values.double_value(&[row as i64, place as i64]).to_string();
                (0..self.names.len()).map(number).collect()
            }
        }
    }

    fn number(&self, row: usize, place: usize, field: &str) -> Result<f64> {
        let field = field.trim();
        if is_missing(field) {
            return Ok(f64::NAN);
        }
        let name = &self.names[place];
        match field.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(value) => Err(self.problem_in(row, format!("column `{name}` is not finite, found: {value}"))),
            Err(_) => Err(self.problem_in(
                row,
                format!("column `{name}` wants a number, found: {field:?}\nhint: name the columns to use (--columns)"),
            )),
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
            Cells::Text(rows) => rows[row].0,
            Cells::Numbers(_) => row as u64 + 1,
        }
    }
}

/// The rows at which `mask`, `[N]`, holds.
pub(crate) fn rows_where(mask: &Tensor) -> Vec<usize> {
    let rows = mask.nonzero().view(-1).to_kind(Kind::Int64);
    rows.iter::<i64>().map_or_else(|_| Vec::new(), |rows| rows.map(|row| row as usize).collect())
}

fn is_missing(field: &str) -> bool {
    field.is_empty() || MISSING.iter().any(|missing| field.eq_ignore_ascii_case(missing))
}
