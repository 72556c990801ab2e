//! A law of numbers on a part of the line.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::lattice::{cell, counts, multiple};
use super::spline::Spline;
use super::support::Bounds;
use super::{log_normal, normal_mass};

/// A law of numbers on a part of the line, or on the lattice of multiples of a quantum in it. The normal score
/// `Φ⁻¹(F(x))` is a smooth increasing function of the number, or of the logarithm of its distance from a bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// The probability that a value is one of these numbers.
    pub share: f64,
    /// The part of the line. For a lattice it ends with the upper end of the last cell, so the last value is one
    /// quantum below it.
    #[serde(default, skip_serializing_if = "Bounds::is_open")]
    pub bounds: Bounds,
    /// The distance between neighbouring values, if they lie on a lattice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantum: Option<f64>,
    /// The map from the number or its logarithm to the normal score.
    pub spline: Spline,
}

/// Where numbers lie within their own law, all `[N]`.
pub(super) struct Place {
    /// The normal score; of a lattice the middle of its cell.
    pub(super) score: Tensor,
    /// The masses below and above, and that of the cell, 0 for a point.
    pub(super) below: Tensor,
    pub(super) above: Tensor,
    pub(super) mass: Tensor,
    /// The logarithm of the density per unit, −∞ for what cannot be.
    pub(super) log_density: Tensor,
}

/// A cell that is narrower on the scores' line has the density of its middle.
const NARROW: f64 = 1e-3;

impl Stretch {
    /// Scores beyond have no mass that a number could tell.
    pub(crate) const FARTHEST: f64 = 37.0;

    /// Where `x`, `[N]`, lies.
    pub(super) fn place(&self, x: &Tensor) -> Place {
        match self.quantum {
            None => self.point(x),
            Some(quantum) => self.lattice(x, quantum),
        }
    }

    /// The log-density of numbers, `[N]`, by themselves, in nats.
    pub(crate) fn log_density(&self, x: &Tensor) -> Tensor {
        self.place(x).log_density
    }

    /// The normal scores of numbers, `[N]`, by themselves, of a lattice those of the middles of their cells; 0 beyond the
    /// bounds.
    pub(crate) fn scores(&self, x: &Tensor) -> Tensor {
        self.score(&(x + 0.5 * self.quantum.unwrap_or(0.0))).0
    }

    fn point(&self, x: &Tensor) -> Place {
        let (score, log_slope, held) = self.score(x);
        let far = score.clamp(-Self::FARTHEST, Self::FARTHEST);
        let log_density =
            (log_normal(&score) + log_slope).masked_fill(&held.logical_not(), f64::NEG_INFINITY);
        Place {
            below: normal_mass(&far),
            above: normal_mass(&-&far),
            mass: far.zeros_like(),
            score,
            log_density,
        }
    }

    fn lattice(&self, x: &Tensor, quantum: f64) -> Place {
        let n = counts(x, quantum);
        let first = n.floor();
        // Not of infinity, which has no cell.
        let on = (n - &first).eq(0.0);
        let (middle, log_slope, held) = self.score(&multiple(&first + 0.5, quantum));
        let end = |n: &Tensor| self.end(&multiple(n, quantum));
        let (from, to) = (end(&first), end(&(&first + 1.0)));
        let wide = &to - &from;
        let differences = {
            let of_lower_side = normal_mass(&to) - normal_mass(&from);
            let of_upper_side = normal_mass(&-&from) - normal_mass(&-&to);
            of_lower_side.where_self(&middle.lt(0.0), &of_upper_side)
        };
        let by_density = (log_normal(&middle) + &log_slope).exp() * quantum;
        let mass = by_density.where_self(&wide.lt(NARROW), &differences);
        // Far out there is no mass that a number could tell, but a density.
        let by_middle = wide.lt(NARROW).logical_or(&mass.le(0.0));
        let log_density =
            (log_normal(&middle) + log_slope).where_self(&by_middle, &(mass.log() - quantum.ln()));
        let held = held.logical_and(&on);
        Place {
            below: normal_mass(&from),
            above: normal_mass(&-&to),
            log_density: log_density.masked_fill(&held.logical_not(), f64::NEG_INFINITY),
            mass,
            score: middle.clamp(-Self::FARTHEST, Self::FARTHEST),
        }
    }

    /// The scores of numbers with the logarithm of their derivative, and whether the bounds hold the numbers; 0 where not.
    fn score(&self, x: &Tensor) -> (Tensor, Tensor, Tensor) {
        let held = self.bounds.hold(x);
        let stretched = self.bounds.stretch(x);
        let image = self.spline.image(&stretched.y);
        let outside = held.logical_not();
        let log_slope = (image.derivative.log() + stretched.log_derivative).masked_fill(&outside, 0.0);
        (image.value.masked_fill(&outside, 0.0), log_slope, held)
    }

    /// The score of an end of a cell, which may be a bound.
    fn end(&self, x: &Tensor) -> Tensor {
        let mut score = self.score(x).0.clamp(-Self::FARTHEST, Self::FARTHEST);
        if let Some(lower) = self.bounds.lower {
            score = score.masked_fill(&x.le(lower), -Self::FARTHEST);
        }
        if let Some(upper) = self.bounds.upper {
            score = score.masked_fill(&x.ge(upper), Self::FARTHEST);
        }
        score
    }

    /// The numbers with these scores, `[N]`.
    pub(super) fn numbers(&self, score: &Tensor) -> Tensor {
        let x = self.bounds.shrink(&self.spline.inverse(score));
        let Some(quantum) = self.quantum else { return self.between(&x, 0.0) };
        // The last cell's lower end may be off the lattice by rounding before it is a multiple again.
        cell(&self.between(&x, quantum), quantum)
    }

    /// Numbers that rounding must not carry over a bound.
    fn between(&self, x: &Tensor, quantum: f64) -> Tensor {
        let x = self.bounds.lower.map_or_else(|| x.shallow_clone(), |lower| x.clamp_min(lower));
        self.bounds.upper.map_or_else(|| x.shallow_clone(), |upper| x.clamp_max(upper - quantum))
    }
}
