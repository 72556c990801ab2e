//! What stands around the rows of a text file: Excel's line `sep=;`, comments, and lines that are to be left out.

use super::format::Separator;

/// What was found before the first row.
#[derive(Debug, Default)]
pub(super) struct Preamble {
    /// What a line `sep=;` says.
    pub(super) separator: Option<Separator>,
    /// The last of the lines that begin with `#`, without it: perhaps a header, as `numpy.savetxt` writes one.
    pub(super) comment: Option<(u64, String)>,
}

impl Preamble {
    /// Takes the preamble and the lines `skipped` out of `text`, in which the other lines keep their numbers.
    pub(super) fn take(text: &mut [u8], skipped: &[u64]) -> Self {
        // Lines that end by a carriage return alone, as those of old Macs.
        if !text.contains(&b'\n') {
            text.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        if let Some(&last) = skipped.iter().max() {
            let ranges = lines(text).zip(1..=last).filter(|(_, number)| skipped.contains(number));
            for (range, _) in ranges.collect::<Vec<_>>() {
                blank(&mut text[range]);
            }
        }
        let mut found = Self::default();
        let mut comments = Vec::new();
        let mut has_rows = false;
        for (range, number) in lines(text).zip(1..) {
            let line = String::from_utf8_lossy(&text[range.clone()]);
            let line = line.trim();
            if let (true, Some(separator)) = (comments.is_empty(), separator(line)) {
                found.separator = Some(separator);
            } else if let Some(comment) = line.strip_prefix('#') {
                found.comment = Some((number, comment.trim().to_owned()));
            } else if !line.is_empty() {
                has_rows = true;
                break;
            }
            comments.push(range);
        }
        if !has_rows {
            return Self::default();
        }
        for range in comments {
            blank(&mut text[range]);
        }
        found
    }
}

/// What Excel's line `sep=;` says.
fn separator(line: &str) -> Option<Separator> {
    let line = line.trim_matches('"');
    let (word, sign) = line.split_at_checked(4)?;
    if !word.eq_ignore_ascii_case("sep=") {
        return None;
    }
    let sign = if sign.is_empty() { "tab" } else { sign };
    Separator::try_from(sign.to_owned()).ok()
}

/// The lines of `text` as ranges of bytes, without their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = start..start + length;
        start += length + 1;
        Some(line)
    })
}

/// Empties a line. The reader passes over returns, and counts lines by their feeds, so those after it keep their numbers.
fn blank(line: &mut [u8]) {
    line.fill(b'\r');
}
