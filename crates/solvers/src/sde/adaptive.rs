//! Steps of the stochastic equation by their errors, for every sample its own.
//!
//! A step is an interval of the sample's Brownian tree. One that is rejected is halved: the path is a function of
//! time, so what was seen of it stays as it was, and the law is not bent towards small errors. Since the tree offers
//! lengths 2⁻ᵏ only, the length is chosen by the error of the last step alone; a controller that remembers more
//! would be rounded away.

use tch::{Device, Kind, Tensor};

use super::equation::{Equation, Step};
use crate::brownian::{BrownianPath, Increment, Walk};
use crate::controller::Controller;
use crate::{Error, Result, Scheme};

/// Marks of the Brownian trees: times are resolved to 2⁻²⁸ of the interval.
const LEVEL: u32 = 28;
/// The longest step, an eighth of the interval: where a first step is blind, it is not blind for long.
const LONGEST: u64 = 1 << (LEVEL - 3);
/// The steps that one sample may try.
const MOST_TRIES: u32 = 1_000_000;
/// The share of the allowed error that is aimed at, and the order of a step's estimate, `h^{3/2}`.
const SAFETY: f64 = 0.9;
const ORDER: f64 = 1.5;

/// A walk of all samples, each at its own time.
struct Samples<'a> {
    equation: &'a Equation<'a>,
    scheme: Scheme,
    controller: Controller,
    times: [f64; 2],
    walks: Vec<Walk>,
    /// The longest step that a sample tries next.
    longest: Vec<u64>,
    x: Tensor,
}

/// How many steps were taken, over all samples.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) rejected: u64,
}

/// Carries points `x`, `[B, D]`, over `times` with an error of `tolerance` a step, relative and absolute.
pub(super) fn solve(
    equation: &Equation<'_>,
    (scheme, tolerance): (Scheme, f64),
    path: &BrownianPath,
    x: &Tensor,
    times: [f64; 2],
) -> Result<(Tensor, Counts)> {
    let n = x.size()[0];
    let mut samples = Samples {
        equation,
        scheme,
        controller: Controller::new(tolerance, tolerance, 1),
        times,
        walks: path.walks(n, equation.sde.velocity.dim(), LEVEL),
        longest: vec![LONGEST; n as usize],
        x: x.copy(),
    };
    let mut counts = Counts::default();
    for _ in 0..MOST_TRIES {
        if !samples.advance(&mut counts)? {
            return Ok((samples.x, counts));
        }
    }
    let (time, unfinished) = samples.slowest();
    Err(Error::StepLimit { time, max_steps: MOST_TRIES, unfinished })
}

impl Samples<'_> {
    /// One try of every sample that has not arrived; whether there was any.
    fn advance(&mut self, counts: &mut Counts) -> Result<bool> {
        let end = 1 << LEVEL;
        let (mut rows, mut places, mut w, mut area) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (row, walk) in self.walks.iter_mut().enumerate() {
            if let Some(node) = walk.next_within(self.longest[row], end) {
                rows.push(row as i64);
                places.push([node.start, node.start + node.length]);
                w.extend_from_slice(&node.w);
                area.extend_from_slice(&node.area);
            }
        }
        if rows.is_empty() {
            return Ok(false);
        }
        let index = Tensor::from_slice(&rows).to_device(self.x.device());
        let before = self.x.index_select(0, &index);
        let noise = self.scaled(&Increment::from_rows(&w, &area, self.x.size()[1]));
        let at = |which: usize| {
            Tensor::from_slice(&places.iter().map(|place| self.time(place[which])).collect::<Vec<f64>>())
        };
        let step = Step { from: at(0), to: at(1), noise: Some(&noise) };
        let stepped = self.equation.step(self.scheme.tableau(), &before, &step)?;
        let errors = self.controller.norm(&stepped.error, &before, &stepped.x);
        let accepted = errors.le(1.0).unsqueeze(1);
        let after = stepped.x.where_self(&accepted, &before);
        let _ = self.x.index_copy_(0, &index, &after);
        let errors = errors.to_kind(Kind::Double).to_device(Device::Cpu);
        for (i, (row, place)) in rows.into_iter().zip(places).enumerate() {
            self.decide(row as usize, place, errors.double_value(&[i as i64]), counts)?;
        }
        Ok(true)
    }

    /// Takes a sample's step or not, and says how long the next one may be.
    fn decide(&mut self, row: usize, place: [u64; 2], error: f64, counts: &mut Counts) -> Result<()> {
        let length = place[1] - place[0];
        let wanted = length as f64 * SAFETY * error.max(1e-12).powf(-1.0 / ORDER);
        let taken = error <= 1.0;
        let most = if taken { LONGEST } else { length / 2 };
        let longest = (wanted.min(most as f64) as u64).checked_ilog2().map(|level| 1 << level);
        if taken {
            let _ = self.walks[row].pass();
            counts.accepted += 1;
        } else {
            counts.rejected += 1;
        }
        let Some(longest) = longest else {
            let Counts { accepted, rejected } = *counts;
            return Err(Error::StepTooSmall { time: self.time(place[0]), accepted, rejected });
        };
        self.longest[row] = longest;
        Ok(())
    }

    /// The time of a mark.
    fn time(&self, mark: u64) -> f64 {
        let [from, to] = self.times;
        let place = mark as f64 / (1u64 << LEVEL) as f64;
        if place < 1.0 { from + (to - from) * place } else { to }
    }

    /// A path's numbers on the interval of times instead of [0, 1].
    fn scaled(&self, noise: &Increment) -> Increment {
        let root = (self.times[1] - self.times[0]).abs().sqrt();
        let like = |noise: &Tensor| (noise * root).to_kind(self.x.kind()).to_device(self.x.device());
        Increment { w: like(&noise.w), area: like(&noise.area) }
    }

    /// The time of the sample that has come least far, and how many have not arrived.
    fn slowest(&mut self) -> (f64, i64) {
        let end = 1 << LEVEL;
        let starts =
            self.walks.iter_mut().filter_map(|walk| walk.next_within(u64::MAX, end).map(|n| n.start));
        let starts: Vec<u64> = starts.collect();
        (self.time(starts.iter().copied().min().unwrap_or(0)), starts.len() as i64)
    }
}
