//! What a user says of where a column can be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::form::Form;
use crate::marginal::Bounds;

/// The bounds of a column, as a user writes them: `0..`, `..100` or `0..1`; for dates and times in the column's own
/// format, as in `2020-01-01..`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Limits {
    lower: String,
    upper: String,
}

impl Limits {
    /// The bounds as numbers of a column whose values are written in this form; what is wrong with them otherwise.
    pub(super) fn of(&self, form: &Form) -> Result<Bounds, String> {
        if let Form::Category { .. } = form {
            let hint = "hint: leave its bounds out, or say --kind NAME=number of categories that are numbers";
            return Err(format!("holds categories, which have no bounds\n{hint}"));
        }
        let side = |text: &str| match text {
            "" => Ok(None),
            text => form.number(text).map(Some).ok_or_else(|| {
                let example = form.said(0.0);
                format!(
                    "needs bounds written as its values are, as in {example}.., found: {self}\n\
                     hint: --bounds NAME={example}.."
                )
            }),
        };
        Bounds::between(side(&self.lower)?, side(&self.upper)?)
            .ok_or_else(|| format!("needs finite bounds, the lower one below the upper one, found: {self}"))
    }

    /// Bounds as a column's values are written.
    pub(super) fn said(bounds: Bounds, form: &Form) -> Self {
        let side = |bound: Option<f64>| bound.map_or_else(String::new, |bound| form.said(bound));
        Self { lower: side(bounds.lower), upper: side(bounds.upper) }
    }
}

impl From<Bounds> for Limits {
    fn from(bounds: Bounds) -> Self {
        Self::said(bounds, &Form::Number)
    }
}

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((lower, upper)) = text.split_once("..") else {
            return Err(format!(
                "bounds are written `0..`, `..100`, `0..1` or `2020-01-01..`, found: {text}"
            ));
        };
        let limits = Self { lower: lower.trim().to_owned(), upper: upper.trim().to_owned() };
        let is_number = |text: &String| text.is_empty() || text.parse::<f64>().is_ok();
        if is_number(&limits.lower) && is_number(&limits.upper) {
            text.parse::<Bounds>()?;
        }
        Ok(limits)
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.lower, self.upper)
    }
}

impl TryFrom<String> for Limits {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Limits> for String {
    fn from(limits: Limits) -> Self {
        limits.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Clock;

    #[test]
    fn bounds_are_read_in_the_form_of_the_column_and_written_again() {
        let days = Form::Time(Clock::new("%Y-%m-%d"));
        let of = |text: &str, form: &Form| text.parse::<Limits>().and_then(|limits| limits.of(form));
        for (text, form, lower) in [("0..1", &Form::Number, 0.0), ("1970-01-03..1970-02-01", &days, 2.0)] {
            let found = of(text, form).unwrap();
            assert!((found.lower.unwrap() - lower).abs() < 1e-12, "{text}");
            assert_eq!(Limits::said(found, form).to_string(), text);
        }
        for (text, form) in [
            ("1970-01-03..", &Form::Number),
            ("1.2.1970..", &days),
            // Not the fifth of January 1970, nor five days.
            ("5..", &days),
            ("1970-01-03..1970-01-02", &days),
            ("1..0", &Form::Number),
            ("0", &Form::Number),
            ("0..", &Form::Category { labels: Vec::new() }),
        ] {
            assert!(of(text, form).is_err(), "{text}");
        }
    }
}
