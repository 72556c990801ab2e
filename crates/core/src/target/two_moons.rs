//! Two interleaved half circles, blurred.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use tch::{Kind, Tensor};

use super::points;
use crate::density::{Density, Sampler};
use crate::error::Result;
use crate::rng::Draw;
use crate::shape::check_states;

/// The half circles' radius.
const RADIUS: f64 = 2.0;
/// The standard deviation of the noise on each coordinate.
const STD: f64 = 0.2;
/// The centre of the upper half circle; the lower one's is (1, 0.8).
const CENTRE: [f64; 2] = [-1.0, -0.2];
/// Where the lower half circle lies: a point p of the upper one, relative to its centre, becomes this − p.
const LOWER_CENTRE: [f64; 2] = [1.0, 0.8];
/// Quadrature nodes on each arc: the integrand's width, at least 0.04 rad in the window, is resolved to
/// rounding error.
const NODES: usize = 160;
/// Points whose density is computed at once, a bound on memory.
const CHUNK: i64 = 8192;

/// Points uniform on two half circles of radius 2 plus N(0, 0.2² I): scikit-learn's moons with noise 0.1,
/// scaled by 2 and moved by (−1, −0.2) as in Grathwohl et al., *FFJORD* (2019).
///
/// The density is an average of Gaussians over the angle, computed by Gauss–Legendre quadrature.
#[derive(Debug, Clone)]
pub struct TwoMoons {
    /// Angles in [0, π] and the logarithms of their weights, which sum to one.
    nodes: Vec<(f64, f64)>,
}

impl TwoMoons {
    /// The law, with its quadrature computed.
    pub fn new() -> Self {
        let nodes = gauss_legendre(NODES)
            .into_iter()
            .map(|(node, weight)| (FRAC_PI_2 * (1.0 + node), (weight / 2.0).ln()))
            .collect();
        Self { nodes }
    }
}

impl Default for TwoMoons {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampler for TwoMoons {
    fn dim(&self) -> i64 {
        2
    }

    fn sample(&self, n: i64, draw: &mut Draw, kind: Kind) -> Tensor {
        let angle = draw.uniform(&[n], Kind::Double) * PI;
        let lower = draw.integers(n, 2).to_kind(Kind::Double);
        let noise = draw.normal(&[2, n], Kind::Double) * STD;
        let sign = 1.0 - &lower * 2.0;
        let coordinate = |axis: usize, arc: Tensor| {
            let centre = &lower * (LOWER_CENTRE[axis] - CENTRE[axis]) + CENTRE[axis];
            centre + arc * RADIUS * &sign + noise.select(0, axis as i64)
        };
        points(&coordinate(0, angle.cos()), &coordinate(1, angle.sin()), kind)
    }
}

impl Density for TwoMoons {
    fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        check_states("a log-density", x, self.dim())?;
        let mut centres = Vec::with_capacity(4 * self.nodes.len());
        let mut log_weights = Vec::with_capacity(2 * self.nodes.len());
        for &(angle, log_weight) in &self.nodes {
            let (sin, cos) = angle.sin_cos();
            centres.extend([CENTRE[0] + RADIUS * cos, CENTRE[1] + RADIUS * sin]);
            centres.extend([LOWER_CENTRE[0] - RADIUS * cos, LOWER_CENTRE[1] - RADIUS * sin]);
            log_weights.extend([log_weight - (2.0 * TAU * STD * STD).ln(); 2]);
        }
        let like = |values: &[f64]| Tensor::from_slice(values).to_kind(x.kind()).to_device(x.device());
        let (centres, log_weights) = (like(&centres).view([-1, 2]), like(&log_weights));
        let chunks: Vec<Tensor> = x
            .split(CHUNK, 0)
            .iter()
            .map(|x| {
                let squares = (x.unsqueeze(1) - &centres).square().sum_dim_intlist(2i64, false, x.kind());
                (squares * (-0.5 / (STD * STD)) + &log_weights).logsumexp(1i64, false)
            })
            .collect();
        Ok(Tensor::cat(&chunks, 0))
    }
}

/// The nodes and weights of the Gauss–Legendre rule with `n` nodes on [−1, 1].
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    (0..n)
        .map(|k| {
            let mut x = (PI * (k as f64 + 0.75) / (n as f64 + 0.5)).cos();
            for _ in 0..8 {
                let (value, slope) = legendre(n, x);
                x -= value / slope;
            }
            let slope = legendre(n, x).1;
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// The Legendre polynomial of degree `n` and its derivative at `x`.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut previous, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (previous, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * previous) / k);
    }
    (value, n as f64 * (x * value - previous) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::gauss_legendre;

    #[test]
    fn the_quadrature_integrates_polynomials() {
        let rule = gauss_legendre(7);
        for degree in 0..14 {
            let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(degree)).sum();
            let exact = if degree % 2 == 0 { 2.0 / f64::from(degree + 1) } else { 0.0 };
            assert!((sum - exact).abs() < 1e-14, "degree {degree}: {sum} instead of {exact}");
        }
    }
}
