//! The 1797 handwritten digits of the UCI repository, 8×8 pixels of 17 levels. They are included in this crate.

use std::io::Read as _;
use std::path::Path;

use flate2::bufread::GzDecoder;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::images::Images;
use super::parts::ImageParts;
use super::shape::ImageShape;
use crate::error::{Error, Result};
use crate::split::Split;

const SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };
const N_LEVELS: i64 = 17;
const N_CLASSES: i64 = 10;

/// 64 levels and the digit on each line; see `assets/README.md` for source and licence.
const FILE: &[u8] = include_bytes!("../../assets/digits.csv.gz");

/// The digits, split at random.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    /// The fractions of held-out images.
    #[serde(default)]
    pub split: Split,
}

impl Digits {
    /// The digits are part of the program.
    pub(crate) const CARDS: &'static [&'static str] = &[];

    /// The digits, split. No file of the folder `data` is read.
    ///
    /// # Errors
    /// [`Error::Rows`] for an impossible split.
    pub fn load(&self, _data: &Path) -> Result<ImageParts> {
        ImageParts::split(&digits()?, self.split)
    }
}

/// All digits, in the order of their source.
///
/// # Errors
/// [`Error::Images`] if the program is damaged.
pub fn digits() -> Result<Images> {
    let damaged = |problem: String| Error::Images { problem: format!("in the digits: {problem}") };
    let mut text = String::new();
    GzDecoder::new(FILE).read_to_string(&mut text).map_err(|error| damaged(error.to_string()))?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (image, label) = line.rsplit_once(',').unwrap_or_default();
        for level in image.split(',') {
            pixels.push(level.parse::<u8>().map_err(|error| damaged(error.to_string()))?);
        }
        labels.push(label.parse().map_err(|error: std::num::ParseIntError| damaged(error.to_string()))?);
    }
    let pixels = Tensor::from_slice(&pixels).f_view([-1, SHAPE.dim()]);
    let pixels = pixels.map_err(|error| damaged(error.to_string()))?;
    Images::new(SHAPE, N_LEVELS, N_CLASSES, &pixels, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_those_that_were_published() {
        let digits = digits().unwrap();
        assert_eq!((digits.n(), digits.n_levels(), digits.n_classes()), (1797, 17, 10));
        let first: Vec<u8> = digits.pixels(0, 1).view(-1).try_into().unwrap();
        assert_eq!(first[..16], [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]);
        let count = |digit| digits.labels().iter().filter(|label| **label == digit).count();
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(count),
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        );
    }
}
