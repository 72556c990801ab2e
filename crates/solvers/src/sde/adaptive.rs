//! Steps of the stochastic equation by their errors, for every row its own.
//!
//! A step is an interval of the row's Brownian tree. One that is rejected is halved: the path is a function of
//! time, so what was seen of it stays as it was, and the law is not bent towards small errors. Since the tree offers
//! lengths 2⁻ᵏ only, the length is chosen by the error of the last step alone; a controller that remembers more
//! would be rounded away.

use tch::{Device, Kind, Tensor};

use super::equation::{Equation, Step};
use crate::brownian::{BrownianPath, Increment, Walk};
use crate::controller::{Controller, PiController};
use crate::error::{Error, Result};
use crate::options::Failures;
use crate::scheme::SchemeTableau;
use crate::solution::StopReason;

/// Marks of the Brownian trees: times are resolved to 2⁻²⁸ of the interval.
const LEVEL: u32 = 28;
/// The longest step, an eighth of the interval: where a first step is blind, it is not blind for long.
const LONGEST: u64 = 1 << (LEVEL - 3);
/// The steps that one row may try.
const MOST_TRIES: u32 = 1_000_000;
/// The share of the allowed error that is aimed at, and the order of a step's estimate, `h^{3/2}`.
const SAFETY: f64 = 0.9;
const ORDER: f64 = 1.5;

/// A walk of all rows, each at its own time.
struct Rows<'a> {
    equation: &'a Equation<'a>,
    /// The equation of the rows that have not arrived, `[n]`, where they are not the whole batch.
    part: Option<(Vec<i64>, Equation<'a>)>,
    scheme: &'a SchemeTableau,
    controller: PiController,
    times: [f64; 2],
    walks: Vec<Walk>,
    /// The longest step that a row tries next.
    longest: Vec<u64>,
    run: Run,
}

/// Where rows have come and how many steps were taken, over all of them.
pub(super) struct Run {
    /// The points, `[B, D]`; NaN for rows that failed.
    pub(super) x: Tensor,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    /// Why the first row that failed did.
    pub(super) stop: StopReason,
}

/// The steps that rows try next.
#[derive(Default)]
struct Tries {
    /// The rows' numbers.
    rows: Vec<i64>,
    /// Where their steps start and end, in marks.
    places: Vec<[u64; 2]>,
    w: Vec<f64>,
    area: Vec<f64>,
}

/// Carries points `x`, `[B, D]`, over `times` with an error of `tolerance` a step, relative and absolute.
pub(super) fn solve(
    equation: &Equation<'_>,
    (scheme, tolerance): (&SchemeTableau, f64),
    path: &BrownianPath,
    x: &Tensor,
    times: [f64; 2],
) -> Result<Run> {
    let n = x.size()[0];
    let mut rows = Rows {
        equation,
        part: None,
        scheme,
        controller: PiController::new(tolerance, tolerance, 1),
        times,
        walks: path.walks(n, x.size()[1], LEVEL),
        longest: vec![LONGEST; n as usize],
        run: Run { x: x.copy(), accepted: 0, rejected: 0, stop: StopReason::ReachedEnd },
    };
    for _ in 0..MOST_TRIES {
        if !rows.advance()? {
            return Ok(rows.run);
        }
    }
    if equation.failures() == Failures::Keep {
        rows.fail_unfinished();
        return Ok(rows.run);
    }
    let unfinished = rows.tries();
    let starts = unfinished.places.iter().map(|place| place[0]);
    let (slowest, start) = starts.enumerate().min_by_key(|(_, start)| *start).unwrap_or_default();
    Err(Error::StepLimit {
        row: unfinished.rows.get(slowest).copied().unwrap_or_default(),
        time: rows.time(start),
        max_steps: MOST_TRIES,
        unfinished: unfinished.rows.len() as i64,
    })
}

