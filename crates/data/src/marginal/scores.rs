//! Values of any kind by their normal scores.
//!
//! The law F of a column consists of missing values, atoms (values with a probability of their own, such as zeros or
//! the categories of a text) and a stretch of numbers. Laid side by side they divide the line into cells of matching
//! normal probability: the coordinate of a number is `Φ⁻¹(F(x))`, and that of an atom is anywhere in its cell. So
//! each column is standard normal by itself, whatever it holds, and the flow has to learn only how columns depend on
//! each other. The mixed density is
//!
//! `log p(x) = log ρ(z) + Σ_d [log p_d(x_d) − log φ(z_d)]`,
//!
//! where `p_d` is the column's own probability or density. For a number this is the change of variables. For an atom
//! it is the mean of the density over its cell if it is evaluated on all of the cell, and, on average over points of
//! the cell, a lower bound (Jensen).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::stretch::Stretch;
use super::{Cells, close, normal_mass};
use crate::error::{Error, Result};

/// A value with a probability of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Atom {
    /// The number, or the index of the category.
    pub value: f64,
    /// Its probability.
    pub share: f64,
}

/// A fitted law of missing values, atoms and numbers. Their probabilities sum to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Scores(Parts);

/// The parts of a law in their order on the line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    /// The probability that a value is missing.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(crate) missing: f64,
    /// Atoms below the stretch, increasing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) before: Vec<Atom>,
    /// The numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stretch: Option<Stretch>,
    /// Atoms above the stretch, increasing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) after: Vec<Atom>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_nothing(share: &f64) -> bool {
    *share == 0.0
}

/// What one stretch of the line's mass stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Value(f64),
    Numbers,
}

impl Scores {
    /// The probability that a value is missing.
    pub fn missing(&self) -> f64 {
        self.0.missing
    }

    /// The values with probabilities of their own, in their order on the line.
    pub fn atoms(&self) -> impl Iterator<Item = &Atom> {
        self.0.before.iter().chain(&self.0.after)
    }

    /// The law of the numbers that are not atoms.
    pub fn stretch(&self) -> Option<&Stretch> {
        self.0.stretch.as_ref()
    }

