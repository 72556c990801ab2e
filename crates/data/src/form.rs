//! What a column's numbers stand for in the file: numbers, categories, times, or large integers.

mod clock;
mod origin;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

pub use self::clock::Clock;
use crate::error::{Error, Result};
use crate::table;

/// How the values of a column are written in the file. In memory they are numbers: for a category its index among the
/// labels, for a time the days or seconds since 1970 or midnight, for a large integer its distance from an origin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Form {
    /// As numbers.
    #[default]
    Number,
    /// As one of a few texts.
    Category {
        /// The texts, in the order of their numbers.
        labels: Vec<String>,
    },
    /// As dates or times.
    Time(Clock),
    /// As integers that are too large for double precision, such as identifiers and counts of nanoseconds.
    Integer {
        /// The integer that becomes 0.
        #[serde(with = "origin")]
        origin: i128,
    },
}

/// Cells of a lattice beyond this number from 0 have less than a thousand places for a double.
pub(crate) const LARGEST_CELL: f64 = (1_u64 << (f64::MANTISSA_DIGITS - 10)) as f64;
/// Below it a double tells every whole number from its neighbours.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

impl Form {
    /// The form of whole numbers between these, if they are too large for a double to tell places between neighbours, but lie close
    /// enough together to be told by their distances.
    pub(crate) fn of_large_integers(least: i128, greatest: i128) -> Option<Self> {
        let (size, range) = (least.unsigned_abs().max(greatest.unsigned_abs()), greatest.abs_diff(least));
        let is_large = size as f64 >= LARGEST_CELL;
        (is_large && range < u128::from(EXACT).min(size / 2)).then_some(Self::Integer { origin: least })
    }

    /// Whether the values are plain numbers.
    pub fn is_number(&self) -> bool {
        *self == Self::Number
    }

    /// The texts of a category; empty for other forms.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Category { labels } => labels,
            _ => &[],
        }
    }

    /// The number of a trimmed field that is not missing, if it is one of this form's.
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        match self {
            Self::Number => field.parse().ok(),
            Self::Category { labels } => {
                labels.iter().position(|label| label == field).map(|place| place as f64)
            }
            Self::Time(clock) => clock.number(field),
            Self::Integer { origin } => match field.parse::<i128>() {
                Ok(value) => Some(value.saturating_sub(*origin) as f64),
                Err(_) => field.parse::<f64>().ok().map(|value| value - *origin as f64),
            },
        }
    }

    /// The numbers `x`, `[N]`, as they are written in the file; empty texts for missing values.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if they cannot be read.
    pub fn texts(&self, x: &Tensor) -> Result<Vec<String>> {
        if self.is_number() {
            let texts = table::texts(x)?.into_iter();
            return Ok(texts.map(|text| if text == "NaN" { String::new() } else { text }).collect());
        }
        let read = |source| Error::Torch { operation: "read a column", source };
        let numbers = Vec::<f64>::try_from(x.to_kind(Kind::Double).contiguous()).map_err(read)?;
        Ok(numbers.into_iter().map(|number| self.said(number)).collect())
    }

    /// A number as it is written; nothing for what is missing.
    pub(crate) fn said(&self, number: f64) -> String {
        if number.is_nan() {
            return String::new();
        }
        match self {
            Self::Number => number.to_string(),
            Self::Category { labels } => labels.get(number.max(0.0) as usize).cloned().unwrap_or_default(),
            Self::Time(clock) => clock.text(number),
            Self::Integer { origin } => {
                origin.saturating_add(number.clamp(-1e30, 1e30).round() as i128).to_string()
            }
        }
    }
}