impl Rows<'_> {
    /// One try of every row that has not arrived; whether there was any.
    fn advance(&mut self) -> Result<bool> {
        let tries = self.tries();
        if tries.rows.is_empty() {
            return Ok(false);
        }
        let index = Tensor::from_slice(&tries.rows).to_device(self.run.x.device());
        let before = self.run.x.index_select(0, &index);
        let noise = self.scaled(&Increment::from_rows(&tries.w, &tries.area, self.run.x.size()[1]));
        let at = |which: usize| {
            let times = tries.places.iter().map(|place| self.time(place[which]));
            Tensor::from_slice(&times.collect::<Vec<f64>>()).to_device(before.device())
        };
        let step = Step { from: at(0), to: at(1), noise: Some(&noise) };
        let scheme = self.scheme;
        let stepped = self.equation_of(&tries.rows, &index).step(scheme, &before, &step)?;
        let errors = self.controller.norm(&stepped.error, &before, &stepped.x);
        let accepted = self.controller.accepts(&errors).unsqueeze(1);
        let after = stepped.x.where_self(&accepted, &before);
        let _ = self.run.x.index_copy_(0, &index, &after);
        let errors = errors.to_kind(Kind::Double).to_device(Device::Cpu);
        for (i, (row, place)) in tries.rows.into_iter().zip(tries.places).enumerate() {
            self.decide(row as usize, place, errors.double_value(&[i as i64]))?;
        }
        Ok(true)
    }

    /// The next step of every row that has not arrived.
    fn tries(&mut self) -> Tries {
        let mut tries = Tries::default();
        for (row, walk) in self.walks.iter_mut().enumerate() {
            if let Some(node) = walk.next_within(self.longest[row], 1 << LEVEL) {
                tries.rows.push(row as i64);
                tries.places.push([node.start, node.start + node.length]);
                tries.w.extend_from_slice(&node.w);
                tries.area.extend_from_slice(&node.area);
            }
        }
        tries
    }

    /// The equation of rows with these numbers, made anew when they are others than before.
    fn equation_of(&mut self, rows: &[i64], index: &Tensor) -> &Equation<'_> {
        let changed = self.part.as_ref().is_none_or(|(known, _)| known != rows);
        if rows.len() < self.walks.len() && changed {
            self.part = Some((rows.to_vec(), self.equation.for_rows(index)));
        }
        self.part.as_ref().map_or(self.equation, |(_, part)| part)
    }

    /// Takes a row's step or not, and says how long the next one may be.
    fn decide(&mut self, row: usize, place: [u64; 2], error: f64) -> Result<()> {
        let length = place[1] - place[0];
        let wanted = length as f64 * SAFETY * error.max(1e-12).powf(-1.0 / ORDER);
        let taken = error <= 1.0;
        let most = if taken { LONGEST } else { length / 2 };
        let longest = (wanted.min(most as f64) as u64).checked_ilog2().map(|level| 1 << level);
        if taken {
            let _ = self.walks[row].pass();
            self.run.accepted += 1;
        } else {
            self.run.rejected += 1;
        }
        let keep = self.equation.failures() == Failures::Keep;
        match longest {
            _ if keep && !error.is_finite() => self.fail(row, StopReason::NonFinite),
            Some(longest) => self.longest[row] = longest,
            None if keep => self.fail(row, StopReason::StepTooSmall),
            None => {
                let Run { accepted, rejected, .. } = self.run;
                let (row, time) = (row as i64, self.time(place[0]));
                return Err(Error::StepTooSmall { row, time, accepted, rejected });
            }
        }
        Ok(())
    }

    /// Ends a row as NaN.
    fn fail(&mut self, row: usize, reason: StopReason) {
        let _ = self.run.x.select(0, row as i64).fill_(f64::NAN);
        self.walks[row].stop();
        if self.run.stop == StopReason::ReachedEnd {
            self.run.stop = reason;
        }
    }

    /// Ends every row that has not arrived as NaN.
    fn fail_unfinished(&mut self) {
        for row in self.tries().rows {
            self.fail(row as usize, StopReason::StepLimit);
        }
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
        let like = |noise: &Tensor| (noise * root).to_kind(self.run.x.kind()).to_device(self.run.x.device());
        Increment { w: like(&noise.w), area: like(&noise.area) }
    }
}
