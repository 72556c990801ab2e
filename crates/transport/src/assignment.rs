//! The exact assignment of rows to columns at the least total cost.
//!
//! Columns have prices, and a row's offer for a column is its cost plus the price. An auction with a falling least
//! raise (Bertsekas 1988) brings the prices near the best ones. From these prices every row takes the column of its
//! best offer if it can, raising its price up to its second best offer. The few rows that are left are assigned one
//! by one along shortest augmenting paths (Jonker & Volgenant 1987), which keeps the assignment optimal for the rows
//! that have one: the result is exact whatever the auction found. Without the auction the paths are long: other
//! crates, which start from nothing (`lsap`, `lapjv`, `pathfinding`), take 10 to 90 times longer on squared distances
//! in the plane.

use crate::costs::Costs;
use crate::error::Result;

/// No row, or no column.
const NONE: usize = usize::MAX;
/// By how much the auction's least raise falls from round to round.
const FALL: f64 = 5.0;
/// The last round's least raise, in parts of the costs' spread over n.
const LAST_RAISE: f64 = 0.01;
/// Offers per row that may raise a price after the auction.
const RAISES_PER_ROW: usize = 4;

/// The assignment of least total cost: for each row, the column that it gets. Every column is taken once.
///
/// # Errors
/// None at present; the signature leaves room for methods that can fail.
pub fn assign(costs: &Costs) -> Result<Vec<usize>> {
    let mut state = State::new(costs);
    state.auction();
    for row in state.take_best_offers() {
        state.augment(row);
    }
    Ok(state.column_of)
}

/// A partial assignment with prices.
struct State<'a> {
    costs: &'a Costs,
    /// What a column costs on top.
    prices: Vec<f64>,
    /// Each row's best offer.
    offers: Vec<f64>,
    row_of: Vec<usize>,
    column_of: Vec<usize>,
}

/// A row's best offer and its second best.
struct Offers {
    column: usize,
    best: f64,
    second: f64,
}

impl<'a> State<'a> {
    fn new(costs: &'a Costs) -> Self {
        let n = costs.n();
        Self {
            costs,
            prices: vec![0.0; n],
            offers: vec![0.0; n],
            row_of: vec![NONE; n],
            column_of: vec![NONE; n],
        }
    }

    fn offers(&self, row: usize) -> Offers {
        let (mut column, mut best, mut second) = (0, f64::INFINITY, f64::INFINITY);
        for (j, (cost, price)) in self.costs.row(row).iter().zip(&self.prices).enumerate() {
            let offer = cost + price;
            if offer < best {
                (column, best, second) = (j, offer, best);
            } else if offer < second {
                second = offer;
            }
        }
        Offers { column, best, second }
    }

    /// Brings the prices near the best ones; the assignments of its rounds are dropped.
    fn auction(&mut self) {
        let n = self.costs.n();
        if n < 2 {
            return;
        }
        let spread = self.costs.spread();
        let mut raise = spread / FALL;
        while raise > spread * LAST_RAISE / n as f64 {
            self.row_of.fill(NONE);
            let mut waiting: Vec<usize> = (0..n).collect();
            while let Some(row) = waiting.pop() {
                let Offers { column, best, second } = self.offers(row);
                self.prices[column] += second - best + raise;
                waiting.extend(self.give(column, row));
            }
            raise /= FALL;
        }
        self.row_of.fill(NONE);
    }

    /// Gives a column to a row and returns the row that had it.
    fn give(&mut self, column: usize, row: usize) -> Option<usize> {
        let former = std::mem::replace(&mut self.row_of[column], row);
        (former != NONE).then_some(former)
    }

    /// Gives rows the columns of their best offers and returns the rows that got none.
    fn take_best_offers(&mut self) -> Vec<usize> {
        let n = self.costs.n();
        let mut waiting: Vec<usize> = (0..n).rev().collect();
        let mut left = Vec::new();
        let mut raises = RAISES_PER_ROW * n;
        while let Some(row) = waiting.pop() {
            let Offers { column, best, second } = self.offers(row);
            self.offers[row] = best;
            if self.row_of[column] != NONE {
                if raises == 0 || best >= second {
                    left.push(row);
                    continue;
                }
                // At this price the row is as content with its second best: its offer stays a best one.
                raises -= 1;
                self.prices[column] += second - best;
                self.offers[row] = second;
            }
            self.column_of[row] = column;
            if let Some(former) = self.give(column, row) {
                self.column_of[former] = NONE;
                waiting.push(former);
            }
        }
        for &row in &left {
            self.offers[row] = self.offers(row).best;
        }
        left
    }

    /// Assigns one more row along the shortest path of exchanges that ends at a free column.
    fn augment(&mut self, start: usize) {
        let n = self.costs.n();
        let (mut lengths, mut from) = (vec![f64::INFINITY; n], vec![NONE; n]);
        let mut open: Vec<usize> = (0..n).collect();
        let mut passed = Vec::new();
        let (mut row, mut length) = (start, 0.0);
        let end = loop {
            let detour = length - self.offers[row];
            let costs = self.costs.row(row);
            let (mut least, mut place) = (f64::INFINITY, 0);
            for (k, &column) in open.iter().enumerate() {
                let through = detour + costs[column] + self.prices[column];
                if through < lengths[column] {
                    (lengths[column], from[column]) = (through, row);
                }
                if lengths[column] < least {
                    (least, place) = (lengths[column], k);
                }
            }
            length = least;
            let column = open.swap_remove(place);
            if self.row_of[column] == NONE {
                break column;
            }
            passed.push(column);
            row = self.row_of[column];
        };
        self.reprice(start, length, &passed, &lengths);
        self.exchange(start, end, &from);
    }

    /// Makes the offers along the path best ones again.
    fn reprice(&mut self, start: usize, length: f64, passed: &[usize], lengths: &[f64]) {
        self.offers[start] += length;
        for &column in passed {
            let shift = length - lengths[column];
            self.offers[self.row_of[column]] += shift;
            self.prices[column] += shift;
        }
    }

    /// Moves each row of the path to the path's next column.
    fn exchange(&mut self, start: usize, end: usize, from: &[usize]) {
        let mut column = end;
        loop {
            let row = from[column];
            self.row_of[column] = row;
            std::mem::swap(&mut self.column_of[row], &mut column);
            if row == start {
                return;
            }
        }
    }
}
