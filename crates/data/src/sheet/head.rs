//! The beginning of a text, from which its format is recognised.

use std::io::Read;
use std::path::Path;

use super::lines::Lines;
use super::preamble::Preamble;
use super::separator::LOOKED_AT;
use crate::error::{Result, carried};

/// The beginning of a text.
pub(super) struct Head {
    /// It as it is.
    pub(super) begin: Vec<u8>,
    /// It without the lines that are left out.
    pub(super) sample: String,
    /// What stands before its rows.
    pub(super) preamble: Preamble,
    /// The numbers of the lines that are no rows: the preamble's and those to skip.
    pub(super) left_out: Vec<u64>,
    /// Whether lines end by a carriage return alone, as those of old Macs.
    pub(super) end_by_returns: bool,
}

impl Head {
    /// Reads so much of `text` that as many rows are seen as formats are recognised by, if there are so many. The lines
    /// numbered `skipped` are no rows.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub(super) fn read(path: &Path, text: &mut impl Read, skipped: &[u64]) -> Result<Self> {
        /// Longer than a hundred lines of most tables.
        const FIRST: u64 = 1 << 20;
        /// Rows so long that fewer of them fill as much are recognised by fewer.
        const MOST: usize = 1 << 26;
        let mut begin = Vec::new();
        loop {
            let more = FIRST.max(begin.len() as u64);
            let n = text.take(more).read_to_end(&mut begin).map_err(carried(path))?;
            // A return at the end may be the first half of a line's end.
            let but_last = &begin[..begin.len().saturating_sub(1)];
            let end_by_returns = but_last.contains(&b'\r') && !begin.contains(&b'\n');
            let end = if end_by_returns { b'\r' } else { b'\n' };
            // The last character may be cut.
            let preamble = Preamble::of(String::from_utf8_lossy(&begin).split(char::from(end)), skipped);
            let n_rows = memchr::memchr_iter(end, &begin).count().saturating_sub(preamble.lines.len());
            let is_enough = preamble.has_rows && (n_rows > LOOKED_AT || begin.len() >= MOST);
            if is_enough || n == 0 {
                let left_out: Vec<u64> = preamble.lines.iter().chain(skipped).copied().collect();
                let mut sample = Vec::new();
                let lines = Lines::new(&begin[..], left_out.clone(), end_by_returns).read_to_end(&mut sample);
                lines.map_err(carried(path))?;
                let sample = String::from_utf8_lossy(&sample).into_owned();
                return Ok(Self { begin, sample, preamble, left_out, end_by_returns });
            }
        }
    }
}
