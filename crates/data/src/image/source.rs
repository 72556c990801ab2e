//! Images as a source of training points.

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use tch::{Device, Kind, Tensor};

use super::Images;
use super::levels::{NOISE_BYTES, spread};
use crate::epochs::Epochs;

/// Images in a new order in each epoch, dequantised anew at every visit, flipped and with their class if asked for.
///
/// A point is a row `[D]`, or `[1 + D]` with the class as its first coordinate.
#[derive(Debug)]
pub struct ImageSource {
    images: Images,
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

/// Whether points have a class.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Classes {
    None,
    /// The class, or with this probability the number of classes, which stands for none.
    First {
        dropout: f64,
    },
}

impl ImageSource {
    /// A source of these images as they are.
    pub fn new(images: Images) -> Self {
        let epochs = Epochs::new(images.n());
        Self { images, epochs, flips: Flips::Never, classes: Classes::None }
    }

    /// The same with every second image mirrored left to right, at random.
    #[must_use]
    pub fn flipped(self) -> Self {
        Self { flips: Flips::Half, ..self }
    }

    /// The same with the class as a first coordinate, a number in `0..n_classes`; with probability `dropout` it is
    /// `n_classes`, which stands for no class (classifier-free guidance).
    #[must_use]
    pub fn with_classes(self, dropout: f64) -> Self {
        Self { classes: Classes::First { dropout }, ..self }
    }

    /// Where in a row the image begins.
    fn offset(&self) -> usize {
        usize::from(self.classes != Classes::None)
    }
}

impl Source for ImageSource {
    fn dim(&self) -> i64 {
        self.offset() as i64 + self.images.shape().dim()
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Tensor {
        if n <= 0 {
            return Tensor::zeros([0, self.dim()], (Kind::Float, Device::Cpu));
        }
        let numbers = self.epochs.visited(step * n as u64, n as u64, stream);
        let mut levels = self.images.bytes_of(&numbers);
        let mut noise = vec![0; NOISE_BYTES * levels.len()];
        stream.with_purpose(Purpose::Dequantise).at(step).fill(&mut noise);
        // Two words for each row: the first decides on its flip, the second on its class.
        let mut chance = stream.with_purpose(Purpose::Augment).at(step);
        let (dim, width) = (self.images.shape().dim() as usize, self.images.shape().width as usize);
        let mut values = vec![0f32; n as usize * self.dim() as usize];
        let rows = values.chunks_exact_mut(self.dim() as usize).zip(&numbers);
        let inputs = levels.chunks_exact_mut(dim).zip(noise.chunks_exact(NOISE_BYTES * dim));
        for ((row, number), (levels, noise)) in rows.zip(inputs) {
            let (flip, drop) = (chance.bits(), chance.bits());
            if self.flips == Flips::Half && flip & 1 == 1 {
                levels.chunks_exact_mut(width).for_each(<[u8]>::reverse);
            }
            let (class, image) = row.split_at_mut(self.offset());
            if let (Classes::First { dropout }, [class]) = (self.classes, class) {
                let dropped = (drop >> 11) as f64 * (0.5f64).powi(53) < dropout;
                let label = self.images.labels()[*number as usize];
                *class = if dropped { self.images.n_classes() } else { label } as f32;
            }
            spread(levels, noise, self.images.n_levels(), image);
        }
        Tensor::from_slice(&values).view([n, self.dim()])
    }
}
