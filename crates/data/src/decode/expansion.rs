//! How much memory a compressed file may ask for.

use std::path::Path;

use crate::error::{Result, unreadable};

/// Every file may become this large, whatever it is compressed to.
const FLOOR: u64 = 2 << 30;
/// Larger ones may become as many times as large as they are.
const FACTOR: u64 = 256;

/// The memory that a compressed file may ask for. A run of equal values compresses without a bound, so that a small file
/// can honestly claim more than any memory holds; where to draw the line is a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expansion {
    n_file: u64,
    allowed: u64,
}

impl Expansion {
    /// What a file of so many bytes may ask for.
    pub(crate) fn of(n_file: u64) -> Self {
        Self { n_file, allowed: FLOOR.max(n_file.saturating_mul(FACTOR)) }
    }

    /// As [`Expansion::of`] for a file that lies there.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        Ok(Self::of(path.metadata().map_err(unreadable(path))?.len()))
    }

    /// Whether `needed` bytes are allowed; why they are not otherwise.
    pub(crate) fn check(self, needed: u64) -> std::result::Result<(), String> {
        if needed <= self.allowed {
            return Ok(());
        }
        Err(format!(
            "a file of {} bytes may take {} bytes of memory, found: {needed}\n\
             hint: it is damaged, or made to fill the memory; if it is neither, split it or save it uncompressed",
            self.n_file, self.allowed
        ))
    }
}
