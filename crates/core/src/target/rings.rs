//! Concentric rings.

use std::f64::consts::TAU;

use tch::{Kind, Tensor};

use super::points;
use crate::density::{Density, Sampler};
use crate::error::Result;
use crate::rng::Draw;
use crate::shape::check_states;

/// The rings' radii, equally likely.
const RADII: [f64; 4] = [0.75, 1.5, 2.25, 3.0];
/// The standard deviation of the radius around a ring's.
const STD: f64 = 0.1;

/// Four rings: a uniform angle, and a radius from N(R, 0.1²) truncated to r > 0, with R one of 0.75, 1.5,
/// 2.25 and 3. The density is `f(r) / (2πr)` with f the radius' own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rings;

impl Sampler for Rings {
    fn dim(&self) -> i64 {
        2
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        let ring = draw.integers(n, RADII.len() as i64);
        let uniform = draw.uniform(&[2, n], Kind::Double);
        let radii = Tensor::from_slice(&RADII).index_select(0, &ring);
        // The truncated law by its inverse distribution function.
        let below = (&radii / -STD).special_ndtr();
        let level: Tensor = &below + (1.0 - &below) * uniform.select(0, 0);
        let r = radii + level.special_ndtri() * STD;
        let angle = uniform.select(0, 1) * TAU;
        points(&(&r * angle.cos()), &(&r * angle.sin()), kind)
    }
}

impl Density for Rings {
    fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        check_states("a log-density", x, self.dim())?;
        let r = x.square().sum_dim_intlist(1i64, true, x.kind()).sqrt();
        let radii = Tensor::from_slice(&RADII);
        let height = (RADII.len() as f64 * STD * TAU.sqrt()).ln();
        let log_heights = -(&radii / STD).special_ndtr().log() - height;
        let like = |values: &Tensor| values.to_kind(x.kind()).to_device(x.device());
        let radius_law = ((&r - like(&radii)) / STD).square() * -0.5 + like(&log_heights);
        Ok(radius_law.logsumexp(1i64, false) - (r * TAU).log().squeeze_dim(1))
    }
}
