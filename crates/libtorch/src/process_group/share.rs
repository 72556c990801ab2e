//! Which rows of work are a process's own.

use std::ops::Range;

use super::ProcessGroup;

/// A process's share of work on rows: process r of N has the rows from r·n/N to (r + 1)·n/N of n, so that shares are neighbours,
/// make up the whole, and differ by one row at most.
///
/// ```
/// use interflow_libtorch::{ProcessGroup, Share};
///
/// # fn main() -> interflow_libtorch::Result<()> {
/// assert_eq!(ProcessGroup::alone()?.share(), Share::WHOLE);
/// assert_eq!(Share::WHOLE.rows(12), 0..12);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    rank: i64,
    size: i64,
}

impl Share {
    /// The share of a process that works alone: every row.
    pub const WHOLE: Self = Self { rank: 0, size: 1 };

    /// The process's number, from 0.
    pub fn rank(self) -> i64 {
        self.rank
    }

    /// How many processes share.
    pub fn size(self) -> i64 {
        self.size
    }

    /// The rows of `n` that are this process's.
    pub fn rows(self, n: i64) -> Range<i64> {
        self.rank * n / self.size..(self.rank + 1) * n / self.size
    }
}

impl ProcessGroup {
    /// This process's share of what the group works on.
    pub fn share(&self) -> Share {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Share { rank: number(self.rank()), size: number(self.size()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_neighbours_and_make_up_the_whole() {
        let rows: Vec<_> = (0..4).map(|rank| Share { rank, size: 4 }.rows(12)).collect();
        assert_eq!(rows, [0..3, 3..6, 6..9, 9..12]);
        let uneven: Vec<_> = (0..3).map(|rank| Share { rank, size: 3 }.rows(5)).collect();
        assert_eq!(uneven, [0..1, 1..3, 3..5]);
    }
}
