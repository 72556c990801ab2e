//! A sheet from a text file, CSV or like it.

use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use csv::StringRecord;

use super::content;
use super::encoding::Decoded;
use super::evidence::{Evidence, Evidences, evidence};
use super::format::{Separator, TextFormat};
use super::head::Head;
use super::header::{self, Row, Titles};
use super::lines::Lines;
use super::marks::Marks;
use super::note::Notes;
use super::numerals::Numerals;
use super::records::{Records, unread};
use super::rows::TextRows;
use super::{Cells, Column, Counted, Sheet, numbered, separator};
use crate::error::{Error, Result};

/// Reads the rows of a text; the file's name is for errors, its length if it is known. Fields are kept as they are read, the text
/// is not.
pub(super) fn read(
    path: &Path,
    source: impl Read,
    length: Option<u64>,
    format: &TextFormat,
) -> Result<Sheet> {
    format.check()?;
    let mut text = Decoded::new(path, content::text(path, source, length)?, format.encoding.as_deref())?;
    let encoding = text.encoding();
    let Head { begin, sample, preamble, left_out, end_by_returns } =
        Head::read(path, &mut text, &format.skip_rows)?;
    let separator = format.separator.or(preamble.separator);
    let separator = separator.unwrap_or_else(|| separator::recognise(&sample, format.decimal));
    let mut notes = Notes::new(path);
    let text = Lines::new(Cursor::new(begin).chain(text), left_out, end_by_returns);
    let mut records = Records::new(BufReader::with_capacity(1 << 16, text), separator);
    // The first rows tell how many fields there are, and whether they begin with a header.
    let head = records.by_ref().take(2 * separator::LOOKED_AT);
    let mut head = head.collect::<std::io::Result<Vec<Row>>>().map_err(unread(path))?;
    let width = separator::usual_width(head.iter().map(|(_, row)| row.len()));
    let is_row =
        |row: &StringRecord| row.len() == width || !row.get(0).is_some_and(|field| field.starts_with('#'));
    head.retain(|(_, row)| is_row(row));
    let comment = preamble.comment.and_then(|(line, names)| {
        let (_, names) = Records::new(names.as_bytes(), separator).next()?.ok()?;
        Some((line, names))
    });
    let titles = header::take(&mut head, comment, format.header);
    if format.header.is_none() {
        doubt_header(titles.as_ref(), &head, &mut notes);
    }
    let mut rows = TextRows::default();
    for (line, record) in &head {
        rows.push(*line, record);
    }
    for record in records.by_ref() {
        let (line, record) = record.map_err(unread(path))?;
        if is_row(&record) {
            rows.push(line, &record);
        }
    }
    if rows.is_empty() {
        return Err(content(path, "the table has no rows".to_owned()));
    }
    let n_columns = n_columns(path, titles.as_ref(), &rows)?;
    let columns = columns(titles.as_ref(), &rows, n_columns, &mut notes);
    let may_have_commas = match separator {
        Separator::COMMA => records.has_quotes(),
        Separator::SEMICOLON => true,
        _ => rows.contain(','),
    };
    let numerals = numerals(path, &rows, (separator, may_have_commas), format, &mut notes)?;
    notes.recognised(encoding, (format.separator.is_none()).then_some(separator), numerals, format);
    let marks = Marks::with(&format.missing_marks);
    let names = columns.iter().map(|column| column.name.clone()).collect();
    let (has_header, counted, cells) = (titles.is_some(), Counted::Lines, Cells::Text(rows));
    Ok(Sheet { path: path.to_owned(), names, columns, has_header, counted, cells, numerals, marks, notes })
}

/// Says where a first line may have been taken wrongly for a row or for a header.
fn doubt_header(titles: Option<&Titles>, rows: &[Row], notes: &mut Notes) {
    let Some((line, _)) = rows.first() else { return };
    let hint = "hint: --header yes if it names the columns, --header no if it is a row";
    match titles {
        None if header::may_be_header(rows) => notes.warn(format!(
            "line {line} holds whole numbers that stand out from the lines below, and is read as a row\n{hint}"
        )),
        Some(titles) if titles.fields.iter().any(|title| header::is_number(title)) => {
            notes.warn(format!("line {} holds numbers, and is read as a header\n{hint}", titles.line));
        }
        _ => {}
    }
}