    /// As [`super::Marginal::agrees_with`].
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let atoms = |a: &[Atom], b: &[Atom]| {
            let same = |(a, b): (&Atom, &Atom)| close(a.value, b.value) && close(a.share, b.share);
            a.len() == b.len() && a.iter().zip(b).all(same)
        };
        let stretches = match (&self.0.stretch, &other.0.stretch) {
            (Some(a), Some(b)) => {
                let same = a.bounds == b.bounds && a.quantum == b.quantum && close(a.share, b.share);
                same && a.spline.agrees_with(&b.spline)
            }
            (a, b) => a.is_none() && b.is_none(),
        };
        close(self.0.missing, other.0.missing)
            && atoms(&self.0.before, &other.0.before)
            && atoms(&self.0.after, &other.0.after)
            && stretches
    }

    /// Whether it is a law of numbers with a density alone.
    pub(crate) fn is_smooth(&self) -> bool {
        self.0.missing == 0.0
            && self.atoms().next().is_none()
            && self.stretch().is_some_and(|stretch| stretch.quantum.is_none())
    }

    /// The parts of the line with their shares.
    fn parts(&self) -> Vec<(Part, f64)> {
        let missing = (self.0.missing > 0.0).then_some((Part::Value(f64::NAN), self.0.missing));
        let atom = |atom: &Atom| (Part::Value(atom.value), atom.share);
        let numbers = self.stretch().map(|stretch| (Part::Numbers, stretch.share));
        let before = missing.into_iter().chain(self.0.before.iter().map(atom));
        before.chain(numbers).chain(self.0.after.iter().map(atom)).collect()
    }

    /// Where `x`, `[N]` in double precision, lies. Many values are looked at block by block: what is computed on the way takes
    /// twenty times their memory.
    pub(crate) fn cells(&self, x: &Tensor) -> Cells {
        const BLOCK: i64 = 1 << 16;
        let blocks: Vec<Cells> = x.split(BLOCK, 0).iter().map(|x| self.cells_of(x)).collect();
        Cells::joined(blocks)
    }

    fn cells_of(&self, x: &Tensor) -> Cells {
        let parts = self.parts();
        let sums = Sums::of(&parts);
        let mut cells = match (self.stretch(), parts.iter().position(|(part, _)| *part == Part::Numbers)) {
            (Some(stretch), Some(index)) => numbers(stretch, x, sums.below[index], sums.above[index]),
            _ => nowhere(x),
        };
        let fixed = |(index, (part, share)): (usize, &(Part, f64))| match part {
            Part::Value(value) => Some(Fixed::new(*value, *share, (sums.below[index], sums.above[index]))),
            Part::Numbers => None,
        };
        let (missing, mut atoms): (Vec<Fixed>, Vec<Fixed>) =
            parts.iter().enumerate().filter_map(fixed).partition(|fixed| fixed.value.is_nan());
        atoms.sort_by(|a, b| a.value.total_cmp(&b.value));
        if !atoms.is_empty() {
            let values = column(&atoms, |atom| atom.value);
            let place = x.contiguous().bucketize(&values, false, false).clamp_max(atoms.len() as i64 - 1);
            let here = values.index_select(0, &place).eq_tensor(x);
            cells = cells.fixed(&here, |part| column(&atoms, part).index_select(0, &place));
        }
        if !missing.is_empty() {
            cells = cells.fixed(&x.isnan(), |part| column(&missing, part));
        }
        cells
    }

    /// The values of coordinates `z`, `[N]`, with NaN for missing ones.
    pub(super) fn values(&self, z: &Tensor) -> Tensor {
        let parts = self.parts();
        let sums = Sums::of(&parts);
        let edges: Vec<f64> = (1..parts.len()).map(|index| sums.edge(index)).collect();
        let place = if edges.is_empty() {
            z.zeros_like().to_kind(tch::Kind::Int64)
        } else {
            z.contiguous().bucketize(&Tensor::from_slice(&edges), false, true)
        };
        let fixed: Vec<f64> =
            parts.iter().map(|(part, _)| if let Part::Value(value) = part { *value } else { 0.0 }).collect();
        let values = Tensor::from_slice(&fixed).index_select(0, &place);
        match (self.stretch(), parts.iter().position(|(part, _)| *part == Part::Numbers)) {
            (Some(stretch), Some(index)) => {
                let (below, above) = (sums.below[index], sums.above[index]);
                let score =
                    if parts.len() == 1 { z.shallow_clone() } else { within(z, below, above, stretch.share) };
                stretch.numbers(&score).where_self(&place.eq(index as i64), &values)
            }
            _ => values,
        }
    }
}

/// Where a value with a probability of its own has its cell.
struct Fixed {
    value: f64,
    outside: f64,
    mass: f64,
    side: f64,
    log_weight: f64,
}

impl Fixed {
    /// Of the mass `share`, between those below and above.
    fn new(value: f64, share: f64, (below, above): (f64, f64)) -> Self {
        let from_below = below <= above;
        Self {
            value,
            outside: if from_below { below } else { above },
            mass: share,
            side: if from_below { 1.0 } else { -1.0 },
            log_weight: share.ln(),
        }
    }
}

/// A part of each, `[K]`.
fn column(fixed: &[Fixed], part: fn(&Fixed) -> f64) -> Tensor {
    Tensor::from_slice(&fixed.iter().map(part).collect::<Vec<_>>())
}

impl Cells {
    /// The same with other cells where `here`, `[N]`, holds: `of` makes `[N]` or one number of their parts.
    fn fixed(self, here: &Tensor, of: impl Fn(fn(&Fixed) -> f64) -> Tensor) -> Self {
        Self {
            point: self.point.masked_fill(here, 0.0),
            outside: of(|fixed| fixed.outside).where_self(here, &self.outside),
            mass: of(|fixed| fixed.mass).where_self(here, &self.mass),
            side: of(|fixed| fixed.side).where_self(here, &self.side),
            log_weight: of(|fixed| fixed.log_weight).where_self(here, &self.log_weight),
        }
    }
}

