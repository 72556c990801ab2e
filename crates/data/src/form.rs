//! What a column's numbers are in the file: numbers themselves, texts among a few, or points of time.

mod clock;

use serde::{Deserialize, Serialize};
use tch::Tensor;

pub use self::clock::Clock;
use crate::table;

/// How the values of a column are written. Inside they are numbers: of a category its place among the labels, of a time its
/// days or seconds since 1970 or midnight.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Form {
    /// As numbers.
    #[default]
    Number,
    /// As one of these texts.
    Category {
        /// The texts in their order.
        labels: Vec<String>,
    },
    /// As dates or times.
    Time(Clock),
}

impl Form {
    /// Whether values are numbers as they stand.
    pub fn is_number(&self) -> bool {
        *self == Self::Number
    }

    /// The texts of a category, none for others.
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
        }
    }

    /// The numbers `x`, `[N]`, as they are written; nothing for what is missing.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if they cannot be read.
    pub fn texts(&self, x: &Tensor) -> crate::error::Result<Vec<String>> {
        let plain = table::texts(x)?;
        let numbers = plain.into_iter().map(|text| (text.parse::<f64>().unwrap_or(f64::NAN), text));
        Ok(numbers.map(|(number, text)| self.text(number, text)).collect())
    }

    /// A number as a message says it.
    pub(crate) fn said(&self, number: f64) -> String {
        self.text(number, number.to_string())
    }

    /// A number as it is written, `plain` where it is written as such.
    fn text(&self, number: f64, plain: String) -> String {
        if number.is_nan() {
            return String::new();
        }
        match self {
            Self::Number => plain,
            Self::Category { labels } => labels.get(number.max(0.0) as usize).cloned().unwrap_or_default(),
            Self::Time(clock) => clock.text(number),
        }
    }
}
