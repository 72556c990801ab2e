//! Brownian motion as a function of (seed, sample, time): the same path however it is cut into steps, and whatever
//! batch the sample is in.
//!
//! Over an interval of length h a path is known by its increment W ~ N(0, h) and its space-time Lévy area
//! `H = (1/h) ∫ (W_s − (s/h) W) ds ~ N(0, h/12)`, independent of W: twice H is how far its mean lies from that of
//! the straight line. The path on [0, 1] is a binary tree; the two numbers of an interval split into those of its
//! halves with two fresh normals, Z ~ N(0, h/16) and N ~ N(0, h/12), that belong to the tree's node:
//!
//! ```text
//! W = ½ W ± (3/2 H + Z),    H = ¼ H − ½ Z ± ½ N    (+ first half, − second half)
//! ```
//!
//! A draw of a node is a slot of the sample's random stream, so any part of the tree is grown where it is asked
//! for and nothing is stored (a virtual Brownian tree; \[JF24\]).

mod walk;

use interflow_core::rng::{Purpose, Stream};
use tch::Tensor;

pub(crate) use walk::{Node, Walk};

use crate::error::{Error, Result};

/// Levels of the tree below the first that has as many nodes as there are steps: a step differs from `1/n` by
/// at most 2⁻⁴ of itself, and not at all where n is a power of two.
const EXTRA_LEVELS: u32 = 4;
/// The most steps: time is then resolved to 2⁻²⁸ of the interval.
const MOST_STEPS: u32 = 1 << 24;

/// The independent Brownian motions on [0, 1] of the samples number `first`, `first + 1`, and so on.
#[derive(Debug, Clone, Copy)]
pub struct BrownianPath {
    stream: Stream,
    first: u64,
}

/// The increments of several samples' Brownian motions over an interval of length h, as `[B, D]` in f64 on the CPU.
#[derive(Debug)]
pub struct Increment {
    /// The increments W, of variance h.
    pub w: Tensor,
    /// The space-time Lévy areas H, of variance h/12.
    pub area: Tensor,
}

/// A grid that cuts [0, 1] into nearly equal steps, whose points lie on nodes of the Brownian tree.
#[derive(Debug, Clone)]
pub struct Grid {
    level: u32,
    marks: Vec<u64>,
}

impl Grid {
    /// The grid of `steps` steps.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for no steps, or more than 2²⁴.
    pub fn new(steps: u32) -> Result<Self> {
        if !(1..=MOST_STEPS).contains(&steps) {
            let (name, requirement) = ("steps", "between 1 and 2^24");
            return Err(Error::InvalidConfig { name, requirement, value: f64::from(steps) });
        }
        let level = steps.next_power_of_two().ilog2() + EXTRA_LEVELS;
        let mark = |i: u32| ((f64::from(i) / f64::from(steps)) * (1u64 << level) as f64).round() as u64;
        Ok(Self { level, marks: (0..=steps).map(mark).collect() })
    }

    /// The points of the grid, from 0 to 1.
    pub fn times(&self) -> Vec<f64> {
        self.marks.iter().map(|&mark| self.length(mark)).collect()
    }

    /// The length of an interval between marks.
    fn length(&self, marks: u64) -> f64 {
        marks as f64 / (1u64 << self.level) as f64
    }
}

impl BrownianPath {
    /// The Brownian motions, under a run's `seed`, of the samples from number `first` on.
    pub fn new(seed: u64, first: u64) -> Self {
        Self { stream: Stream::new(seed, Purpose::Brownian), first }
    }

    /// The increments, step by step over a grid, of `n` samples in `dim` dimensions.
    pub fn increments<'a>(&self, n: i64, dim: i64, grid: &'a Grid) -> Increments<'a> {
        Increments { walks: self.walks(n, dim, grid.level), dim, grid, next: 1 }
    }

    /// The trees of `n` samples in `dim` dimensions, in marks of `2^-level`.
    pub(crate) fn walks(&self, n: i64, dim: i64, level: u32) -> Vec<Walk> {
        (0..n as u64).map(|row| Walk::new(self.stream.at(self.first + row), dim as usize, level)).collect()
    }
}

impl Increment {
    /// The numbers of one interval of each of several samples, each `[D]`, as rows.
    pub(crate) fn from_rows(w: &[f64], area: &[f64], dim: i64) -> Self {
        let rows = |values: &[f64]| Tensor::from_slice(values).view([-1, dim]);
        Self { w: rows(w), area: rows(area) }
    }
}

/// An iterator over the steps of a grid from left to right, with the increments of all samples.
#[derive(Debug)]
pub struct Increments<'a> {
    walks: Vec<Walk>,
    dim: i64,
    grid: &'a Grid,
    /// The mark at which the next step ends.
    next: usize,
}

impl Iterator for Increments<'_> {
    type Item = Increment;

    fn next(&mut self) -> Option<Increment> {
        let end = *self.grid.marks.get(self.next)?;
        self.next += 1;
        let capacity = self.walks.len() * self.dim as usize;
        let (mut w, mut area) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        for walk in &mut self.walks {
            let whole = step_to(walk, end)?;
            w.extend(whole.w);
            area.extend(whole.area);
        }
        Some(Increment::from_rows(&w, &area, self.dim))
    }
}

/// The interval from where a walk is to `end`, put together from nodes of the tree.
fn step_to(walk: &mut Walk, end: u64) -> Option<Node> {
    let mut whole: Option<Node> = None;
    while walk.next_within(u64::MAX, end).is_some() {
        let next = walk.pass()?;
        whole = Some(match whole {
            None => next,
            Some(before) => {
                let spans = [walk.span(before.length), walk.span(next.length)];
                joined(before, &next, spans)
            }
        });
    }
    whole
}

/// The numbers of an interval that is two neighbours of lengths a and b: `h (H + W/2)` is the integral of the path
/// from its start.
fn joined(mut first: Node, second: &Node, [a, b]: [f64; 2]) -> Node {
    let numbers = first.w.iter_mut().zip(&mut first.area).zip(second.w.iter().zip(&second.area));
    for ((w, area), (w_second, area_second)) in numbers {
        let total = (*area + *w * 0.5) * a + *w * b + (area_second + w_second * 0.5) * b;
        *w += w_second;
        *area = total / (a + b) - *w * 0.5;
    }
    first.length += second.length;
    first
}
