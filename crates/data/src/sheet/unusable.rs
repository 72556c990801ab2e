//! Why columns are no numbers, all at once.

use std::collections::BTreeSet;

use super::evidence::{Evidence, evidence};
use super::marks::Marks;
use super::numerals::Numerals;

/// A column of fields with their lines.
pub(super) struct Fields<'a> {
    pub(super) name: &'a str,
    pub(super) fields: Vec<(u64, &'a str)>,
}

/// Why a column is no column of numbers, and what can be done.
pub(super) struct Unusable {
    pub(super) problem: String,
    hint: Option<String>,
    /// Whether it is text, truth values or dates: a column of another form.
    pub(super) is_text: bool,
    /// The lines of the fields that are no numbers, the first two.
    lines: Vec<u64>,
}

/// Fields that are truth values, in small letters.
const TRUTHS: [&str; 6] = ["true", "false", "yes", "no", "t", "f"];

impl Unusable {
    /// What is wrong with a column, if anything is.
    pub(super) fn of(column: &Fields<'_>, numerals: Numerals, marks: &Marks, place: &str) -> Option<Self> {
        let present = column.fields.iter().map(|&(line, field)| (line, field.trim()));
        let missing = |field: &str| match numerals.amount(field) {
            Some(amount) => marks.hold_number(amount.value),
            None => marks.hold_text(field),
        };
        let present: Vec<(u64, &str)> = present.filter(|(_, field)| !missing(field)).collect();
        let bad: Vec<(u64, &str)> =
            present.iter().copied().filter(|(_, field)| numerals.amount(field).is_none()).collect();
        let Some(&(line, field)) = bad.first() else { return mixed(column.name, &present, numerals, place) };
        let example = format!("{field:?} in {place} {line}");
        let n = bad.len();
        let open = bad
            .iter()
            .find(|(_, field)| matches!(evidence(field), Some(Evidence::Open(_) | Evidence::Decimal(..))));
        let mut is_text = false;
        let (what, hint) = if let Some((line, field)) = open {
            let mark = if field.contains(',') { ',' } else { '.' };
            let what = format!("numbers of which {field:?} in {place} {line} allows two readings or none");
            let hint = format!("--thousands {mark} or --decimal {mark} says what `{mark}` is");
            (what, Some(hint))
        } else if bad.iter().all(|(_, field)| TRUTHS.contains(&field.to_lowercase().as_str())) {
            is_text = true;
            (format!("truth values, {example}"), None)
        } else if bad.iter().all(|(_, field)| is_date(field)) {
            is_text = true;
            (format!("dates or times, {example}"), None)
        } else if n * 2 < present.len() {
            let different: BTreeSet<&str> = bad.iter().map(|(_, field)| *field).collect();
            let first = different.first().copied().unwrap_or_default();
            let hint = (different.len() == 1).then(|| {
                format!(
                    "--missing-marks={} reads {first:?} as missing",
                    crate::sheet::names::pasted(&[first])
                )
            });
            (format!("numbers but for {n} {}, {example}", if n == 1 { "field" } else { "fields" }), hint)
        } else {
            is_text = true;
            (format!("text, {example}"), None)
        };
        let lines =
            if open.is_some() { Vec::new() } else { bad.iter().take(2).map(|(line, _)| *line).collect() };
        Some(Self { problem: format!("`{}` ({what})", column.name), hint, is_text, lines })
    }
}

/// What is wrong with a column of which not all numbers have the same sign of money or percent.
fn mixed(name: &str, fields: &[(u64, &str)], numerals: Numerals, place: &str) -> Option<Unusable> {
    let unit = |field: &str| numerals.amount(field).and_then(|amount| amount.unit);
    let (_, first) = fields.first()?;
    let &(line, other) = fields.iter().find(|(_, field)| unit(field) != unit(first))?;
    let problem = format!("`{name}` (amounts in different units, {first:?} and {other:?} in {place} {line})");
    Some(Unusable { problem, hint: None, is_text: false, lines: Vec::new() })
}

/// Whether a field is a date or a time of day, in any usual order.
fn is_date(field: &str) -> bool {
    let sign = |sign: char| sign.is_ascii_digit() || "-/.: TZ+".contains(sign);
    let groups = field.split(|sign: char| !sign.is_ascii_digit()).filter(|group| !group.is_empty()).count();
    (2..=8).contains(&groups) && field.chars().all(sign) && field.contains(['-', '/', ':', '.'])
}

/// One message of all columns that are no numbers.
pub(super) fn message(columns: &[Unusable], first_line: u64, place: &str) -> String {
    const NAMED: usize = 12;
    let problems: Vec<&str> = columns.iter().take(NAMED).map(|column| column.problem.as_str()).collect();
    let more = columns.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = if columns.len() == 1 { "a column holds no numbers" } else { "columns hold no numbers" };
    let mut text = format!("{what}: {}{more}", problems.join(", "));
    // One line that spoils all: units, or the header of another file.
    let line = columns.first().map(|column| &column.lines[..]);
    let alone = columns.iter().all(|column| Some(&column.lines[..]) == line);
    if let (Some(&[line]), true, "line") =
        (line, alone && (columns.len() > 1 || line == Some(&[first_line])), place)
    {
        text = format!("{text}\nhint: --skip-rows {line} leaves the line out, if it holds units or names");
    } else {
        let hints: BTreeSet<&String> = columns.iter().filter_map(|column| column.hint.as_ref()).collect();
        text = hints.iter().take(3).fold(text, |text, hint| format!("{text}\nhint: {hint}"));
    }
    text
}
