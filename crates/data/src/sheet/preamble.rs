//! What stands around the rows of a text file: Excel's line `sep=;`, comments, and lines that are to be left out.

use super::format::Separator;

/// What was found before the first row.
#[derive(Debug, Default)]
pub(super) struct Preamble {
    /// What a line `sep=;` says.
    pub(super) separator: Option<Separator>,
    /// The last of the lines that begin with `#`, without it: perhaps a header, as `numpy.savetxt` writes one.
    pub(super) comment: Option<(u64, String)>,
    /// The numbers of its lines.
    pub(super) lines: Vec<u64>,
    /// Whether a row follows.
    pub(super) has_rows: bool,
}

impl Preamble {
    /// The preamble at the beginning of a text's `lines`, of which those numbered `skipped` are left out.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>, skipped: &[u64]) -> Self {
        let mut found = Self::default();
        for (line, number) in lines.map(str::trim).zip(1..) {
            if skipped.contains(&number) {
                continue;
            }
            if let (true, Some(separator)) = (found.lines.is_empty(), separator(line)) {
                found.separator = Some(separator);
            } else if let Some(comment) = line.strip_prefix('#') {
                found.comment = Some((number, comment.trim().to_owned()));
            } else if !line.is_empty() {
                return Self { has_rows: true, ..found };
            }
            found.lines.push(number);
        }
        Self::default()
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
