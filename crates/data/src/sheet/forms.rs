//! Columns that are no numbers as they stand: texts among a few, points of time, and large whole numbers.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use tch::Tensor;

use super::{Cells, Sheet};
use crate::column::Column;
use crate::error::{Error, Result, content};
use crate::form::Form;

/// No more different texts are categories.
const MOST_LABELS: usize = 256;
/// So few different texts are categories however few the rows.
const FEW_LABELS: usize = 10;
/// Of more there have to be as many rows for each.
const ROWS_PER_LABEL: usize = 4;

/// The number of a text that is none of a category's labels: it cannot be.
const UNSEEN: f64 = -1.0;

impl Sheet {
    /// The trimmed fields of the column at `place`, nothing for what is missing.
    pub(super) fn fields(&self, place: usize) -> impl Iterator<Item = Option<Cow<'_, str>>> {
        (0..self.n_rows()).map(move |row| {
            let field = trimmed(self.field(row, place));
            let missing = match self.numerals.amount(&field) {
                Some(amount) => self.marks.hold_number(amount.value),
                None => self.marks.hold_text(&field),
            };
            (!missing).then_some(field)
        })
    }

    /// The different texts of the column at `place`, in the order of their first rows.
    pub(super) fn different(&self, place: usize) -> Different<'_> {
        let mut found = Different { texts: Vec::new(), n_rows: 0 };
        let mut seen = HashSet::new();
        for field in self.fields(place).flatten() {
            found.n_rows += 1;
            if !seen.contains(&field) {
                seen.insert(field.clone());
                found.texts.push(field);
            }
        }
        found
    }

    /// How the values of the column at `place` are written, if they are no numbers.
    ///
    /// # Errors
    /// [`Error::Content`] for what is neither numbers nor dates nor texts among a few.
    pub(crate) fn form(&self, place: usize) -> Result<Form> {
        match self.problem_of(place) {
            // Numbers would lose their zeros, as 007 would.
            None if self.is_of_codes(place) => {
                Ok(self.categories_of(place, &self.different(place)).unwrap_or_default())
            }
            None => Ok(Form::Number),
            Some(problem) if problem.is_text => {
                let different = self.different(place);
                match self.clock_of(place, &different.texts)? {
                    Some(clock) => Ok(Form::Time(clock)),
                    None => self.categories_of(place, &different),
                }
            }
            Some(_) => Err(self.unusable(&[place])),
        }
    }

    /// The form of the column of numbers at `place`: that of large whole numbers, where it holds such.
    ///
    /// # Errors
    /// [`Error::Content`] for whole numbers beyond 2^63 that lie too far apart to be told by their distances.
    pub(crate) fn form_of_numbers(&self, place: usize) -> Result<Form> {
        let Cells::Text(_) = self.cells else { return Ok(Form::Number) };
        let ends =
            self.fields(place).flatten().try_fold((i128::MAX, i128::MIN), |(least, greatest), field| {
                let value = whole(&field)?;
                Some((least.min(value), greatest.max(value)))
            });
        let Some((least, greatest)) = ends else { return Ok(Form::Number) };
        match Form::of_large_integers(least, greatest) {
            Some(form) => Ok(form),
            None if least >= i64::MIN.into() && greatest <= i64::MAX.into() => Ok(Form::Number),
            None => Err(self.too_wide(place)),
        }
    }

    fn too_wide(&self, place: usize) -> Error {
        let name = &self.names[place];
        let is_beyond = |field: &str| whole(field).is_some_and(|value| i64::try_from(value).is_err());
        let example = self.fields(place).flatten().find(|field| is_beyond(field)).unwrap_or_default();
        let problem = format!(
            "column `{name}` holds whole numbers beyond 2^63, as {example}, too far apart to keep their last digits\n\
             hint: --kind {name}=number takes them by their first 16 digits"
        );
        content(&self.path, problem)
    }

    /// Whether a column of digits has some with zeros before them, as codes have.
    fn is_of_codes(&self, place: usize) -> bool {
        let Cells::Text(_) = self.cells else { return false };
        let mut has_zeros = false;
        let all_digits = self.fields(place).flatten().all(|field| {
            has_zeros |= field.len() > 1 && field.starts_with('0');
            field.bytes().all(|byte| byte.is_ascii_digit())
        });
        all_digits && has_zeros
    }

    /// The form of the column at `place` as one of categories, whatever its texts look like.
    ///
    /// # Errors
    /// [`Error::Content`] for too many different ones.
    pub(crate) fn categories(&self, place: usize) -> Result<Form> {
        let different = self.different(place);
        let (name, n, n_rows) = (&self.names[place], different.texts.len(), different.n_rows);
        if n <= MOST_LABELS {
            return Ok(different.categories());
        }
        let hint = format!("hint: leave out --kind {name}=category, by which it is what it looks like");
        let problem = format!(
            "column `{name}` has {n} different values in {n_rows} rows, and no more than {MOST_LABELS} are categories"
        );
        Err(content(&self.path, format!("{problem}\n{hint}")))
    }

    fn categories_of(&self, place: usize, different: &Different<'_>) -> Result<Form> {
        let (n, n_rows) = (different.texts.len(), different.n_rows);
        if n > MOST_LABELS || (n > FEW_LABELS && n_rows < ROWS_PER_LABEL * n) {
            let name = &self.names[place];
            let problem = format!(
                "column `{name}` is text of {n} different values in {n_rows} rows, too many to be categories"
            );
            return Err(content(&self.path, problem));
        }
        Ok(different.categories())
    }

    /// The numbers of the column at `place`, `[N]`, read in this form, with NaN for what is missing.
    ///
    /// # Errors
    /// As [`Sheet::numbers`], and [`Error::Line`] or [`Error::Content`] for a time that is not written so.
    pub(crate) fn values_in(&self, place: usize, form: &Form) -> Result<Tensor> {
        if form.is_number() {
            return Ok(self.numbers(&[place])?.select(1, 0));
        }
        let mut values = Vec::with_capacity(self.n_rows());
        let labels: HashMap<&str, f64> = form
            .labels()
            .iter()
            .zip(0..)
            .map(|(label, number)| (label.as_str(), f64::from(number)))
            .collect();
        for (row, field) in self.fields(place).enumerate() {
            values.push(match (field, form) {
                (None, _) => f64::NAN,
                (Some(field), Form::Category { .. }) => labels.get(&*field).copied().unwrap_or(UNSEEN),
                (Some(field), _) => {
                    form.number(&field).ok_or_else(|| self.unwritten(row, place, &field, form))?
                }
            });
        }
        Ok(Tensor::from_slice(&values))
    }

    fn unwritten(&self, row: usize, place: usize, field: &str, form: &Form) -> Error {
        let wanted = match form {
            Form::Time(clock) => &clock.format,
            Form::Integer { .. } => "whole numbers",
            _ => "this form",
        };
        self.problem_in(row, format!("column `{}` needs {wanted}, found: {field}", self.names[place]))
    }

    /// The values of a flow's columns in this sheet, `[N, W]`, with NaN for missing values in columns where they are
    /// allowed.
    ///
    /// # Errors
    /// As [`Sheet::places_of`]; an error for fields that do not fit their column's form; [`Error::Content`] naming
    /// the rows with a missing value where none is allowed.
    pub fn values_of<'a>(&self, columns: impl Iterator<Item = &'a Column>) -> Result<Tensor> {
        self.values_by(columns, |column| column.marginal.may_miss())
    }

    /// As [`Sheet::values_of`], but with NaN for every missing value.
    ///
    /// # Errors
    /// As [`Sheet::places_of`]; an error for fields that do not fit their column's form.
    pub fn values_with_holes<'a>(&self, columns: impl Iterator<Item = &'a Column>) -> Result<Tensor> {
        self.values_by(columns, |_| true)
    }

    fn values_by<'a>(
        &self,
        columns: impl Iterator<Item = &'a Column>,
        may_miss: impl Fn(&Column) -> bool,
    ) -> Result<Tensor> {
        let columns: Vec<&Column> = columns.collect();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let places = self.places_of(&names)?;
        if let (Cells::Numbers(_), Some(column)) =
            (&self.cells, columns.iter().find(|column| !column.form.is_number()))
        {
            let problem = format!(
                "column `{}` is not numbers: an array cannot hold it\nhint: write the rows as CSV",
                column.name
            );
            return Err(content(&self.path, problem));
        }
        let numbers = columns.iter().all(|column| column.form.is_number() && !may_miss(column));
        if numbers {
            return self.complete_numbers(&places);
        }
        let mut values = Vec::with_capacity(columns.len());
        for (column, &place) in columns.iter().zip(&places) {
            let own = self.values_in(place, &column.form)?;
            let missing = super::rows_where(&own.isnan());
            if !missing.is_empty() && !may_miss(column) {
                let problem = format!(
                    "values of column `{}` are missing, of which none was when the flow was fitted: {}\n\
                     hint: leave these rows out, or fill them first, as interflow impute does",
                    column.name,
                    self.row_names(&missing)
                );
                return Err(content(&self.path, problem));
            }
            self.warn_of_unseen(column, place, &own);
            values.push(own);
        }
        if values.is_empty() {
            return self.complete_numbers(&places);
        }
        Ok(Tensor::stack(&values, 1))
    }

    /// The table as CSV with each row `repeats` times, in which the missing values of the columns `names` are filled
    /// by `texts`, one list of N · `repeats` texts for each of these columns. Values that are there stay as they are, but
    /// are written as [`Sheet::csv_with`] does.
    ///
    /// # Errors
    /// As [`Sheet::places_of`], and [`Error::Content`] if a list does not have that length.
    pub fn csv_filled(&self, names: &[String], texts: &[Vec<String>], repeats: usize) -> Result<Vec<u8>> {
        let places = self.places_of(names)?;
        if texts.len() != places.len() || texts.iter().any(|texts| texts.len() != repeats * self.n_rows()) {
            let problem = format!("{} rows cannot be filled by so many texts", self.n_rows());
            return Err(content(&self.path, problem));
        }
        let failed = |error: csv::Error| content(&self.path, error.to_string());
        let missing: Vec<Vec<bool>> =
            places.iter().map(|&place| self.fields(place).map(|field| field.is_none()).collect()).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| &*column.title)).map_err(failed)?;
        let of_place = |place: usize| places.iter().position(|other| *other == place);
        let filled: Vec<Option<usize>> = (0..self.columns.len()).map(of_place).collect();
        let are_numbers = self.are_numbers();
        let text = |d: usize, number: usize| texts[d][number].as_str();
        for number in 0..repeats * self.n_rows() {
            let row = number / repeats;
            for (place, filled) in filled.iter().enumerate() {
                let field = match filled.filter(|&d| missing[d][row]) {
                    Some(d) => text(d, number).into(),
                    None => self.plain_field(row, place, are_numbers[place]),
                };
                writer.write_field(&*field).map_err(failed)?;
            }
            writer.write_record(None::<&[u8]>).map_err(failed)?;
        }
        writer.into_inner().map_err(|error| content(&self.path, error.to_string()))
    }

    /// Says in the log which categories no flow can know.
    fn warn_of_unseen(&self, column: &Column, place: usize, values: &Tensor) {
        if column.form.labels().is_empty() {
            return;
        }
        let unseen = super::rows_where(&values.eq(UNSEEN));
        let Some(&row) = unseen.first() else { return };
        tracing::warn!(
            "{}: column `{}` has categories that were not there when the flow was fitted, {:?} the first, in {}: such rows \
             have no density",
            self.path.display(),
            column.name,
            self.field(row, place).trim(),
            self.row_names(&unseen)
        );
    }
}

/// The different texts of a column.
pub(super) struct Different<'a> {
    pub(super) texts: Vec<Cow<'a, str>>,
    /// How many rows have one.
    n_rows: usize,
}

impl Different<'_> {
    /// The texts as categories, 2 before 10.
    fn categories(&self) -> Form {
        let mut labels: Vec<String> = self.texts.iter().map(|text| text.clone().into_owned()).collect();
        labels.sort();
        let number = |label: &String| label.parse::<f64>().unwrap_or(f64::NAN);
        if !labels.iter().any(|label| number(label).is_nan()) {
            labels.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        Form::Category { labels }
    }
}

/// The whole number that a field is; one of more digits than any machine has as the largest.
fn whole(field: &str) -> Option<i128> {
    let digits = field.trim_start_matches(['+', '-']);
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_whole.then(|| field.parse().unwrap_or(i128::MAX))
}

/// A field without the blanks around it.
fn trimmed(field: Cow<'_, str>) -> Cow<'_, str> {
    match field {
        Cow::Borrowed(field) => field.trim().into(),
        Cow::Owned(field) => field.trim().to_owned().into(),
    }
}
