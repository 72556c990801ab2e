//! Which rows of every batch are a process's own, where several train together.

use std::ops::Range;

use interflow_libtorch::ProcessGroup;

/// A process's share of every batch: the process r of N has the rows from r·B/N to (r + 1)·B/N of the B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    rank: i64,
    size: i64,
}

impl Share {
    /// The share of a process that trains alone: every row.
    pub(crate) const WHOLE: Self = Self { rank: 0, size: 1 };

    /// The share of a process of this group.
    pub(crate) fn of(group: &ProcessGroup) -> Self {
        Self { rank: group.rank() as i64, size: group.size() as i64 }
    }

    /// The process's number, from 0.
    pub(crate) fn rank(self) -> i64 {
        self.rank
    }

    /// How many processes share.
    pub(crate) fn size(self) -> i64 {
        self.size
    }

    /// The rows of a batch that are this process's.
    pub(crate) fn rows(self, batch: i64) -> Range<i64> {
        self.rank * batch / self.size..(self.rank + 1) * batch / self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_neighbours_and_make_up_the_batch() {
        let rows: Vec<_> = (0..4).map(|rank| Share { rank, size: 4 }.rows(12)).collect();
        assert_eq!(rows, [0..3, 3..6, 6..9, 9..12]);
        assert_eq!(Share::WHOLE.rows(12), 0..12);
        let uneven: Vec<_> = (0..3).map(|rank| Share { rank, size: 3 }.rows(5)).collect();
        assert_eq!(uneven, [0..1, 1..3, 3..5]);
    }
}
