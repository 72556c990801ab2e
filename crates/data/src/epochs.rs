//! The order in which training visits a data set: epoch after epoch, each row once in each, in a new order.

use std::sync::{Arc, Mutex, PoisonError};

use interflow_core::rng::Stream;

/// The endless sequence of epochs over `n` rows.
#[derive(Debug)]
pub(crate) struct Epochs {
    n: u64,
    kept: Mutex<Option<Order>>,
}

/// An epoch's order of the rows, kept until another epoch is asked for.
#[derive(Debug)]
struct Order {
    epoch: u64,
    stream: Stream,
    rows: Arc<Vec<u32>>,
}

impl Epochs {
    /// Epochs over `n` rows, at least one.
    pub(crate) fn new(n: i64) -> Self {
        Self { n: n.max(1) as u64, kept: Mutex::new(None) }
    }

    /// The row numbers at places `first..first + n` of the sequence that `stream` stands for.
    pub(crate) fn visited(&self, first: u64, n: u64, stream: &Stream) -> Vec<i64> {
        let mut visited = Vec::with_capacity(n as usize);
        let (mut place, end) = (first, first + n);
        while place < end {
            let (epoch, offset) = (place / self.n, place % self.n);
            let length = (end - place).min(self.n - offset);
            let order = self.in_epoch(epoch, stream);
            let rows = &order[offset as usize..(offset + length) as usize];
            visited.extend(rows.iter().map(|row| i64::from(*row)));
            place += length;
        }
        visited
    }

    fn in_epoch(&self, epoch: u64, stream: &Stream) -> Arc<Vec<u32>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(order) = kept.as_ref().filter(|order| order.epoch == epoch && order.stream == *stream) {
            return order.rows.clone();
        }
        let rows = Arc::new(stream.at(epoch).permutation(self.n as usize));
        *kept = Some(Order { epoch, stream: *stream, rows: rows.clone() });
        rows
    }
}