/// The masses below and above each part.
struct Sums {
    below: Vec<f64>,
    above: Vec<f64>,
}

impl Sums {
    fn of(parts: &[(Part, f64)]) -> Self {
        let running = |shares: &mut dyn Iterator<Item = f64>| {
            shares
                .scan(0.0, |sum, share| {
                    let before = *sum;
                    *sum += share;
                    Some(before)
                })
                .collect::<Vec<f64>>()
        };
        let below = running(&mut parts.iter().map(|(_, share)| *share));
        let mut above = running(&mut parts.iter().rev().map(|(_, share)| *share));
        above.reverse();
        Self { below, above }
    }

    /// The coordinate at which part `index` begins, from the side with less mass.
    fn edge(&self, index: usize) -> f64 {
        let (below, above) = (self.below[index], self.above[index - 1]);
        let score = |mass: f64| Tensor::from(mass).special_ndtri().double_value(&[]);
        if below <= above { score(below) } else { -score(above) }
    }
}

/// Where numbers lie, whose law begins with the mass `below` and ends before the mass `above`.
fn numbers(stretch: &Stretch, x: &Tensor, below: f64, above: f64) -> Cells {
    let place = stretch.place(x);
    let (below, above) = (&place.below * stretch.share + below, &place.above * stretch.share + above);
    let from_below = below.le_tensor(&above);
    let outside = below.where_self(&from_below, &above);
    let side = from_below.to_kind(tch::Kind::Double) * 2.0 - 1.0;
    let alone = stretch.share >= 1.0;
    let point =
        if alone { place.score.shallow_clone() } else { &side * outside.clamp_min(1e-300).special_ndtri() };
    let impossible = place.log_density.isneginf();
    Cells {
        point: point.masked_fill(&impossible, 0.0),
        outside,
        mass: (&place.mass * stretch.share).masked_fill(&impossible, 0.0),
        side,
        log_weight: place.log_density + stretch.share.ln(),
    }
}

/// What is none of a law's values.
fn nowhere(x: &Tensor) -> Cells {
    let zeros = || x.zeros_like();
    Cells {
        point: zeros(),
        outside: zeros(),
        mass: zeros(),
        side: x.ones_like(),
        log_weight: x.full_like(f64::NEG_INFINITY),
    }
}

/// The scores within a stretch of coordinates `z`.
fn within(z: &Tensor, below: f64, above: f64, share: f64) -> Tensor {
    let part =
        |mass: Tensor, outside: f64| ((mass - outside) / share).clamp(1e-300, 1.0 - 1e-16).special_ndtri();
    let from_below = part(normal_mass(z), below);
    let from_above = -part(normal_mass(&-z), above);
    from_below.where_self(&z.lt(0.0), &from_above)
}

impl TryFrom<Parts> for Scores {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self> {
        let scores = Self(parts);
        let shares: Vec<f64> = scores.parts().iter().map(|(_, share)| *share).collect();
        let finite = scores.atoms().all(|atom| atom.value.is_finite());
        let quantum = scores.stretch().and_then(|stretch| stretch.quantum);
        if shares.is_empty()
            || !shares.iter().all(|share| *share > 0.0)
            || (shares.iter().sum::<f64>() - 1.0).abs() > 1e-6
            || !finite
            || quantum.is_some_and(|quantum| !(quantum > 0.0 && quantum.is_finite()))
        {
            let problem = format!("a marginal law needs positive shares that sum up to 1, found: {shares:?}");
            return Err(Error::Rows { problem });
        }
        Ok(scores)
    }
}

impl From<Scores> for Parts {
    fn from(scores: Scores) -> Self {
        scores.0
    }
}
