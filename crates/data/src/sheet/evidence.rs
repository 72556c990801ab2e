//! What the numbers of a file say of its decimal mark.
//!
//! A point and a comma in one number, or one of them twice, allow one reading: `2,845.00`, `1.234.567`. So does a single
//! one unless it stands before the last three digits: `2,5`, but `2.500` may be a thousand times as much. Such numbers
//! decide for the whole file.

use super::format::{Decimal, TextFormat, Thousands};
use super::numerals::{Numeral, Numerals, grouped};

/// What a number's marks say of the decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// There is no comma or point.
    None,
    /// This is the decimal mark; whether the other one stands between thousands.
    Decimal(Decimal, bool),
    /// The only mark stands before the last three digits.
    Open(Decimal),
}

/// What a trimmed field says of the decimal mark; `None` if it does not look like a number.
pub(super) fn evidence(field: &str) -> Option<Evidence> {
    let numeral = Numeral::of(field)?;
    let body = numeral.body;
    let count = |mark: char| body.matches(mark).count();
    let other = |decimal| if decimal == Decimal::Point { Decimal::Comma } else { Decimal::Point };
    let single = |decimal, mark: char| match body.split_once(mark) {
        Some((whole, fraction))
            if fraction.len() == 3
                && numeral.exponent.is_empty()
                && grouped(body, mark).is_some()
                && !whole.starts_with('0') =>
        {
            Evidence::Open(decimal)
        }
        _ => Evidence::Decimal(decimal, false),
    };
    let (points, commas) = (count('.'), count(','));
    let found = match (points, commas) {
        (0, 0) => Evidence::None,
        (1, 0) => single(Decimal::Point, '.'),
        (0, 1) => single(Decimal::Comma, ','),
        (_, 0) => Evidence::Decimal(other(Decimal::Point), true),
        (0, _) => Evidence::Decimal(other(Decimal::Comma), true),
        _ if body.rfind('.') > body.rfind(',') => Evidence::Decimal(Decimal::Point, true),
        _ => Evidence::Decimal(Decimal::Comma, true),
    };
    let readable = match found {
        Evidence::None | Evidence::Open(_) => true,
        Evidence::Decimal(decimal, _) => {
            Numerals { decimal, thousands: Some(Thousands::Blank) }.plain(body).is_some()
        }
    };
    readable.then_some(found)
}

/// What the numbers of one file say together.
#[derive(Debug, Default)]
pub(super) struct Evidences {
    /// The first field that has to have a decimal point, and the first that has to have a decimal comma.
    sure: [Option<String>; 2],
    /// The same of fields that allow two readings.
    open: [Option<String>; 2],
    /// Whether the other mark stands between thousands somewhere.
    grouped: [bool; 2],
}

impl Evidences {
    /// Takes in a field that says `evidence`.
    pub(super) fn add(&mut self, field: &str, evidence: Evidence) {
        let (place, decimal) = match evidence {
            Evidence::None => return,
            Evidence::Decimal(decimal, grouped) => {
                self.grouped[decimal as usize] |= grouped;
                (&mut self.sure, decimal)
            }
            Evidence::Open(decimal) => (&mut self.open, decimal),
        };
        place[decimal as usize].get_or_insert_with(|| field.to_owned());
    }

    /// Takes in what another column says.
    pub(super) fn join(&mut self, other: Self) {
        for decimal in 0..2 {
            let grouped = self.grouped[decimal] || other.grouped[decimal];
            self.grouped[decimal] = grouped;
        }
        let Self { sure, open, .. } = other;
        let both = |ours: &mut [Option<String>; 2], theirs: [Option<String>; 2]| {
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours = ours.take().or(theirs));
        };
        both(&mut self.sure, sure);
        both(&mut self.open, open);
    }

    /// How the file's numbers are written: as `format` says, or as they say themselves. Where fields lie between
    /// semicolons (`by_semicolons`), a comma is the decimal mark unless they say otherwise.
    ///
    /// # Errors
    /// What is wrong, if they contradict each other.
    pub(super) fn numerals(&self, format: &TextFormat, by_semicolons: bool) -> Result<Numerals, String> {
        let [point, comma] = &self.sure;
        let decimal = match (format.decimal, point, comma) {
            (Some(decimal), ..) => decimal,
            (None, Some(point), Some(comma)) => {
                return Err(format!(
                    "some numbers have a decimal point and some a decimal comma, found: {point:?} and {comma:?}\n\
                     hint: --decimal . or --decimal , says which; fields of the other kind are not numbers then"
                ));
            }
            (None, None, Some(_)) => Decimal::Comma,
            (None, None, None) if by_semicolons && self.open[1].is_some() => Decimal::Comma,
            _ => Decimal::Point,
        };
        let mark = if decimal == Decimal::Point { Thousands::Comma } else { Thousands::Point };
        let thousands = format.thousands.or_else(|| self.grouped[decimal as usize].then_some(mark));
        Ok(Numerals { decimal, thousands })
    }

    /// A number with a point before its last three digits, if all points are there: it may stand between thousands.
    pub(super) fn only_open_points(&self) -> Option<&str> {
        if self.sure[0].is_some() { None } else { self.open[0].as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_sure_only_where_one_reading_is_left() {
        use Evidence::{Decimal as Sure, Open};
        for (field, expected) in [
            ("12", Some(Evidence::None)),
            ("2,5", Some(Sure(Decimal::Comma, false))),
            ("2.500", Some(Open(Decimal::Point))),
            ("2,500", Some(Open(Decimal::Comma))),
            ("0,251", Some(Sure(Decimal::Comma, false))),
            ("2500.123", Some(Sure(Decimal::Point, false))),
            ("1.234.567", Some(Sure(Decimal::Comma, true))),
            ("1.234,5", Some(Sure(Decimal::Comma, true))),
            ("01.02.2024", None),
            ("Smith, J", None),
        ] {
            assert_eq!(evidence(field), expected, "{field}");
        }
    }
}
