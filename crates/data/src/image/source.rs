//! Images as a source of training points.

use std::ops::Range;

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Given, GivenSpace, Points, Space};
use tch::{Device, Kind, Tensor};

use super::images::Images;
use super::levels::{NOISE_BYTES, Spread};
use crate::epochs::Epochs;

/// Images in a new order in each epoch, dequantised anew at every visit and, if asked for, flipped at random and with
/// their class.
///
/// A point is a row of D = C·H·W values in [−1, 1).
#[derive(Debug)]
pub struct ImageSource {
    images: Images,
    spread: Spread,
    epochs: Epochs,
    flips: Flips,
    classes: Classes,
}

/// Whether images are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flips {
    Never,
    /// Left to right, every second image at random.
    Half,
}

/// Whether points are given their class.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Classes {
    None,
    /// The class, or with this probability the number of classes, which stands for none.
    Given {
        dropout: f64,
    },
}

impl ImageSource {
    /// A source of these images, not flipped and without classes.
    pub fn new(images: Images) -> Self {
        let epochs = Epochs::new(images.n());
        let spread = images.quantisation().spread();
        Self { images, spread, epochs, flips: Flips::Never, classes: Classes::None }
    }

    /// The same with half of the images, chosen at random, mirrored left to right.
    #[must_use]
    pub fn flipped(self) -> Self {
        Self { flips: Flips::Half, ..self }
    }

    /// The same with each image's class as its condition, a number in `0..n_classes`. With probability `dropout` it
    /// is `n_classes` instead, which stands for no class (classifier-free guidance).
    #[must_use]
    pub fn with_classes(self, dropout: f64) -> Self {
        Self { classes: Classes::Given { dropout }, ..self }
    }

    /// What the image `number` is given, where `word` is a random number.
    fn class(&self, number: i64, word: u64) -> Option<i64> {
        let Classes::Given { dropout } = self.classes else { return None };
        let dropped = (word >> 11) as f64 * (0.5f64).powi(53) < dropout;
        Some(if dropped { self.images.n_classes() } else { self.images.labels()[number as usize] })
    }

    /// The classes of a batch as what its points are given.
    fn given(&self, classes: &[i64]) -> Given {
        match self.classes {
            Classes::None => Given::Nothing,
            Classes::Given { .. } => Given::Class(Tensor::from_slice(classes)),
        }
    }
}

impl Source for ImageSource {
    fn space(&self) -> Space {
        let given = match self.classes {
            Classes::None => GivenSpace::Nothing {},
            Classes::Given { .. } => GivenSpace::Class { n_classes: self.images.n_classes() },
        };
        Space { dim: self.images.shape().dim(), given }
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        self.rows(n, step, stream, 0..n)
    }

    fn rows(&self, n: i64, step: u64, stream: &Stream, rows: Range<i64>) -> Points {
        let shape = self.images.shape();
        if n <= 0 || rows.is_empty() {
            let x = Tensor::zeros([0, shape.dim()], (Kind::Float, Device::Cpu));
            return Points { x, given: self.given(&[]) };
        }
        let (first, last, dim) = (rows.start as usize, rows.end as usize, shape.dim() as usize);
        let numbers = &self.epochs.visited(step * n as u64, n as u64, stream)[first..last];
        let mut levels = self.images.bytes_of(numbers);
        // Of the rows before these, too: bytes are cheap.
        let mut noise = vec![0; NOISE_BYTES * dim * last];
        stream.with_purpose(Purpose::Dequantise).at(step).fill(&mut noise);
        let noise = &noise[NOISE_BYTES * dim * first..];
        // Two words for each row: the first decides on its flip, the second on its class.
        let mut chance = stream.with_purpose(Purpose::Augment).at(step);
        for _ in 0..2 * first {
            chance.bits();
        }
        let width = shape.width as usize;
        let mut values = vec![0f32; levels.len()];
        let mut classes = Vec::new();
        let outputs = values.chunks_exact_mut(dim).zip(numbers);
        let inputs = levels.chunks_exact_mut(dim).zip(noise.chunks_exact(NOISE_BYTES * dim));
        for ((row, number), (levels, noise)) in outputs.zip(inputs) {
            let (flip, drop) = (chance.bits(), chance.bits());
            if self.flips == Flips::Half && flip & 1 == 1 {
                levels.chunks_exact_mut(width).for_each(<[u8]>::reverse);
            }
            classes.extend(self.class(*number, drop));
            self.spread.row(levels, noise, row);
        }
        let x = Tensor::from_slice(&values).view([rows.end - rows.start, shape.dim()]);
        Points { x, given: self.given(&classes) }
    }
}
