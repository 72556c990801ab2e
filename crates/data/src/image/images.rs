//! A labelled set of images, or a part of one.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use super::levels::Quantisation;
use super::shape::ImageShape;
use crate::error::{Error, Result};
use crate::place_law::PlaceLaw;

/// Images of one shape with their classes. Parts of a set share its memory, which for large sets is a mapped file.
#[derive(Clone)]
pub struct Images {
    /// All images of the set, `[M, D]` of kind `Uint8`.
    all: Arc<Mutex<Tensor>>,
    facts: Facts,
    places: PlaceLaw,
    /// Which of them these are.
    numbers: Arc<Vec<i64>>,
    labels: Arc<Vec<i64>>,
}

/// What is common to all images of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) shape: ImageShape,
    pub(super) n_levels: i64,
    pub(super) n_classes: i64,
}

impl Images {
    /// The images `pixels`, `[N, D]` of kind `Uint8`, with levels in `0..n_levels`, of the classes `labels` in
    /// `0..n_classes`.
    ///
    /// # Errors
    /// [`Error::Images`] unless there is at least one image, sizes and kind agree, 2 ≤ `n_levels` ≤ 256, levels are
    /// below `n_levels` and labels below `n_classes`.
    pub fn new(
        shape: ImageShape,
        n_levels: i64,
        n_classes: i64,
        pixels: &Tensor,
        labels: Vec<i64>,
    ) -> Result<Self> {
        let refuse = |problem: String| Err(Error::Images { problem });
        if !(2..=256).contains(&n_levels) {
            return refuse(format!("the number of levels must be in 2..=256, found: {n_levels}"));
        }
        if pixels.kind() != Kind::Uint8 {
            return refuse(format!("pixels must be of kind Uint8, found: {:?}", pixels.kind()));
        }
        let images = Self::assemble(Facts { shape, n_levels, n_classes }, pixels, labels)?;
        let highest = pixels.max().int64_value(&[]);
        if highest >= n_levels {
            return refuse(format!("levels must be below {n_levels}, found: {highest}"));
        }
        Ok(images)
    }

    /// As [`Images::new`], but without a look at the pixels.
    pub(super) fn assemble(facts: Facts, pixels: &Tensor, labels: Vec<i64>) -> Result<Self> {
        let refuse = |problem: String| Err(Error::Images { problem });
        let (n, dim) = (labels.len() as i64, facts.shape.dim());
        if pixels.size() != [n, dim] || n == 0 || dim <= 0 {
            let size = pixels.size();
            return refuse(format!("expected {n} images of {dim} values, at least one, found: {size:?}"));
        }
        if let Some(label) = labels.iter().find(|label| !(0..facts.n_classes).contains(*label)) {
            return refuse(format!("labels must be in 0..{}, found: {label}", facts.n_classes));
        }
        let all = Arc::new(Mutex::new(pixels.to_device(Device::Cpu).contiguous()));
        Ok(Self {
            all,
            facts,
            places: PlaceLaw::default(),
            numbers: Arc::new((0..n).collect()),
            labels: Arc::new(labels),
        })
    }

    /// The same images with this law of the dequantisation noise; for new images it is uniform.
    #[must_use]
    pub fn with_places(self, places: PlaceLaw) -> Self {
        Self { places, ..self }
    }

    /// The map between levels and a flow's coordinates.
    pub fn quantisation(&self) -> Quantisation {
        Quantisation { n_levels: self.facts.n_levels, places: self.places }
    }

    /// The number of images.
    pub fn n(&self) -> i64 {
        self.numbers.len() as i64
    }

    /// The images' shape.
    pub fn shape(&self) -> ImageShape {
        self.facts.shape
    }

    /// The number of levels of a value.
    pub fn n_levels(&self) -> i64 {
        self.facts.n_levels
    }

    /// The number of classes.
    pub fn n_classes(&self) -> i64 {
        self.facts.n_classes
    }