/// How many columns all rows have. One separator more at the end of a line is no column, in rows or in the header.
fn n_columns(path: &Path, titles: Option<&Titles>, rows: &TextRows) -> Result<usize> {
    let width = separator::usual_width(rows.widths());
    let ends_empty = |row: usize, n: usize| rows.get(row, n).is_some_and(|field| field.trim().is_empty());
    let fits =
        |row: usize, n: usize| rows.width(row) == n || (rows.width(row) == n + 1 && ends_empty(row, n));
    let n = match titles.map(|titles| (&titles.fields, titles.fields.len())) {
        None => width,
        Some((fields, n)) if n == width + 1 && fields.last().is_some_and(String::is_empty) => width,
        Some((_, n)) => n,
    };
    let problem = |line: u64, problem: String| Err(Error::Line { path: path.to_owned(), line, problem });
    let usual = rows.widths().position(|other| other == width);
    if let (Some(titles), Some(usual)) = (titles, usual)
        && !fits(usual, n)
    {
        let found = titles.fields.len();
        let line = titles.line;
        return problem(
            line,
            format!(
                "expected {width} fields as in the lines below, found: {found}\n\
                 hint: --skip-rows {line} leaves out a title; --separator says what stands between fields"
            ),
        );
    }
    let Some(row) = (0..rows.len()).find(|&row| !fits(row, n)) else { return Ok(n) };
    let (line, found) = (rows.line(row), rows.width(row));
    problem(
        line,
        format!("expected {n} fields, found: {found}\nhint: --skip-rows {line} leaves the line out"),
    )
}

/// The columns, without those that have neither a name nor a value.
fn columns(header: Option<&Titles>, rows: &TextRows, n: usize, notes: &mut Notes) -> Vec<Column> {
    let (titles, names) = match header {
        Some(titles) => (titles.fields[..n].to_vec(), header::names(&titles.fields[..n])),
        None => (vec![String::new(); n], numbered(n).into_iter().map(|column| column.name).collect()),
    };
    let empty = |place: usize| {
        // One row shows nothing: its only value there may be missing.
        titles[place].is_empty() && rows.len() > 1 && rows.column(place).all(|field| field.trim().is_empty())
    };
    let (left_out, used): (Vec<usize>, Vec<usize>) = (0..n).partition(|&place| empty(place));
    if !left_out.is_empty() && !used.is_empty() {
        let places: Vec<&str> = left_out.iter().map(|&place| names[place].as_str()).collect();
        notes.warn(format!("columns without name and values are left out: {}", places.join(", ")));
    }
    let twice: Vec<&str> = used
        .iter()
        .filter(|&&place| !titles[place].is_empty() && names[place] != titles[place])
        .map(|&place| names[place].as_str())
        .collect();
    if !twice.is_empty() {
        notes.warn(format!(
            "names that stand twice in the header are told apart by their places: {}",
            twice.join(", ")
        ));
    }
    let column = |place: usize| {
        let name = names[place].clone();
        // Without a header the names are what it says when the table is written with one.
        Column { title: if header.is_some() { titles[place].clone() } else { name.clone() }, name, place }
    };
    let used = if used.is_empty() { left_out } else { used };
    used.into_iter().map(column).collect()
}

/// How the numbers are written. Without commas between other separators, or quotes that could hold some, there is
/// nothing to ask.
fn numerals(
    path: &Path,
    rows: &TextRows,
    (separator, may_have_commas): (Separator, bool),
    format: &TextFormat,
    notes: &mut Notes,
) -> Result<Numerals> {
    let mut all = Evidences::default();
    if may_have_commas {
        let width = if rows.is_empty() { 0 } else { rows.width(0) };
        (0..width).filter_map(|place| of_column(rows, place)).for_each(|column| all.join(column));
    }
    let by_semicolons = separator == Separator::SEMICOLON;
    let numerals = all.numerals(format, by_semicolons).map_err(|problem| content(path, problem))?;
    if let (true, true, Some(open)) =
        (by_semicolons, format.decimal.is_none() && numerals == Numerals::default(), all.only_open_points())
    {
        notes.warn(format!(
            "points are read as decimal marks, but may stand between thousands, as in {open:?}\n\
             hint: --decimal . or --thousands . says which"
        ));
    }
    Ok(numerals)
}

/// What a column says of the decimal mark, if at least half of it looks like numbers.
fn of_column(rows: &TextRows, place: usize) -> Option<Evidences> {
    let marks = Marks::default();
    let mut found = Evidences::default();
    let (mut n, mut n_numbers) = (0_usize, 0_usize);
    for field in rows.column(place).map(str::trim) {
        let evidence = evidence(field);
        if evidence.is_none() && marks.hold_text(field) {
            continue;
        }
        n += 1;
        n_numbers += usize::from(evidence.is_some());
        found.add(field, evidence.unwrap_or(Evidence::None));
    }
    (2 * n_numbers >= n).then_some(found)
}
