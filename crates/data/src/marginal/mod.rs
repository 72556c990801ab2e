//! How the values of one column become a coordinate of a flow.
//!
//! A flow starts from independent standard normal numbers, so a column is easiest if its coordinate is standard
//! normal already. Either its numbers are only brought to mean 0 and deviation 1 ([`Affine`]), or they become their
//! normal scores under a law that was fitted to them ([`Scores`]), whatever they are: numbers on a part of the line
//! or on a lattice, values with a probability of their own, categories, missing values.

mod affine;
pub(crate) mod lattice;
mod scores;
mod spline;
mod stretch;
mod support;

use tch::Tensor;

pub use self::affine::Affine;
pub(crate) use self::scores::Parts;
pub use self::scores::{Atom, Scores};
pub use self::spline::Spline;
pub use self::stretch::Stretch;
pub use self::support::Bounds;

/// The map between the values of a column and a coordinate of a flow.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Marginal {
    /// By mean and standard deviation.
    Affine(Affine),
    /// By the normal scores under a fitted law.
    Scores(Scores),
}

/// Where values lie on a flow's coordinate, all `[N]` in double precision: at a point, or anywhere in a cell.
pub(crate) struct Cells {
    /// The point, where it is one; 0 where it is a cell.
    pub(crate) point: Tensor,
    /// The normal mass on the cell's outer side, and that of the cell itself: 0 for points.
    pub(crate) outside: Tensor,
    pub(crate) mass: Tensor,
    /// 1 where the outer side is below the cell, −1 where it is above.
    pub(crate) side: Tensor,
    /// The logarithm of the value's own probability (of a value among many) or density (of a number), in nats; −∞ for what
    /// cannot be.
    pub(crate) log_weight: Tensor,
}

/// Coordinates, and what their log-density misses to be that of the values.
pub(crate) struct Coordinates {
    /// `[N]`
    pub(crate) z: Tensor,
    /// In nats, `[N]`.
    pub(crate) log_jacobian: Tensor,
}

impl Cells {
    /// Those of all blocks, one after the other.
    fn joined(mut blocks: Vec<Self>) -> Self {
        if blocks.len() == 1 {
            return blocks.remove(0);
        }
        let joined =
            |part: fn(&Self) -> &Tensor| Tensor::cat(&blocks.iter().map(part).collect::<Vec<_>>(), 0);
        Self {
            point: joined(|cells| &cells.point),
            outside: joined(|cells| &cells.outside),
            mass: joined(|cells| &cells.mass),
            side: joined(|cells| &cells.side),
            log_weight: joined(|cells| &cells.log_weight),
        }
    }

    /// The coordinates at the place `share` of each cell, `[N]` in (0, 1), by the mass.
    pub(crate) fn at(&self, share: &Tensor) -> Tensor {
        let within = &self.side * (&self.outside + share * &self.mass).special_ndtri();
        self.point.where_self(&self.mass.le(0.0), &within)
    }

    /// The same with the logarithm of weight over normal density, `log p(x) − log φ(z)`.
    pub(crate) fn coordinates(&self, share: &Tensor) -> Coordinates {
        let z = self.at(share);
        let log_jacobian = &self.log_weight - log_normal(&z);
        Coordinates { z, log_jacobian }
    }
}

impl Marginal {
    /// The coordinates of `x`, `[N]` in double precision with NaN for what is missing; a value that is a cell of them stands at
    /// the place `share`, `[N]` in (0, 1), of it.
    pub(crate) fn coordinates(&self, x: &Tensor, share: &Tensor) -> Coordinates {
        match self {
            Self::Affine(affine) => affine.coordinates(x, share),
            Self::Scores(scores) => scores.cells(x).coordinates(share),
        }
    }

    /// Where `x`, `[N]` in double precision, lies on the coordinate.
    pub(crate) fn cells(&self, x: &Tensor) -> Cells {
        match self {
            Self::Scores(scores) => scores.cells(x),
            Self::Affine(affine) => {
                // A quantum's noise is no normal mass: such columns are noisy by themselves.
                let Coordinates { z, log_jacobian } = affine.coordinates(x, &x.full_like(0.5));
                let log_weight = log_jacobian + log_normal(&z);
                Cells {
                    outside: z.zeros_like(),
                    mass: z.zeros_like(),
                    side: z.ones_like(),
                    point: z,
                    log_weight,
                }
            }
        }
    }

    /// The values that coordinates `z`, `[N]`, stand for.
    pub(crate) fn values(&self, z: &Tensor) -> Tensor {
        match self {
            Self::Affine(affine) => affine.values(z),
            Self::Scores(scores) => scores.values(z),
        }
    }

    /// Whether `other` is the same map, up to the rounding of sums and of functions that machines compute differently.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scores(a), Self::Scores(b)) => a.agrees_with(b),
            (a, b) => a == b,
        }
    }

    /// The distance between neighbouring values, if they lie on a lattice.
    pub fn quantum(&self) -> Option<f64> {
        match self {
            Self::Affine(affine) => affine.quantum,
            Self::Scores(scores) => scores.stretch().and_then(|stretch| stretch.quantum),
        }
    }

    /// Whether values may be missing.
    pub fn may_miss(&self) -> bool {
        matches!(self, Self::Scores(scores) if scores.missing() > 0.0)
    }

    /// Whether a value is a cell of the coordinate (an interval) instead of a point.
    pub fn is_discrete(&self) -> bool {
        match self {
            Self::Affine(affine) => affine.quantum.is_some(),
            Self::Scores(scores) => !scores.is_smooth(),
        }
    }
}

/// `log φ(z)` in nats.
pub(crate) fn log_normal(z: &Tensor) -> Tensor {
    z.square() * -0.5 - 0.5 * std::f64::consts::TAU.ln()
}

/// Whether numbers are the same up to rounding.
pub(crate) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * (a.abs() + b.abs()) || a.to_bits() == b.to_bits()
}

/// Φ(z), exact to rounding in both tails: libtorch's own `ndtr` is 0 from −8.3 on.
pub(crate) fn normal_mass(z: &Tensor) -> Tensor {
    (z * -std::f64::consts::FRAC_1_SQRT_2).erfc() * 0.5
}
