//! How many rows a GPU's memory holds, by what a batch before took of it.

use interflow_libtorch::{device_memory, reset_peak_memory};
use tch::Device;

use crate::error::Result;

/// The share of the free memory that a batch may take.
const SHARE: f64 = 0.5;
/// More rows do not make a GPU faster.
const MOST_ROWS: i64 = 1 << 16;

/// A device's memory before a batch; nothing of a device whose memory nobody counts.
pub(super) struct Room {
    device: Device,
    /// The bytes that tensors took.
    taken: Option<u64>,
}

impl Room {
    /// The memory as it is now.
    pub(super) fn before(device: Device) -> Result<Self> {
        let taken = device_memory(device)?.map(|memory| memory.allocated);
        if taken.is_some() {
            reset_peak_memory(device)?;
        }
        Ok(Self { device, taken })
    }

    /// How many rows fit, after a batch of `rows`; no more than that where nobody knows.
    pub(super) fn rows_after(&self, rows: i64) -> Result<i64> {
        let Some((taken, memory)) = self.taken.zip(device_memory(self.device)?) else { return Ok(rows) };
        Ok(rows_that_fit(rows, memory.peak.saturating_sub(taken), memory.free))
    }
}

/// How many rows fit into `free` bytes where `rows` took `bytes`.
fn rows_that_fit(rows: i64, bytes: u64, free: u64) -> i64 {
    let per_row = (bytes as f64 / rows as f64).max(1.0);
    ((SHARE * free as f64 / per_row) as i64).clamp(rows.min(MOST_ROWS), MOST_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_grows_to_half_of_what_is_free_and_never_shrinks() {
        assert_eq!(rows_that_fit(64, 64 << 20, 80 << 30), 40 << 10);
        assert_eq!(rows_that_fit(64, 64 << 20, 32 << 20), 64);
        assert_eq!(rows_that_fit(1000, 0, 1 << 40), MOST_ROWS);
        let unknown = Room::before(Device::Cpu).unwrap();
        assert_eq!(unknown.rows_after(7).unwrap(), 7);
    }
}
