//! Where the rows of a batch stand among those of its step.

use std::ops::Range;

/// Which of a step's rows a batch has: all of them, or those of a process or of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    /// How many rows the step has, all processes and parts together.
    whole: i64,
    /// The batch's, in its own order.
    pieces: Vec<Range<i64>>,
}

impl Rows {
    /// The rows `own` of `whole` rows.
    pub(crate) fn new(own: Range<i64>, whole: i64) -> Self {
        Self { whole, pieces: vec![own] }
    }

    /// How many rows the step has.
    pub(crate) fn whole(&self) -> i64 {
        self.whole
    }

    /// How many of them the batch has.
    pub(crate) fn len(&self) -> i64 {
        self.pieces.iter().map(length).sum()
    }

    /// The same rows with a second copy of all below the first.
    pub(crate) fn antithetic(self) -> Self {
        let Self { whole, pieces } = self;
        let again: Vec<_> = pieces.iter().map(|piece| piece.start + whole..piece.end + whole).collect();
        Self { whole: 2 * whole, pieces: [pieces, again].concat() }
    }

    /// The batch's rows from `first` on, `n` of them.
    pub(crate) fn narrow(&self, first: i64, n: i64) -> Self {
        let mut pieces = Vec::new();
        let mut passed = 0;
        for piece in &self.pieces {
            let at = |row: i64| piece.start + (row - passed).clamp(0, length(piece));
            pieces.push(at(first)..at(first + n));
            passed += length(piece);
        }
        pieces.retain(|piece| !piece.is_empty());
        Self { whole: self.whole, pieces }
    }

    /// The batch's rows by their numbers.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.pieces.iter().flat_map(Clone::clone).collect()
    }

    /// Of `n` things that are spread evenly over the step's rows, at most one for each: those of the batch's rows, by their
    /// numbers and by the rows of the batch that have them.
    pub(crate) fn spread(&self, n: i64) -> (Vec<i64>, Vec<i64>) {
        let (mut things, mut rows) = (Vec::new(), Vec::new());
        let mut passed = 0;
        for piece in &self.pieces {
            // The row of thing i is ⌊i · whole / n⌋.
            let first_from = |row: i64| (row * n + self.whole - 1) / self.whole;
            for thing in first_from(piece.start)..first_from(piece.end) {
                things.push(thing);
                rows.push(thing * self.whole / n - piece.start + passed);
            }
            passed += length(piece);
        }
        (things, rows)
    }
}

fn length(piece: &Range<i64>) -> i64 {
    piece.end - piece.start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However a step is cut, every thing is one part's, and in the row that it has in the uncut step.
        #[test]
        fn parts_have_the_things_of_the_whole(
            processes in 1i64..4, parts in 1i64..4, rows in 1i64..5, share in 0.05f64..1.0, twice: bool,
        ) {
            let whole = processes * parts * rows;
            let doubled = |rows: Rows| if twice { rows.antithetic() } else { rows };
            let n = ((doubled(Rows::new(0..whole, whole)).len() as f64 * share) as i64).max(1);
            let mut found = Vec::new();
            for process in 0..processes {
                let own = process * parts * rows..(process + 1) * parts * rows;
                let own = doubled(Rows::new(own, whole));
                let length = own.len() / parts;
                for part in 0..parts {
                    let part = own.narrow(part * length, length);
                    prop_assert_eq!(part.len(), length);
                    let numbers = part.numbers();
                    let (things, rows) = part.spread(n);
                    found.extend(things.into_iter().zip(rows.into_iter().map(|row| numbers[row as usize])));
                }
            }
            found.sort_unstable();
            let step = doubled(Rows::new(0..whole, whole)).whole();
            let expected: Vec<_> = (0..n).map(|thing| (thing, thing * step / n)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
