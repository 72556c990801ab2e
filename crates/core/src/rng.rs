//! Where all random numbers come from: those that libtorch makes itself, masks, have their seed from a draw.
//!
//! A draw is a function of (seed, purpose, index): the seed is the run's, the [`Purpose`] keeps unrelated
//! draws independent, and the index is a training step or a sample's number. Nothing else is state, so a
//! resumed run draws what the uninterrupted one would have drawn, and a sample's noise does not depend on the
//! batch it is drawn in. The generator is `ChaCha8`, a counter-based generator with 2⁶⁴ independent streams.

use std::ops::Range;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Kind, Tensor};

/// The purpose of random numbers; each purpose has its own independent stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Initial weights of a network.
    Init,
    /// Base samples x0 in training.
    Base,
    /// Target samples x1 in training.
    Target,
    /// Times t in training.
    Time,
    /// The interpolant's latent z in training.
    Latent,
    /// The pairing of x0 with x1.
    Coupling,
    /// The order of a data set's rows.
    Shuffle,
    /// Dequantisation noise added to data.
    Dequantise,
    /// Held-out draws for validation.
    Validation,
    /// Held-out draws for the test set.
    Test,
    /// Base points of generated samples.
    Sampling,
    /// Probe vectors of Hutchinson's trace estimator.
    Probe,
    /// Permutations and bootstraps of statistical tests.
    Resample,
    /// Brownian paths of stochastic samplers.
    Brownian,
    /// Random changes of training data that preserve their law, such as flips of images; and dropped labels.
    Augment,
    /// Activations that a network drops in training.
    Dropout,
    /// Batches by which a learnable path is trained.
    Path,
    /// The noise that training adds to the target's points.
    Jitter,
    /// The coordinates that are known to a flow in training.
    Known,
}

impl Purpose {
    /// The stream's number; part of what makes a run reproducible, so these numbers never change.
    const fn stream(self) -> u64 {
        match self {
            Self::Init => 1,
            Self::Base => 2,
            Self::Target => 3,
            Self::Time => 4,
            Self::Latent => 5,
            Self::Coupling => 6,
            Self::Shuffle => 7,
            Self::Dequantise => 8,
            Self::Validation => 9,
            Self::Test => 10,
            Self::Sampling => 11,
            Self::Probe => 12,
            Self::Resample => 13,
            Self::Brownian => 14,
            Self::Augment => 15,
            Self::Dropout => 17,
            Self::Path => 16,
            Self::Jitter => 18,
            Self::Known => 19,
        }
    }
}

/// One independent stream of random numbers, addressed by an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    seed: u64,
    id: StreamId,
}

/// What tells the streams of one seed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamId {
    Purpose(Purpose),
    /// A digest of a name.
    Named([u64; 2]),
}

impl Stream {
    /// The stream of `purpose` under the run's `seed`.
    pub const fn new(seed: u64, purpose: Purpose) -> Self {
        Self { seed, id: StreamId::Purpose(purpose) }
    }

    /// The stream of this name under the run's `seed`, for draws that have no [`Purpose`]. Begin the name with that of your
    /// crate, so that no two crates share a stream. It is independent of the streams
    /// of every [`Purpose`], and of those of other names but for a chance of 2⁻⁶⁴.
    ///
    /// ```
    /// use interflow_core::rng::Stream;
    ///
    /// let mut draw = Stream::named(7, "my-crate/shuffle").at(0);
    /// assert_ne!(draw.bits(), Stream::named(7, "my-crate/noise").at(0).bits());
    /// ```
    pub fn named(seed: u64, name: &str) -> Self {
        // Two runs of FNV-1a from different starts: a digest that is the same on every machine and in every version.
        let digest = |start: u64| {
            name.bytes()
                .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
        };
        Self { seed, id: StreamId::Named([digest(0xcbf2_9ce4_8422_2325), digest(0x9e37_79b9_7f4a_7c15)]) }
    }

    /// The stream of another purpose under the same seed.
    #[must_use]
    pub const fn with_purpose(&self, purpose: Purpose) -> Self {
        Self { seed: self.seed, id: StreamId::Purpose(purpose) }
    }

    /// The draw at `index`: a training step, an epoch or a sample's number.
    pub fn at(&self, index: u64) -> Draw {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        match self.id {
            StreamId::Purpose(purpose) => key[8..16].copy_from_slice(&purpose.stream().to_le_bytes()),
            StreamId::Named(digest) => {
                // No purpose has the number 0, so no named stream is one of ours.
                key[16..24].copy_from_slice(&digest[0].to_le_bytes());
                key[24..].copy_from_slice(&digest[1].to_le_bytes());
            }
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index);
        Draw { rng }
    }

    /// Standard normal rows `[n, dim]` in which row `i` depends only on the sample's number `first + i`.
    pub fn normal_rows(&self, first: u64, n: i64, dim: i64, kind: Kind) -> Tensor {
        let mut values = Vec::with_capacity((n * dim) as usize);
        for row in 0..n as u64 {
            self.at(first + row).extend_normal(&mut values, dim as usize);
        }
        from_values(&values, &[n, dim], kind)
    }

    /// Rows `[n, dim]` of random signs ±1 in which row `i` depends only on the sample's number `first + i`.
    pub fn sign_rows(&self, first: u64, n: i64, dim: i64, kind: Kind) -> Tensor {
        let rows: Vec<Tensor> =
            (0..n as u64).map(|row| self.at(first + row).signs(&[1, dim], kind)).collect();
        if rows.is_empty() {
            return Tensor::zeros([0, dim], (kind, tch::Device::Cpu));
        }
        Tensor::cat(&rows, 0)
    }
}

