//! What a user says a column is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of a column, as a user says it: `number`, `lattice`, `lattice:0.25`, `category`, `time` or
/// `time:%d.%m.%Y`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum ColumnKind {
    /// Numbers with a density, none of which has a probability of its own.
    Number,
    /// Multiples of a quantum, which is estimated if it is not given.
    Lattice(Option<f64>),
    /// Texts among a few, or numbers that are only labels.
    Category,
    /// Dates or times, whose format is recognised if it is not given.
    Time(Option<String>),
}

impl FromStr for ColumnKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, detail) = text.split_once(':').map_or((text, None), |(kind, detail)| (kind, Some(detail)));
        match (kind, detail) {
            ("number", None) => Ok(Self::Number),
            ("category", None) => Ok(Self::Category),
            ("time" | "date", format) => Ok(Self::Time(format.map(str::to_owned))),
            ("lattice", None) => Ok(Self::Lattice(None)),
            ("lattice", Some(quantum)) => match quantum.parse() {
                Ok(quantum) if quantum > 0.0 && f64::is_finite(quantum) => Ok(Self::Lattice(Some(quantum))),
                _ => Err(format!("a lattice needs a positive distance of its values, found: {quantum}")),
            },
            _ => Err(format!(
                "a kind is number, lattice, lattice:0.25, category, time or time:%d.%m.%Y, found: {text}"
            )),
        }
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => f.write_str("number"),
            Self::Lattice(None) => f.write_str("lattice"),
            Self::Lattice(Some(quantum)) => write!(f, "lattice:{quantum}"),
            Self::Category => f.write_str("category"),
            Self::Time(None) => f.write_str("time"),
            Self::Time(Some(format)) => write!(f, "time:{format}"),
        }
    }
}

impl TryFrom<String> for ColumnKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ColumnKind> for String {
    fn from(kind: ColumnKind) -> Self {
        kind.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_written_alike_and_nonsense_is_refused() {
        for text in ["number", "lattice", "lattice:0.25", "category", "time", "time:%H:%M"] {
            assert_eq!(text.parse::<ColumnKind>().unwrap().to_string(), text);
        }
        assert_eq!("date".parse(), Ok(ColumnKind::Time(None)));
        for text in ["", "numbers", "lattice:0", "lattice:x", "category:2", "number:1"] {
            assert!(text.parse::<ColumnKind>().is_err(), "{text}");
        }
    }
}
