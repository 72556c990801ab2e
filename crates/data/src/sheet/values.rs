//! The numbers of a sheet's columns.

use std::collections::BTreeMap;

use tch::Tensor;

use super::numerals::Numerals;
use super::rows::TextRows;
use super::unusable::{Fields, Unusable, message};
use super::{Cells, Counted, Sheet, rows_where};
use crate::error::{Result, content};

impl Sheet {
    /// The numbers of the columns at `places`, `[N, D]` in double precision, with NaN for missing values.
    ///
    /// # Errors
    /// [`crate::Error::Content`] naming all columns that are not numbers, [`crate::Error::Line`] for a number that is
    /// not finite.
    pub fn numbers(&self, places: &[usize]) -> Result<Tensor> {
        match &self.cells {
            Cells::Text(rows) => self.parsed(rows, places),
            Cells::Numbers(values) => {
                let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
                let values = values.index_select(1, &Tensor::from_slice(&places));
                let values = self
                    .marks
                    .numbers()
                    .iter()
                    .fold(values, |values, &mark| values.masked_fill(&values.eq(mark), f64::NAN));
                match rows_where(&values.isinf().any_dim(1, false)).first() {
                    None => Ok(values),
                    Some(&row) => Err(self.problem_in(row, "a value is not finite".to_owned())),
                }
            }
        }
    }

    /// The numbers of a text's columns.
    fn parsed(&self, rows: &TextRows, places: &[usize]) -> Result<Tensor> {
        let mut values = Vec::with_capacity(rows.len() * places.len());
        let mut units = BTreeMap::new();
        for row in 0..rows.len() {
            for &place in places {
                let field = rows.get(row, self.columns[place].place).unwrap_or_default().trim();
                let Some(amount) = self.numerals.amount(field) else {
                    if self.marks.hold_text(field) {
                        values.push(f64::NAN);
                        continue;
                    }
                    return Err(self.unusable(places));
                };
                let missing = self.marks.hold_number(amount.value);
                if amount.value.is_infinite() && !missing {
                    let problem = format!("column `{}` is not finite, found: {field}", self.names[place]);
                    return Err(self.problem_in(row, problem));
                }
                if let Some(unit) = amount.unit {
                    units.insert(place, unit);
                }
                values.push(if missing { f64::NAN } else { amount.value });
            }
        }
        if !units.is_empty() {
            if self.usable(places).len() < places.len() {
                return Err(self.unusable(places));
            }
            let named = |(&place, unit): (&usize, &char)| format!("`{}` in {unit}", self.names[place]);
            let named: Vec<String> = units.iter().map(named).collect();
            tracing::info!(
                "{}: numbers are read without their signs: {}",
                self.path.display(),
                named.join(", ")
            );
        }
        Ok(Tensor::from_slice(&values).view([-1, places.len() as i64]))
    }

    /// The numbers of the column `name`, `[N]`, without missing values. They may be −∞, the logarithm of 0.
    ///
    /// # Errors
    /// As [`Sheet::places`], and [`crate::Error::Line`] or [`crate::Error::Content`] for a field that is not such a
    /// number.
    pub fn log_numbers(&self, name: &str) -> Result<Tensor> {
        let places = self.places(Some(&[name.to_owned()]))?;
        let texts = places.first().map_or_else(Vec::new, |&place| self.texts(place));
        let number = |(row, text): (usize, &String)| {
            let number = self.numerals.amount(text.trim()).map(|amount| amount.value);
            number.filter(|number| !number.is_nan() && *number < f64::INFINITY).ok_or_else(|| {
                self.problem_in(row, format!("column `{name}` needs a logarithm, found: {text:?}"))
            })
        };
        let numbers: Vec<f64> = texts.iter().enumerate().map(number).collect::<Result<_>>()?;
        Ok(Tensor::from_slice(&numbers))
    }

    /// Refuses columns of `places` that are neither numbers nor texts, all at once; those where numbers are `wanted` if they are
    /// texts, too.
    pub(crate) fn check_usable(&self, places: &[usize], wanted: impl Fn(usize) -> bool) -> Result<()> {
        let bad =
            |place: &usize| wanted(*place) && self.problem_of(*place).is_some_and(|problem| !problem.is_text);
        let bad: Vec<usize> = places.iter().copied().filter(bad).collect();
        if bad.is_empty() { Ok(()) } else { Err(self.unusable(&bad)) }
    }

    /// Those of `places` whose columns are numbers.
    pub(crate) fn usable(&self, places: &[usize]) -> Vec<usize> {
        places.iter().copied().filter(|&place| self.problem_of(place).is_none()).collect()
    }

    /// The error that names all columns of `places` that are no numbers.
    pub(super) fn unusable(&self, places: &[usize]) -> crate::Error {
        let columns: Vec<Unusable> = places.iter().filter_map(|&place| self.problem_of(place)).collect();
        content(&self.path, message(&columns, self.line(0), self.place_word()))
    }

    /// Why a column is not numbers.
    pub(super) fn problem_of(&self, place: usize) -> Option<Unusable> {
        let Cells::Text(rows) = &self.cells else { return None };
        let fields = || rows.column(self.columns[place].place);
        if fields().all(|field| self.is_plain_number(field.trim())) {
            return None;
        }
        let fields = fields().enumerate().map(|(row, field)| (rows.line(row), field)).collect();
        let column = Fields { name: &self.names[place], fields };
        Unusable::of(&column, self.numerals, &self.marks, self.place_word())
    }

    /// Whether a trimmed field is a number without marks and signs, or missing, as almost all are.
    fn is_plain_number(&self, field: &str) -> bool {
        (self.numerals == Numerals::default() && field.parse::<f64>().is_ok()) || self.marks.hold_text(field)
    }

    /// What rows are found by.
    pub(super) fn place_word(&self) -> &'static str {
        if self.counted == Counted::Lines { "line" } else { "row" }
    }
}
