//! What stands for a missing value.

use super::format::TextFormat;

/// The marks that stand for a missing value in one sheet.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Whether the usual marks are none, so that of texts only the empty one is.
    not_usual: bool,
    /// Those that are no numbers, in small letters.
    texts: Vec<String>,
    numbers: Vec<f64>,
}

impl Marks {
    /// The usual marks and these.
    pub(super) fn with(marks: &[String]) -> Self {
        let mut all = Self::default();
        for mark in marks.iter().map(|mark| mark.trim()) {
            match mark.parse() {
                Ok(number) => all.numbers.push(number),
                Err(_) => all.texts.push(mark.to_lowercase()),
            }
        }
        all
    }

    /// None but the empty text and NaN.
    pub(super) fn none() -> Self {
        Self { not_usual: true, ..Self::default() }
    }

    /// Whether a trimmed field that is no number stands for a missing value.
    pub(super) fn hold_text(&self, field: &str) -> bool {
        let usual = || {
            !self.not_usual && TextFormat::MISSING_MARKS.iter().any(|mark| field.eq_ignore_ascii_case(mark))
        };
        field.is_empty() || usual() || self.texts.iter().any(|mark| *mark == field.to_lowercase())
    }

    /// Whether a number stands for a missing value.
    pub(super) fn hold_number(&self, value: f64) -> bool {
        value.is_nan() || self.numbers.contains(&value)
    }

    /// The numbers that stand for a missing value.
    pub(super) fn numbers(&self) -> &[f64] {
        &self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_mark_and_those_that_are_added_are_missing() {
        let marks = Marks::with(&["-999".to_owned(), "k.A.".to_owned()]);
        for mark in ["#N/A", "<NA>", "-", ".", "n.a.", "#DIV/0!", "\\N", "NaT", "K.a.", ""] {
            assert!(marks.hold_text(mark), "{mark}");
        }
        assert!(!marks.hold_text("x") && !Marks::default().hold_text("k.A."));
        assert!(Marks::none().hold_text("") && !Marks::none().hold_text("NA"));
        assert!(marks.hold_number(-999.0) && !marks.hold_number(999.0));
    }
}
