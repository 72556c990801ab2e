//! The names of a text's columns.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::evidence::evidence;
use super::format::Header;
use super::is_whole;
use super::marks::Marks;
use crate::form::Clock;

/// A row with its line in the file.
pub(super) type Row = (u64, StringRecord);

/// Rows below a first line that are compared with it.
const COMPARED: usize = 100;

/// A line that names the columns.
pub(super) struct Titles {
    pub(super) line: u64,
    pub(super) fields: Vec<String>,
}

/// The header: the first of `rows`, which is taken out then, or a comment above them; none where `stated` says so.
pub(super) fn take(
    rows: &mut Vec<Row>,
    comment: Option<(u64, StringRecord)>,
    stated: Option<Header>,
) -> Option<Titles> {
    let titles = |(line, record): &Row| Titles { line: *line, fields: record.iter().map(title).collect() };
    let first = match stated {
        Some(Header::No) => return None,
        Some(Header::Yes) => comment.is_none() || rows.first().is_some_and(|(_, first)| is_text(first)),
        None => is_header(rows),
    };
    if first && !rows.is_empty() {
        return Some(titles(&rows.remove(0)));
    }
    let width = rows.first().map_or(0, |(_, row)| row.len());
    comment
        .filter(|(_, names)| names.len() == width && (stated.is_some() || names.iter().any(is_title)))
        .as_ref()
        .map(titles)
}

fn title(field: &str) -> String {
    field.trim().to_owned()
}

/// Whether a title or a field looks like a number.
pub(super) fn is_number(field: &str) -> bool {
    evidence(field.trim()).is_some() || field.trim().parse::<f64>().is_ok()
}

/// Whether a field is neither a number nor missing.
fn is_title(field: &str) -> bool {
    !is_number(field) && !Marks::default().hold_text(field.trim())
}

/// Whether a line holds text and no number.
fn is_text(line: &StringRecord) -> bool {
    line.iter().all(|field| !is_number(field)) && line.iter().any(is_title)
}

/// Whether the first row is a header: it holds text above numbers, or no number, nor a time above times; or it numbers
/// the columns of a data frame.
fn is_header(rows: &[Row]) -> bool {
    let Some(((_, first), rest)) = rows.split_first() else { return false };
    if numbers_columns(first, rest) {
        return true;
    }
    let marks = Marks::default();
    let all_below = |place: usize, are: &dyn Fn(&str) -> bool| {
        let mut below = rest.iter().take(COMPARED).filter_map(|(_, row)| row.get(place)).peekable();
        below.peek().is_some() && below.all(|field| are(field.trim()) || marks.hold_text(field.trim()))
    };
    let above_times = |(place, field): (usize, &str)| {
        let clocks = Clock::reading_of(field.trim());
        clocks.iter().any(|clock| all_below(place, &|field| clock.number(field).is_some()))
    };
    let titles = || first.iter().enumerate().filter(|(_, field)| is_title(field));
    titles().any(|(place, _)| all_below(place, &is_number)) || (is_text(first) && !titles().any(above_times))
}

/// Whether the first row holds nothing and then 0, 1, 2, …, above rows that begin with 0, 1, 2, …: so pandas writes a
/// data frame without names.
fn numbers_columns(first: &StringRecord, rest: &[Row]) -> bool {
    let count = |fields: &mut dyn Iterator<Item = Option<&str>>| {
        fields.zip(0_usize..).all(|(field, number)| field.is_some_and(|field| field == number.to_string()))
    };
    first.len() > 1
        && first.get(0) == Some("")
        && rest.len() > 1
        && count(&mut first.iter().skip(1).map(Some))
        && count(&mut rest.iter().take(COMPARED).map(|(_, row)| row.get(0)))
}

/// Whether a first row that was taken for data may be a header after all: it holds whole numbers, all different, that
/// stand out from the rows below.
pub(super) fn may_be_header(rows: &[Row]) -> bool {
    let Some(((_, first), rest)) = rows.split_first() else { return false };
    let number = |field: &str| field.trim().parse::<f64>().ok();
    let first: Vec<(usize, f64)> =
        first.iter().enumerate().filter_map(|(place, field)| Some((place, number(field)?))).collect();
    let mut sorted: Vec<f64> = first.iter().map(|(_, value)| *value).collect();
    sorted.sort_by(f64::total_cmp);
    let different = sorted.windows(2).all(|pair| pair[0] < pair[1]);
    let stands_out = |&(place, value): &(usize, f64)| {
        let below: Vec<f64> =
            rest.iter().take(COMPARED).filter_map(|(_, row)| number(row.get(place)?)).collect();
        let beyond = below.iter().all(|other| *other < value) || below.iter().all(|other| *other > value);
        below.len() > 1 && (beyond || !below.iter().copied().all(is_whole))
    };
    first.len() > 1
        && different
        && first.iter().all(|(_, value)| is_whole(*value))
        && first.iter().all(stands_out)
}

/// The columns' names: their titles, told apart by the places of those that stand twice, and the place alone for one
/// that has none.
pub(super) fn names(titles: &[String]) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for title in titles {
        *counts.entry(title).or_default() += 1;
    }
    let name = |(place, title): (usize, &String)| match (title.as_str(), counts.get(title.as_str())) {
        ("", _) => format!("#{}", place + 1),
        (_, Some(2..)) => format!("{title}#{}", place + 1),
        _ => title.clone(),
    };
    titles.iter().enumerate().map(name).collect()
}
