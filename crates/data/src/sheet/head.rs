//! The beginning of a text, from which its format is recognised.

use std::io::Read;
use std::path::Path;

use super::lines::Lines;
use super::preamble::Preamble;
use crate::error::{Result, carried};

/// The beginning of a text.
pub(super) struct Head {
    /// It as it is.
    pub(super) begin: Vec<u8>,
    /// It without the lines that are left out.
    pub(super) sample: String,
    /// What stands before its rows.
    pub(super) preamble: Preamble,
    /// Whether lines end by a carriage return alone, as those of old Macs.
    pub(super) end_by_returns: bool,
}

impl Head {
    /// Reads so much of `text` that rows are seen, if there are any. The lines numbered `skipped` are no rows.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub(super) fn read(path: &Path, text: &mut impl Read, skipped: &[u64]) -> Result<Self> {
        /// Longer than a hundred lines of most tables.
        const BYTES: u64 = 1 << 20;
        let mut begin = Vec::new();
        loop {
            let n = text.take(BYTES).read_to_end(&mut begin).map_err(carried(path))?;
            let end_by_returns = begin.contains(&b'\r') && !begin.contains(&b'\n');
            let end = if end_by_returns { '\r' } else { '\n' };
            // The last character may be cut.
            let preamble = Preamble::of(String::from_utf8_lossy(&begin).split(end), skipped);
            if preamble.has_rows || n == 0 {
                let left_out = preamble.lines.iter().chain(skipped).copied().collect();
                let mut sample = Vec::new();
                let lines = Lines::new(&begin[..], left_out, end_by_returns).read_to_end(&mut sample);
                lines.map_err(carried(path))?;
                let sample = String::from_utf8_lossy(&sample).into_owned();
                return Ok(Self { begin, sample, preamble, end_by_returns });
            }
        }
    }
}
