//! The publisher's text file, field by field without allocation.

use std::path::Path;

use super::N_COLUMNS;
use crate::error::{Error, Result, content, unreadable};

/// Fields of a line: date, time, active and reactive power, voltage, intensity, three sub-meterings.
const N_FIELDS: usize = 9;

/// The complete rows' six columns, row after row, of a file with `n_rows` rows, complete or not.
///
/// A line without its end is the stump of a cut file and no row.
pub(super) fn file(path: &Path, n_rows: usize) -> Result<Vec<f32>> {
    let bytes = std::fs::read(path).map_err(unreadable(path))?;
    let mut values = Vec::with_capacity(bytes.len() / 64 * N_COLUMNS);
    let mut found = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate().skip(1) {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        found += 1;
        let row = row(line).map_err(|problem| Error::Line {
            path: path.into(),
            line: index as u64 + 1,
            problem,
        })?;
        values.extend(row.into_iter().flatten());
    }
    if found != n_rows {
        return Err(Error::Incomplete { name: "power", path: path.into(), expected: n_rows, found });
    }
    if values.is_empty() {
        return Err(content(path, "the file has no complete row".to_owned()));
    }
    Ok(values)
}

/// A line's columns, or nothing where a value is missing.
fn row(line: &[u8]) -> std::result::Result<Option<[f32; N_COLUMNS]>, String> {
    let mut fields = [&line[..0]; N_FIELDS];
    let mut n_fields = 0;
    for field in line.split(|byte| *byte == b';') {
        if n_fields < N_FIELDS {
            fields[n_fields] = field;
        }
        n_fields += 1;
    }
    if n_fields != N_FIELDS {
        return Err(format!("expected {N_FIELDS} fields between semicolons, found: {n_fields}"));
    }
    if fields[2..].iter().any(|field| field.is_empty() || *field == b"?") {
        return Ok(None);
    }
    let [active, voltage, first, second, third] = [2, 4, 6, 7, 8].map(|index| number(fields[index]));
    Ok(Some([active?, voltage?, first?, second?, third?, minute(fields[1])?]))
}

fn number(field: &[u8]) -> std::result::Result<f32, String> {
    std::str::from_utf8(field)
        .ok()
        .and_then(|text| text.parse::<f32>().ok())
        .filter(|value| value.is_finite())
        .ok_or_else(|| format!("expected a number, found: {:?}", String::from_utf8_lossy(field)))
}

/// The minute of the day of `hh:mm:ss`.
fn minute(field: &[u8]) -> std::result::Result<f32, String> {
    match *field {
        [h1, h2, b':', m1, m2, b':', _, _] if [h1, h2, m1, m2].iter().all(u8::is_ascii_digit) => {
            let digits = |tens: u8, ones: u8| f32::from(tens - b'0') * 10.0 + f32::from(ones - b'0');
            Ok(digits(h1, h2) * 60.0 + digits(m1, m2))
        }
        _ => Err(format!("expected a time hh:mm:ss, found: {:?}", String::from_utf8_lossy(field))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_line_is_read() {
        let line = b"16/12/2006;17:24:00;4.216;0.418;234.840;18.400;0.000;1.000;17.000";
        assert_eq!(row(line), Ok(Some([4.216, 234.84, 0.0, 1.0, 17.0, 1044.0])));
    }

    #[test]
    fn missing_values_drop_the_row_and_damage_is_named() {
        assert_eq!(row(b"28/4/2007;00:21:00;?;?;?;?;?;?;"), Ok(None));
        assert!(row(b"16/12/2006;17:24:00;4.216;0.4").unwrap_err().contains("9 fields"));
        assert!(row(b"16/12/2006;17.24;1;1;1;1;1;1;1").unwrap_err().contains("hh:mm:ss"));
        assert!(row(b"16/12/2006;17:24:00;x;1;1;1;1;1;1").unwrap_err().contains('x'));
    }
}
