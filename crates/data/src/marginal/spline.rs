//! A smooth increasing map of the line onto itself through given points.
//!
//! Between knots it is a quotient of two quadratics (Gregory and Delbourgo, 1982), which increases if the knots do,
//! has a continuous derivative, and is inverted by the root of a quadratic. Beyond the first and the last knot it is
//! a straight line.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Error, Result};

/// An increasing map z = S(y) through knots, with a continuous derivative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Knots", into = "Knots")]
pub struct Spline {
    y: Vec<f64>,
    z: Vec<f64>,
    /// The derivative at each knot.
    slope: Vec<f64>,
}

/// The knots of a [`Spline`], as a file has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Knots {
    y: Vec<f64>,
    z: Vec<f64>,
}

/// A value of the map with its derivative, both `[N]`.
pub(super) struct Image {
    pub(super) value: Tensor,
    pub(super) derivative: Tensor,
}

/// What a map needs to know of the interval that each point lies in, all `[N]`.
struct Interval {
    y: Tensor,
    z: Tensor,
    width: Tensor,
    height: Tensor,
    /// The derivatives at its ends.
    slopes: (Tensor, Tensor),
}

impl Spline {
    /// The map through the points (y, z).
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are at least two, finite and increasing in both numbers.
    pub fn through(y: Vec<f64>, z: Vec<f64>) -> Result<Self> {
        let rises = |numbers: &[f64]| {
            numbers.windows(2).all(|pair| pair[0] < pair[1] && (pair[1] - pair[0]).is_finite())
        };
        if y.len() < 2 || y.len() != z.len() || !rises(&y) || !rises(&z) {
            let problem =
                format!("a marginal law needs two or more increasing knots, found: {y:?} and {z:?}");
            return Err(Error::Rows { problem });
        }
        let slope = slopes(&y, &z);
        if !slope.iter().all(|slope| slope.is_finite() && *slope > 0.0) {
            let problem =
                format!("the knots of a marginal law are too close to each other, found: {y:?} and {z:?}");
            return Err(Error::Rows { problem });
        }
        Ok(Self { y, z, slope })
    }

    /// The number of knots.
    pub fn n_knots(&self) -> usize {
        self.y.len()
    }

    /// Whether `other` has the same knots, up to rounding.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        // A knot at 0 is as exact as its neighbours.
        let same = |a: &[f64], b: &[f64]| {
            let reach = a.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * reach)
        };
        same(&self.y, &other.y) && same(&self.z, &other.z)
    }

    /// S(y) and S′(y).
    pub(super) fn image(&self, y: &Tensor) -> Image {
        let last = self.y.len() - 1;
        let at = self.interval(&self.y, y);
        let theta = ((y - &at.y) / &at.width).clamp(0.0, 1.0);
        let rest = theta.neg() + 1.0;
        let secant = &at.height / &at.width;
        let product = &theta * &rest;
        let bend = &at.slopes.0 + &at.slopes.1 - &secant * 2.0;
        let below = &secant + &bend * &product;
        let value = &at.z + &at.height * (&secant * theta.square() + &at.slopes.0 * &product) / &below;
        let rise = &at.slopes.1 * theta.square() + &secant * &product * 2.0 + &at.slopes.0 * rest.square();
        let derivative = secant.square() * rise / below.square();
        let (first, end) = (y.lt(self.y[0]), y.gt(self.y[last]));
        let line = |knot: usize| (y - self.y[knot]) * self.slope[knot] + self.z[knot];
        Image {
            value: line(0).where_self(&first, &line(last).where_self(&end, &value)),
            derivative: derivative.masked_fill(&first, self.slope[0]).masked_fill(&end, self.slope[last]),
        }
    }

    /// The y with S(y) = z.
    pub(super) fn inverse(&self, z: &Tensor) -> Tensor {
        let last = self.y.len() - 1;
        let at = self.interval(&self.z, z);
        let secant = &at.height / &at.width;
        let up = (z - &at.z).maximum(&Tensor::zeros_like(z)).minimum(&at.height);
        let bend = &at.slopes.0 + &at.slopes.1 - &secant * 2.0;
        // a θ² + b θ + c = 0, by the form of the root that does not cancel.
        let a = &at.height * (&secant - &at.slopes.0) + &up * &bend;
        let b = &at.height * &at.slopes.0 - &up * &bend;
        let c = -(&secant * &up);
        let root = (b.square() - a * &c * 4.0).clamp_min(0.0).sqrt();
        let theta = (c * -2.0 / (b + root)).clamp(0.0, 1.0);
        let inside = &at.y + theta * &at.width;
        let (first, end) = (z.lt(self.z[0]), z.gt(self.z[last]));
        let line = |knot: usize| (z - self.z[knot]) / self.slope[knot] + self.y[knot];
        line(0).where_self(&first, &line(last).where_self(&end, &inside))
    }

    /// The intervals of `knots` that `points`, `[N]`, lie in; the nearest for those beyond all.
    fn interval(&self, knots: &[f64], points: &Tensor) -> Interval {
        let n = knots.len() as i64;
        let index =
            points.contiguous().bucketize(&Tensor::from_slice(knots), false, true).clamp(1, n - 1) - 1;
        let numbers = |values: &[f64]| Tensor::from_slice(values);
        let (y, z, slope) = (numbers(&self.y), numbers(&self.z), numbers(&self.slope));
        let next = &index + 1;
        let at = |values: &Tensor, index: &Tensor| values.index_select(0, index);
        Interval {
            width: at(&y, &next) - at(&y, &index),
            height: at(&z, &next) - at(&z, &index),
            slopes: (at(&slope, &index), at(&slope, &next)),
            y: at(&y, &index),
            z: at(&z, &index),
        }
    }
}

