//! Two spirals.

use std::f64::consts::PI;

use tch::{Kind, Tensor};

use super::points;
use crate::density::Sampler;
use crate::rng::Draw;

/// The largest angle: one and a half turns.
const LARGEST_ANGLE: f64 = 3.0 * PI;
/// The width of the uniform shift on each coordinate, before scaling.
const SHIFT: f64 = 0.5;
/// Divides the spiral's coordinates.
const SCALE: f64 = 3.0;
/// The standard deviation of the noise, after scaling.
const STD: f64 = 0.1;

/// Two opposite Archimedean spirals with noise, as in Grathwohl et al., *FFJORD* (2019). Samples only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spirals;

impl Sampler for Spirals {
    fn dim(&self) -> i64 {
        2
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        let uniform = draw.uniform(&[3, n], Kind::Double);
        let sign = draw.signs(&[n], Kind::Double) / SCALE;
        let noise = draw.normal(&[2, n], Kind::Double) * STD;
        let angle = uniform.select(0, 0).sqrt() * LARGEST_ANGLE;
        let x = (uniform.select(0, 1) * SHIFT - angle.cos() * &angle) * &sign + noise.select(0, 0);
        let y = (uniform.select(0, 2) * SHIFT + angle.sin() * &angle) * &sign + noise.select(0, 1);
        points(&x, &y, kind)
    }
}
