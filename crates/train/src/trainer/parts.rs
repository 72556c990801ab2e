//! Into how many parts a step's batch is cut, by the device's memory.
//!
//! A step of B pairs takes a part of memory that is the same for every B, for gradients and work spaces, and a part for each
//! pair, for what the backward pass needs. Two steps of a few pairs tell both.

use interflow_libtorch::{DeviceMemory, Share, device_memory, reset_peak_memory};
use tch::Device;

use super::Trainer;
use crate::accumulate::Accumulate;
use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::objective::TrainingStep;
use crate::observer::Observer;

/// The share of the free memory that a step may take: the rest is for held-out checks, and for what libtorch cannot use of
/// the gaps between tensors.
const SHARE: f64 = 0.85;
/// The most pairs of a step that is measured; another has twice as many.
const MOST_PAIRS: i64 = 8;
/// Rows of numbers that a pair takes on the path: both ends, the point and its derivative, the latent, and one more for the
/// making; all of it twice where latents come in pairs.
const ROWS_PER_PAIR: i64 = 12;

/// What steps take of a device's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Need {
    /// Of every part, however many pairs it has.
    fixed: f64,
    /// For each pair of a part.
    per_pair: f64,
    /// Of a batch in several parts beside the part in work: all its pairs, and the gradient so far.
    beside: f64,
}

impl Need {
    /// By the peaks of steps of n and 2n pairs.
    fn measured(n: i64, [once, twice]: [f64; 2], beside: f64) -> Self {
        let per_pair = ((twice - once) / n as f64).max(0.0);
        Self { fixed: (once - per_pair * n as f64).max(0.0), per_pair, beside }
    }

    fn of(&self, batch: i64, parts: i64) -> f64 {
        let beside = if parts > 1 { self.beside } else { 0.0 };
        self.fixed + self.per_pair * (batch / parts) as f64 + beside
    }

    /// The fewest equal parts of a batch that fit, or as many as there are pairs where nothing does.
    fn fewest_parts(&self, batch: i64, free: f64) -> i64 {
        let mut divisors = (1..=batch).filter(|parts| batch % parts == 0);
        divisors.find(|parts| self.of(batch, *parts) <= free).unwrap_or(batch)
    }
}

impl Trainer {
    /// Chooses the parts of steps, if that is left to the machine and not done yet, and tells the observer.
    pub(super) fn choose_parts(&mut self, observer: &mut dyn Observer) -> Result<()> {
        if self.config.accumulate != Accumulate::Auto || self.step >= self.config.steps {
            return Ok(());
        }
        let device = self.network.parameters().device();
        if self.config.batch == 1 || device_memory(device)?.is_none() {
            self.config.accumulate = Accumulate::Parts(1);
            return Ok(());
        }
        let need = self.need(device)?;
        let free = device_memory(device)?.map_or(0.0, |memory| memory.free as f64);
        let parts = need.fewest_parts(self.config.batch / self.share().size(), SHARE * free);
        // As many in all processes, and those of the one with the least memory.
        let parts = self.together.as_ref().map_or(Ok(parts), |together| together.most(parts))?;
        self.take_parts(parts)?;
        observer.on_parts(self.step + 1, parts);
        Ok(())
    }

    /// Takes over a number of parts that was chosen.
    pub(super) fn take_parts(&mut self, parts: i64) -> Result<()> {
        if parts < 1 || self.config.batch % parts != 0 {
            let problem = format!("it cuts batches of {} into parts: {parts}", self.config.batch);
            return Err(Error::Mismatch { problem });
        }
        (self.config.accumulate, self.parts) = (Accumulate::Parts(parts), Some(parts));
        Ok(())
    }

    fn need(&self, device: Device) -> Result<Need> {
        let n = MOST_PAIRS.min(self.config.batch / 2);
        // The first step also pays for work spaces that stay.
        self.peak(n, device)?;
        let peaks = [self.peak(n, device)?, self.peak(2 * n, device)?];
        let parameters = self.network.parameters();
        let numbers = parameters.n_scalars() + ROWS_PER_PAIR * self.config.batch * self.network.space().dim;
        let beside = numbers as f64 * parameters.kind().elt_size_in_bytes() as f64;
        Ok(Need::measured(n, peaks, beside))
    }

    /// The bytes that a step of `n` pairs takes at most at a time; the step is not taken.
    fn peak(&self, n: i64, device: Device) -> Result<f64> {
        let config = TrainConfig { batch: n, accumulate: Accumulate::default(), ..self.config.clone() };
        let step =
            TrainingStep { config: &config, prepared: None, share: Share::WHOLE, ..self.training_step() };
        let bytes = |of: fn(DeviceMemory) -> u64| Ok::<_, Error>(device_memory(device)?.map_or(0, of) as f64);
        reset_peak_memory(device)?;
        let before = bytes(|memory| memory.allocated)?;
        drop(self.objective.gradient(&step)?);
        Ok(bytes(|memory| memory.peak)? - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIFAR-10's U-Net as it was estimated: 0.8 GB for the gradient, 130 MB a pair.
    const U_NET: Need = Need { fixed: 0.8e9, per_pair: 0.13e9, beside: 0.85e9 };

    #[test]
    fn two_peaks_tell_what_is_fixed_and_what_a_pair_takes() {
        assert_eq!(Need::measured(8, [0.8e9 + 8.0 * 0.13e9, 0.8e9 + 16.0 * 0.13e9], 0.85e9), U_NET);
        let noise = Need::measured(8, [5.0, 4.0], 0.0);
        assert_eq!((noise.fixed, noise.per_pair), (5.0, 0.0));
    }

    #[test]
    fn the_fewest_parts_that_fit_are_taken() {
        let parts = |free: f64| U_NET.fewest_parts(400, free);
        // The whole batch takes 52.8 GB, its halves 27.65 GB, its quarters 14.65 GB, fifths 12.05 GB.
        assert_eq!([60e9, 52.8e9, 52.7e9, 27.6e9, 14e9].map(parts), [1, 1, 2, 4, 5]);
        assert_eq!(parts(1e6), 400, "what does not fit at all is libtorch's to refuse");
        assert_eq!(U_NET.fewest_parts(7, 1.7e9), 7);
    }
}