    /// The class of each image.
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }

    /// A copy of the images `first..first + n`, `[n, D]` of kind `Uint8`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn pixels(&self, first: i64, n: i64) -> Tensor {
        self.pixels_of(&(first..first + n).collect::<Vec<_>>())
    }

    /// A copy of the images with these numbers, `[n, D]` of kind `Uint8`.
    ///
    /// # Panics
    /// If there is no image of a number.
    pub fn pixels_of(&self, numbers: &[i64]) -> Tensor {
        Tensor::from_slice(&self.bytes_of(numbers)).view([numbers.len() as i64, self.facts.shape.dim()])
    }

    /// As [`Images::pixels_of`], row after row. Copies one by one: a worker thread shall not start libtorch's pool.
    pub(super) fn bytes_of(&self, numbers: &[i64]) -> Vec<u8> {
        let dim = self.facts.shape.dim() as usize;
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).shallow_clone();
        let mut bytes = vec![0; numbers.len() * dim];
        for (row, number) in bytes.chunks_exact_mut(dim).zip(numbers) {
            all.get(self.numbers[*number as usize]).copy_data(row, dim);
        }
        bytes
    }

    /// The images `range` of this set, as a set of their own.
    ///
    /// # Errors
    /// [`Error::Images`] for an empty range, or one that leaves the set.
    pub fn part(&self, range: Range<i64>) -> Result<Self> {
        if range.start < 0 || range.end > self.n() {
            let problem = format!("a part of {} images cannot be: {range:?}", self.n());
            return Err(Error::Images { problem });
        }
        self.chosen(&range.collect::<Vec<_>>())
    }

    /// The images with these numbers, as a set of their own.
    ///
    /// # Errors
    /// [`Error::Images`] if `numbers` is empty, or a number is that of no image.
    pub fn chosen(&self, numbers: &[i64]) -> Result<Self> {
        let wrong = numbers.iter().find(|number| !(0..self.n()).contains(*number));
        if wrong.is_some() || numbers.is_empty() {
            let problem = format!("a part of {} images cannot be: {numbers:?}", self.n());
            return Err(Error::Images { problem });
        }
        let pick = |values: &[i64]| Arc::new(numbers.iter().map(|number| values[*number as usize]).collect());
        Ok(Self { numbers: pick(&self.numbers), labels: pick(&self.labels), ..self.clone() })
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("n", &self.n()).field("facts", &self.facts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 2, width: 3 };

    /// Image i has the values 10 i .. 10 i + 6.
    fn images(n: i64) -> Images {
        let pixels = Tensor::arange(n, (Kind::Int64, Device::Cpu)).view([n, 1]) * 10
            + Tensor::arange(6, (Kind::Int64, Device::Cpu));
        Images::new(SHAPE, 256, 2, &pixels.to_kind(Kind::Uint8), (0..n).map(|i| i % 2).collect()).unwrap()
    }

    #[test]
    fn parts_of_parts_hold_the_right_images_with_their_labels() {
        let part = images(9).chosen(&[8, 1, 4, 7]).unwrap().part(1..4).unwrap();
        assert_eq!((part.n(), part.labels()), (3, &[1i64, 0, 1][..]));
        assert_eq!(part.pixels(1, 2).select(1, 0), Tensor::from_slice(&[40u8, 70]));
        assert_eq!(part.pixels_of(&[2, 0]).select(1, 5), Tensor::from_slice(&[75u8, 15]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let pixels = Tensor::from_slice(&[0u8, 1, 2, 3, 4, 5]).view([1, 6]);
        let refused = |levels, classes, pixels: &Tensor, labels| {
            Images::new(SHAPE, levels, classes, pixels, labels).unwrap_err().to_string()
        };
        assert!(refused(5, 2, &pixels, vec![0]).contains("below 5, found: 5"));
        assert!(refused(257, 2, &pixels, vec![0]).contains("257"));
        assert!(refused(6, 2, &pixels, vec![2]).contains("0..2, found: 2"));
        assert!(refused(6, 2, &pixels, vec![0, 1]).contains("2 images of 6 values"));
        assert!(refused(6, 2, &pixels.to_kind(Kind::Int64), vec![0]).contains("Uint8"));
        assert!(refused(6, 2, &pixels.narrow(0, 0, 0), vec![]).contains("at least one"));
        assert!(images(3).part(2..4).is_err());
        assert!(images(3).part(2..2).is_err());
        assert!(images(3).chosen(&[-1]).is_err());
    }
}
