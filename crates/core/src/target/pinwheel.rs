//! A pinwheel.

use std::f64::consts::TAU;

use tch::{Kind, Tensor};

use super::points;
use crate::density::Sampler;
use crate::rng::Draw;

/// How many arms there are.
const ARMS: i64 = 5;
/// The standard deviation along an arm, before scaling.
const RADIAL_STD: f64 = 0.3;
/// The standard deviation across an arm, before scaling.
const TANGENTIAL_STD: f64 = 0.1;
/// How much an arm bends.
const BEND: f64 = 0.25;
/// Multiplies the coordinates.
const SCALE: f64 = 2.0;

/// Five bent arms around the origin, as in Grathwohl et al., *FFJORD* (2019). Samples only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pinwheel;

impl Sampler for Pinwheel {
    fn dim(&self) -> i64 {
        2
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        let arm = draw.integers(n, ARMS).to_kind(Kind::Double) * (TAU / ARMS as f64);
        let z = draw.normal(&[2, n], Kind::Double);
        let along = z.select(0, 0) * RADIAL_STD + 1.0;
        let across = z.select(0, 1) * TANGENTIAL_STD;
        let angle = arm + along.exp() * BEND;
        let (sin, cos) = (angle.sin() * SCALE, angle.cos() * SCALE);
        points(&(&along * &cos + &across * &sin), &(across * cos - along * sin), kind)
    }
}
