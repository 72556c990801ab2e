//! A Swiss roll, seen from the side.

use std::f64::consts::PI;

use tch::{Kind, Tensor};

use super::points;
use crate::density::Sampler;
use crate::rng::Draw;

/// The smallest angle; the largest is three times as large.
const SMALLEST_ANGLE: f64 = 1.5 * PI;
/// The standard deviation of the noise, before scaling.
const STD: f64 = 1.0;
/// Divides the coordinates.
const SCALE: f64 = 5.0;

/// One Archimedean spiral with noise: scikit-learn's Swiss roll without its depth, as in Grathwohl et al.,
/// *FFJORD* (2019). Samples only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Swissroll;

impl Sampler for Swissroll {
    fn dim(&self) -> i64 {
        2
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        let angle = (draw.uniform(&[n], Kind::Double) * 2.0 + 1.0) * SMALLEST_ANGLE;
        let noise = draw.normal(&[2, n], Kind::Double) * STD;
        let x = (angle.cos() * &angle + noise.select(0, 0)) / SCALE;
        let y = (angle.sin() * &angle + noise.select(0, 1)) / SCALE;
        points(&x, &y, kind)
    }
}
