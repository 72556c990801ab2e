//! Which sign stands between the fields of a text.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::evidence::evidence;
use super::format::{Decimal, Separator};
use super::marks::Marks;
use super::records::Records;
use crate::form::Clock;

/// Rows that are looked at.
pub(super) const LOOKED_AT: usize = 100;

/// Those that are recognised; where two do as well, the first.
const CANDIDATES: [Separator; 5] =
    [Separator::COMMA, Separator::SEMICOLON, Separator::TAB, Separator::PIPE, Separator::BLANKS];

/// The separator by which the first lines of `text` are rows of one width with the most numbers: the share of rows of the
/// usual width times the share of their fields that are numbers, dates, times or missing. Fewer than two columns count only where
/// the decimal mark is known to be a comma, which otherwise would be taken for a separator.
pub(super) fn recognise(text: &str, decimal: Option<Decimal>) -> Separator {
    let head = head(text);
    let least = if decimal == Some(Decimal::Comma) { 1 } else { 2 };
    let mut best = (0.0, Separator::COMMA);
    for candidate in CANDIDATES {
        let rows = Records::new(head.as_bytes(), candidate).filter_map(Result::ok);
        let rows: Vec<StringRecord> = rows.map(|(_, row)| row).collect();
        let merit = merit(&rows, least);
        // A comma is the one to doubt only where it may be a decimal mark.
        let better = if least == 1 && best.1 == Separator::COMMA { merit >= best.0 } else { merit > best.0 };
        if better && merit > 0.0 {
            best = (merit, candidate);
        }
    }
    // A time of day is no column beside its date where nothing else is.
    if best.1 == Separator::BLANKS && are_times(head) { Separator::COMMA } else { best.1 }
}

/// Whether each line of `text`, but for a title, is one time.
fn are_times(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    let mut clocks = lines.next().map_or_else(Vec::new, Clock::reading_of);
    if let (true, Some(second)) = (clocks.is_empty(), lines.peek()) {
        clocks = Clock::reading_of(second);
    }
    clocks.iter().any(|clock| lines.clone().all(|line| clock.number(line).is_some()))
}

/// The first lines.
fn head(text: &str) -> &str {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at);
    // A stretch of a long line is no line.
    ends.take(LOOKED_AT).last().map_or(text, |end| &text[..end])
}

/// How well rows that were cut by a separator look like a table.
fn merit(rows: &[StringRecord], least: usize) -> f64 {
    let width = usual_width(rows.iter().map(StringRecord::len));
    let usual: Vec<&StringRecord> = rows.iter().filter(|row| row.len() == width).collect();
    let n_rows = usual.len() as f64;
    // No sign that cuts half of the rows in another way stands between fields.
    if width < least || 2.0 * n_rows <= rows.len() as f64 {
        return 0.0;
    }
    let column = |place: usize| usual.iter().filter_map(move |row| row.get(place)).map(str::trim);
    let n_told: usize = (0..width).map(|place| n_told(column(place))).sum();
    // Text has a separator too: any number is worth more.
    (n_rows / rows.len() as f64) * (n_told as f64 / (n_rows * width as f64) + 1e-6)
}

/// How many fields of a column are numbers, dates or times in a format of one of the first, or missing.
fn n_told<'a>(fields: impl Iterator<Item = &'a str> + Clone) -> usize {
    /// Texts that are tried as dates: a title, and a field below it.
    const TRIED: usize = 2;
    let marks = Marks::default();
    let is_number = |field: &str| marks.hold_text(field) || evidence(field).is_some();
    let dated = |field: &&str| field.bytes().any(|byte| byte.is_ascii_digit()) && !is_number(field);
    let clocks =
        fields.clone().filter(dated).take(TRIED).map(Clock::reading_of).find(|clocks| !clocks.is_empty());
    let clocks = clocks.unwrap_or_default();
    let is_time = |field: &str| clocks.iter().any(|clock| clock.number(field).is_some());
    fields.filter(|field| is_number(field) || is_time(field)).count()
}

/// The most frequent of the first rows' `widths`, numbers of fields, of equally frequent ones that of the earlier row.
pub(super) fn usual_width(widths: impl Iterator<Item = usize> + Clone) -> usize {
    let mut counts = BTreeMap::<usize, usize>::new();
    for width in widths.clone().take(LOOKED_AT) {
        *counts.entry(width).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let mut widths = widths;
    widths.find(|width| counts.get(width) == Some(&most)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_makes_numbers_of_the_fields() {
        for (text, separator) in [
            ("a,b\n1,2\n3,4\n", ","),
            ("a;b;k\n10,251;2,845;4\n9,736;8,817;6\n", ";"),
            ("10,251;2,845;4\n9,736;8,817;6\n", ";"),
            ("a\tb\n1.5\t2\n", "tab"),
            ("a|b\n1.5|2\n", "|"),
            ("1.5  2\n3 4\n", "blanks"),
            ("1, 2\n3, 4\n", ","),
            ("name,note\nanna,to be; or not\nbert,to; see\n", ","),
            ("when,x\n2024-01-01 10:00:00,1\n2024-01-02 10:00:00,2\n", ","),
            ("\"a;b\",c\n1,2\n3,4\n", ","),
            ("x\n1\n2\n", ","),
            ("when,x\nJan 2 2023,14642\nJan 3 2023,1931\n", ","),
            ("when,x\n\"Jan 2, 2023\",14642\n\"Jan 3, 2023\",1931\n", ","),
            ("2024-01-01 10:00:00 5.3\n2024-01-02 10:00:00 2.3\n", "blanks"),
            ("2024-01-01 10:00:00\n2024-01-02 10:00:00\n", ","),
            ("when\n2024-01-01 10:00:00\n2024-01-02 10:00:00\n", ","),
            ("Jan 2 2023\nJan 3 2023\n", ","),
            ("Measured by us\na;b\n1;2\n3;4\n5;6\n", ";"),
        ] {
            assert_eq!(recognise(text, None).to_string(), separator, "{text:?}");
        }
        assert_eq!(recognise("x\n10,5\n2,25\n", Some(Decimal::Comma)), Separator::SEMICOLON);
        assert_eq!(recognise("x,y\n\"10,5\",\"2,25\"\n", Some(Decimal::Comma)), Separator::COMMA);
    }
}