/// 32-bit words that a slot reserves for a normal number.
const WORDS_PER_NORMAL: usize = 16;

/// About how many normal numbers have a place of their own in a draw of many rows.
const NORMALS_PER_BLOCK: i64 = 1 << 16;

/// A generator at the position of one draw. The tensors that it returns are on the CPU.
#[derive(Debug, Clone)]
pub struct Draw {
    rng: ChaCha8Rng,
}

impl Draw {
    /// Independent standard normal numbers of the given shape.
    pub fn normal(&mut self, shape: &[i64], kind: Kind) -> Tensor {
        let n = count(shape);
        if kind == Kind::Float {
            let values: Vec<f32> = (0..n).map(|_| StandardNormal.sample(&mut self.rng)).collect();
            return Tensor::from_slice(&values).view(shape);
        }
        let mut values = Vec::with_capacity(n);
        self.extend_normal(&mut values, n);
        from_values(&values, shape, kind)
    }

    /// The rows `rows` of `n` rows of `dim` independent standard normal numbers. Each block of rows, of about 65 536
    /// numbers, has a place of its own in the draw, so a part costs no more than its blocks. All parts of `n` rows leave
    /// the draw at the same place.
    pub fn normal_part(&mut self, n: i64, dim: i64, rows: Range<i64>, kind: Kind) -> Tensor {
        let per_block = (NORMALS_PER_BLOCK / dim.max(1)).max(1);
        let (from, n_blocks) = (self.rng.get_word_pos(), (n + per_block - 1) / per_block);
        let words = (per_block * dim) as u128 * WORDS_PER_NORMAL as u128;
        if n_blocks <= 1 {
            return self.normal(&[n, dim], kind).narrow(0, rows.start, rows.end - rows.start);
        }
        let first = rows.start / per_block;
        let blocks = (first..n_blocks).take_while(|block| block * per_block < rows.end).map(|block| {
            self.rng.set_word_pos(from.wrapping_add(block as u128 * words));
            self.normal(&[per_block.min(n - block * per_block), dim], kind)
        });
        let drawn: Vec<Tensor> = blocks.collect();
        self.rng.set_word_pos(from.wrapping_add(n_blocks as u128 * words));
        if drawn.is_empty() {
            return Tensor::zeros([0, dim], (kind, tch::Device::Cpu));
        }
        Tensor::cat(&drawn, 0).narrow(0, rows.start - first * per_block, rows.end - rows.start)
    }

    /// Independent uniform numbers in [0, 1) of the given shape.
    pub fn uniform(&mut self, shape: &[i64], kind: Kind) -> Tensor {
        let n = count(shape);
        if kind == Kind::Float {
            let values: Vec<f32> = (0..n).map(|_| self.rng.random()).collect();
            return Tensor::from_slice(&values).view(shape);
        }
        let values: Vec<f64> = (0..n).map(|_| self.rng.random()).collect();
        from_values(&values, shape, kind)
    }

    /// Independent random signs ±1 of the given shape.
    pub fn signs(&mut self, shape: &[i64], kind: Kind) -> Tensor {
        let values: Vec<f64> =
            (0..count(shape)).map(|_| if self.rng.random::<bool>() { 1.0 } else { -1.0 }).collect();
        from_values(&values, shape, kind)
    }

    /// Independent integers, uniform in `0..below`, as an `[n]` tensor of `i64`.
    ///
    /// # Panics
    /// If `below` is not positive.
    pub fn integers(&mut self, n: i64, below: i64) -> Tensor {
        let values: Vec<i64> = (0..n).map(|_| self.rng.random_range(0..below)).collect();
        Tensor::from_slice(&values)
    }

    /// Independent category numbers `[n]` (`i64`), category `k` with probability `weights[k] / Σ weights`.
    pub fn categories(&mut self, n: i64, weights: &[f64]) -> Tensor {
        let total: f64 = weights.iter().sum();
        let values: Vec<i64> = (0..n).map(|_| pick(weights, total * self.rng.random::<f64>())).collect();
        Tensor::from_slice(&values)
    }

    /// A uniformly random permutation of `0..n`.
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, self.rng.random_range(0..=i));
        }
        order
    }

    /// Moves to slot `slot` of a draw that is divided into equal slots with room for `n` normal numbers each.
    ///
    /// A normal number takes 64 bits of the 512 reserved for it, and rarely two or three times as many.
    pub fn seek(&mut self, slot: u64, n: usize) {
        self.rng.set_word_pos(u128::from(slot) * (n * WORDS_PER_NORMAL) as u128);
    }

    /// Appends `n` standard normal numbers to `values`.
    pub fn extend_normal(&mut self, values: &mut Vec<f64>, n: usize) {
        values.extend((0..n).map(|_| -> f64 { StandardNormal.sample(&mut self.rng) }));
    }

    /// Fills `bytes` with independent random bytes, the cheapest draw there is.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }
}

/// The first category whose cumulative weight exceeds `level`.
fn pick(weights: &[f64], level: f64) -> i64 {
    let mut cumulative = 0.0;
    for (k, weight) in weights.iter().enumerate() {
        cumulative += weight;
        if level < cumulative {
            return k as i64;
        }
    }
    weights.len() as i64 - 1
}

fn count(shape: &[i64]) -> usize {
    shape.iter().product::<i64>() as usize
}

fn from_values(values: &[f64], shape: &[i64], kind: Kind) -> Tensor {
    Tensor::from_slice(values).view(shape).to_kind(kind)
}
