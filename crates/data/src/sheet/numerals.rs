//! Numbers as people write them: decimal commas, marks between thousands, signs of money and of percent.
//!
//! A number that allows two readings, as `2,500` does, is no number here until it is known what its mark means.

use super::format::{Decimal, Thousands};

/// How the numbers of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numerals {
    pub(super) decimal: Decimal,
    pub(super) thousands: Option<Thousands>,
}

impl Default for Numerals {
    fn default() -> Self {
        Self { decimal: Decimal::Point, thousands: None }
    }
}

/// A number, and the sign of money or percent that stands beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Amount {
    pub(super) value: f64,
    pub(super) unit: Option<char>,
}

impl Numerals {
    /// The number that a trimmed field is, with its unit.
    pub(super) fn amount(self, field: &str) -> Option<Amount> {
        if self.decimal == Decimal::Point || !field.contains('.') {
            // The way of almost all numbers.
            if let Ok(value) = field.parse() {
                return Some(Amount { value, unit: None });
            }
        }
        let numeral = Numeral::of(field)?;
        let plain = self.plain(numeral.body)?;
        let value: f64 = format!("{plain}{}", numeral.exponent).parse().ok()?;
        Some(Amount { value: if numeral.negative { -value } else { value }, unit: numeral.unit })
    }

    /// The digits without marks between thousands, and a point for the decimal mark.
    pub(super) fn plain(self, body: &str) -> Option<String> {
        let decimal = if self.decimal == Decimal::Point { '.' } else { ',' };
        let (whole, fraction) = body.split_once(decimal).map_or((body, None), |(a, b)| (a, Some(b)));
        if fraction.is_some_and(|fraction| !fraction.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        let mut marks = whole.chars().filter(|sign| !sign.is_ascii_digit());
        let digits = match marks.next() {
            None => whole.to_owned(),
            Some(mark) if self.groups_by(mark, fraction.is_some() || marks.next().is_some()) => {
                grouped(whole, mark)?
            }
            Some(_) => return None,
        };
        Some(fraction.map_or_else(|| digits.clone(), |fraction| format!("{digits}.{fraction}")))
    }

    /// Whether `mark` stands between thousands here; `sure` for numbers that allow no other reading.
    fn groups_by(self, mark: char, sure: bool) -> bool {
        match mark {
            ',' => sure || self.thousands == Some(Thousands::Comma),
            '.' => sure || self.thousands == Some(Thousands::Point),
            ' ' => self.thousands == Some(Thousands::Blank),
            _ => true,
        }
    }
}

/// The digits of `whole` if `mark` stands before each group of three and nowhere else.
pub(super) fn grouped(whole: &str, mark: char) -> Option<String> {
    let mut groups = whole.split(mark);
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()) && digits(first))?;
    groups.try_fold(first.to_owned(), |all, group| (group.len() == 3 && digits(group)).then(|| all + group))
}

/// A field that looks like a number, whatever its marks mean.
pub(super) struct Numeral<'a> {
    negative: bool,
    unit: Option<char>,
    /// Digits and marks, of which the first or the second and the last is a digit.
    pub(super) body: &'a str,
    /// `e-3`, or nothing.
    pub(super) exponent: &'a str,
}

impl<'a> Numeral<'a> {
    /// The parts of a trimmed field that looks like a number.
    pub(super) fn of(field: &'a str) -> Option<Self> {
        let (field, first) = minus(field);
        let (field, before) =
            unit(field, |field| field.chars().next(), |field, sign| &field[sign.len_utf8()..]);
        let (field, second) = minus(field);
        let (field, behind) = unit(
            field,
            |field| field.chars().next_back(),
            |field, sign| &field[..field.len() - sign.len_utf8()],
        );
        if (before.is_some() && behind.is_some()) || (first.is_some() && second.is_some()) {
            return None;
        }
        let at = field.find(['e', 'E']).unwrap_or(field.len());
        let (body, exponent) = field.split_at(at);
        let power = exponent.get(1..).unwrap_or("0").trim_start_matches(['+', '-']);
        let mark =
            |sign: char| matches!(sign, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}');
        let shaped = body.chars().all(|sign| sign.is_ascii_digit() || mark(sign))
            && body.ends_with(|sign: char| sign.is_ascii_digit())
            && body.trim_start_matches(['.', ',']).starts_with(|sign: char| sign.is_ascii_digit())
            && !power.is_empty()
            && power.bytes().all(|byte| byte.is_ascii_digit());
        let negative = first.or(second) == Some(true);
        shaped.then_some(Self { negative, unit: before.or(behind), body, exponent })
    }
}

/// The field behind its sign, and whether that is a minus.
fn minus(field: &str) -> (&str, Option<bool>) {
    match field.chars().next() {
        Some('+') => (&field[1..], Some(false)),
        Some(sign @ ('-' | '−')) => (&field[sign.len_utf8()..], Some(true)),
        _ => (field, None),
    }
}

/// The field without a sign of money or percent at one end, and that sign.
fn unit<'a>(
    field: &'a str,
    end: impl Fn(&str) -> Option<char>,
    without: impl Fn(&'a str, char) -> &'a str,
) -> (&'a str, Option<char>) {
    const UNITS: &str = "$€£¥₹₩₽₺₪₫₴฿¢%‰";
    match end(field).filter(|sign| UNITS.contains(*sign)) {
        Some(sign) => (without(field, sign).trim(), Some(sign)),
        None => (field, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: Numerals = Numerals { decimal: Decimal::Point, thousands: None };
    const COMMA: Numerals = Numerals { decimal: Decimal::Comma, thousands: None };

    #[test]
    fn numbers_are_what_their_only_reading_says() {
        for (numerals, field, value) in [
            (POINT, "2,845.00", 2845.0),
            (POINT, "1,234,567", 1_234_567.0),
            (POINT, "1'234.5", 1234.5),
            (POINT, "1\u{a0}234.5", 1234.5),
            (POINT, "-$1,234.50", -1234.5),
            (POINT, "$-5", -5.0),
            (POINT, "12.5 %", 12.5),
            (POINT, "−0.5", -0.5),
            (POINT, "7 €", 7.0),
            (COMMA, "2,5", 2.5),
            (COMMA, "-0,251", -0.251),
            (COMMA, "1.234,5", 1234.5),
            (COMMA, "1,5E+03", 1500.0),
            (COMMA, "12", 12.0),
            (COMMA, ",5", 0.5),
        ] {
            let found = numerals.amount(field).map(|amount| amount.value);
            assert!(found.is_some_and(|found| (found - value).abs() < 1e-12), "{field}: {found:?}");
        }
    }

    #[test]
    fn what_allows_two_readings_or_none_is_no_number() {
        for field in
            ["1,234", "12,34.5", "1,2,3", "1.2.3", "1 234", "$5%", "--5", "e5", "1e", "", "$", "1,234,56"]
        {
            assert_eq!(POINT.amount(field), None, "{field}");
        }
        for field in ["1.234", "1.5", "2,5,6", "1.23,4"] {
            assert_eq!(COMMA.amount(field), None, "{field}");
        }
        let grouping = Numerals { thousands: Some(Thousands::Point), ..COMMA };
        assert_eq!(grouping.amount("1.234"), Some(Amount { value: 1234.0, unit: None }));
        assert_eq!(grouping.amount("1.5"), None);
        assert_eq!(POINT.amount("7 €").and_then(|amount| amount.unit), Some('€'));
    }
}