/// The derivative at each knot: the harmonic mean of the slopes on its two sides, weighted by the far widths (Fritsch and
/// Butland, 1984); at the ends the slope of the only side.
fn slopes(y: &[f64], z: &[f64]) -> Vec<f64> {
    let width: Vec<f64> = y.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let secant: Vec<f64> =
        z.windows(2).zip(&width).map(|(pair, width)| (pair[1] - pair[0]) / width).collect();
    let inner = (1..secant.len()).map(|i| {
        let (before, after) = (width[i] + width[i - 1] / 2.0, width[i - 1] + width[i] / 2.0);
        (before + after) / (before / secant[i - 1] + after / secant[i])
    });
    let (first, last) = (secant[0], secant[secant.len() - 1]);
    std::iter::once(first).chain(inner).chain([last]).collect()
}

impl TryFrom<Knots> for Spline {
    type Error = Error;

    fn try_from(Knots { y, z }: Knots) -> Result<Self> {
        Self::through(y, z)
    }
}

impl From<Spline> for Knots {
    fn from(spline: Spline) -> Self {
        Self { y: spline.y, z: spline.z }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vec(x: &Tensor) -> Vec<f64> {
        Vec::try_from(x).unwrap()
    }

    fn spline(steps: &[(f64, f64)]) -> Spline {
        let (mut y, mut z) = (vec![-1.0], vec![0.5]);
        for (dy, dz) in steps {
            y.push(y[y.len() - 1] + dy);
            z.push(z[z.len() - 1] + dz);
        }
        Spline::through(y, z).unwrap()
    }

    proptest! {
        #[test]
        fn it_rises_through_its_knots_smoothly_and_is_undone(
            steps in prop::collection::vec((0.05..3.0f64, 0.05..3.0f64), 1..8),
        ) {
            let spline = spline(&steps);
            let at_knots = spline.image(&Tensor::from_slice(&spline.y));
            for (value, z) in vec(&at_knots.value).iter().zip(&spline.z) {
                prop_assert!((value - z).abs() < 1e-12);
            }
            let y = Tensor::linspace(-4.0, 30.0, 999, (tch::Kind::Double, tch::Device::Cpu));
            let image = spline.image(&y);
            let back = vec(&spline.inverse(&image.value));
            for (y, back) in vec(&y).iter().zip(back) {
                prop_assert!((y - back).abs() < 1e-8 * (1.0 + y.abs()), "{y} {back}");
            }
            let h = 1e-6;
            let slope = (spline.image(&(&y + h)).value - spline.image(&(&y - h)).value) / (2.0 * h);
            for (slope, derivative) in vec(&slope).iter().zip(vec(&image.derivative)) {
                prop_assert!(derivative > 0.0 && (slope / derivative - 1.0).abs() < 2e-3, "{slope} {derivative}");
            }
        }
    }

    #[test]
    fn two_knots_are_a_line_and_no_rise_is_refused() {
        let line = Spline::through(vec![1.0, 3.0], vec![-1.0, 1.0]).unwrap();
        let y = Tensor::from_slice(&[-5.0, 1.5, 40.0]);
        assert_eq!(vec(&line.image(&y).value), [-7.0, -0.5, 38.0]);
        assert_eq!(vec(&line.image(&y).derivative), [1.0; 3]);
        for (y, z) in [
            (vec![0.0], vec![0.0]),
            (vec![0.0, 0.0], vec![0.0, 1.0]),
            (vec![0.0, f64::INFINITY], vec![0.0, 1.0]),
        ] {
            assert!(Spline::through(y, z).is_err());
        }
    }
}
