//! A sheet of columns in memory, such as those of a data frame.

use std::path::Path;

use tch::Tensor;

use super::marks::Marks;
use super::rows::TextRows;
use super::{Cells, Sheet, titled};
use crate::error::{Error, Result};
use crate::form::Form;

/// The values of one column in memory.
#[derive(Debug)]
pub enum ColumnValues {
    /// Numbers, `[N]`, with NaN for missing values.
    Numbers(Tensor),
    /// Texts, empty for missing values.
    Texts(Vec<String>),
}

impl ColumnValues {
    /// The values as a file would have them, empty where they are missing.
    fn into_texts(self) -> Result<Vec<String>> {
        match self {
            Self::Numbers(numbers) => Form::Number.texts(&numbers),
            Self::Texts(texts) => Ok(texts),
        }
    }
}

impl Sheet {
    /// The sheet of these columns with their names, the same as would be read from a CSV file with these columns, but
    /// for the marks of missing values: a text such as `none` is one like others.
    ///
    /// ```
    /// use interflow_data::sheet::ColumnValues;
    /// use interflow_data::Sheet;
    /// use tch::Tensor;
    ///
    /// let ages = ColumnValues::Numbers(Tensor::from_slice(&[31.0, f64::NAN]));
    /// let towns = ColumnValues::Texts(vec!["Ulm".to_owned(), "Linz".to_owned()]);
    /// let sheet = Sheet::of_columns(vec![("age".to_owned(), ages), ("town".to_owned(), towns)])?;
    /// assert_eq!((sheet.n_rows(), sheet.names()), (2, &["age".to_owned(), "town".to_owned()][..]));
    /// # Ok::<(), interflow_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Rows`] if there is no column or no row, or columns differ in length.
    pub fn of_columns(columns: Vec<(String, ColumnValues)>) -> Result<Self> {
        let (titles, values): (Vec<String>, Vec<ColumnValues>) = columns.into_iter().unzip();
        let columns: Vec<Vec<String>> =
            values.into_iter().map(ColumnValues::into_texts).collect::<Result<_>>()?;
        let n = columns.first().map_or(0, Vec::len);
        if n == 0 {
            return Err(Error::Rows { problem: "the table has no rows".to_owned() });
        }
        if let Some(place) = columns.iter().position(|column| column.len() != n) {
            let (title, found) = (&titles[place], columns[place].len());
            let problem = format!("expected {n} values in column `{title}`, found: {found}");
            return Err(Error::Rows { problem });
        }
        let mut rows = TextRows::default();
        for row in 0..n {
            rows.push(row as u64 + 1, columns.iter().map(|column| column[row].as_str()));
        }
        let sheet = Self::assembled(Path::new("the table"), titled(&titles), true, Cells::Text(rows), &[]);
        Ok(Self { marks: Marks::none(), ..sheet })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: &[&str]) -> ColumnValues {
        ColumnValues::Texts(of.iter().map(ToString::to_string).collect())
    }

    fn sheet(columns: Vec<(&str, ColumnValues)>) -> Result<Sheet> {
        Sheet::of_columns(columns.into_iter().map(|(title, values)| (title.to_owned(), values)).collect())
    }

    #[test]
    fn numbers_keep_all_digits_and_holes() {
        let numbers = Tensor::from_slice(&[0.1 + 0.2, f64::NAN, -1e-300]);
        let sheet =
            sheet(vec![("x", ColumnValues::Numbers(numbers)), ("c", texts(&["a", "", "b"]))]).unwrap();
        let found = Vec::<f64>::try_from(sheet.numbers(&[0]).unwrap().select(1, 0)).unwrap();
        assert!(
            found[0].to_bits() == (0.1 + 0.2_f64).to_bits()
                && found[1].is_nan()
                && found[2].to_bits() == (-1e-300_f64).to_bits()
        );
        assert_eq!(sheet.form(1).unwrap().labels(), ["a", "b"]);
    }

    #[test]
    fn marks_of_missing_values_in_files_are_texts_here() {
        let sheet = sheet(vec![("c", texts(&["none", "", "-", "NA"]))]).unwrap();
        assert_eq!(sheet.form(0).unwrap().labels(), ["-", "NA", "none"]);
    }

    #[test]
    fn columns_of_different_lengths_and_no_rows_are_refused() {
        for (columns, part) in [
            (vec![("x", texts(&["1", "2"])), ("y", texts(&["1"]))], "column `y`, found: 1"),
            (vec![("x", texts(&[]))], "no rows"),
            (vec![], "no rows"),
        ] {
            let error = sheet(columns).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
