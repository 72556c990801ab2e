//! Brownian motion that is a function of (seed, sample, time): the same path however it is cut into steps, and in
//! whatever batch the sample is.
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

use interflow_core::rng::{Draw, Purpose, Stream};
use tch::{Kind, Tensor};

/// Levels of the tree below the first that has as many nodes as there are steps: a step differs from `1/n` by
/// at most 2⁻⁴ of itself, and not at all where n is a power of two.
const EXTRA_LEVELS: u32 = 4;

/// The independent Brownian motions on [0, 1] of the samples `first`, `first + 1`, ….
#[derive(Debug, Clone, Copy)]
pub struct BrownianPath {
    stream: Stream,
    first: u64,
}

/// A path over an interval: W and H, both `[B, D]` in f64 on the CPU.
#[derive(Debug)]
pub struct Increment {
    /// The increment, of variance h.
    pub w: Tensor,
    /// The space-time Lévy area, of variance h/12.
    pub area: Tensor,
}

/// Points that cut [0, 1] into nearly equal steps and lie on nodes of the tree.
#[derive(Debug, Clone)]
pub struct Grid {
    level: u32,
    marks: Vec<u64>,
}

impl Grid {
    /// `steps` steps, at least 1 and at most 2²⁴.
    pub fn new(steps: u32) -> Self {
        let level = steps.next_power_of_two().ilog2() + EXTRA_LEVELS;
        let mark = |i: u32| ((f64::from(i) / f64::from(steps)) * (1u64 << level) as f64).round() as u64;
        Self { level, marks: (0..=steps).map(mark).collect() }
    }

    /// The points, from 0 to 1.
    pub fn times(&self) -> Vec<f64> {
        self.marks.iter().map(|&mark| self.length(mark)).collect()
    }

    /// The length of an interval between marks.
    fn length(&self, marks: u64) -> f64 {
        marks as f64 / (1u64 << self.level) as f64
    }
}

impl BrownianPath {
    /// The paths under a run's `seed` of the samples from number `first` on.
    pub fn new(seed: u64, first: u64) -> Self {
        Self { stream: Stream::new(seed, Purpose::Brownian), first }
    }

    /// The increments of `n` samples in `dim` dimensions over the steps of a grid, in order.
    pub fn increments<'a>(&self, n: i64, dim: i64, grid: &'a Grid) -> Increments<'a> {
        let mut draws: Vec<Draw> = (0..n as u64).map(|row| self.stream.at(self.first + row)).collect();
        let [w, area] = normals(&mut draws, dim, 0);
        let root = Node {
            id: 1,
            start: 0,
            length: 1 << grid.level,
            increment: Increment { w, area: area * (1.0f64 / 12.0).sqrt() },
        };
        Increments { draws, dim, grid, next: 1, stack: vec![root] }
    }
}

/// An interval of the tree. The halves of node i are the nodes 2i and 2i + 1.
struct Node {
    id: u64,
    start: u64,
    length: u64,
    increment: Increment,
}

/// Walks a grid's steps from left to right; keeps one node for each level of the tree.
pub struct Increments<'a> {
    draws: Vec<Draw>,
    dim: i64,
    grid: &'a Grid,
    /// The mark at which the next step ends.
    next: usize,
    /// What lies ahead, the nearest interval on top.
    stack: Vec<Node>,
}

impl Iterator for Increments<'_> {
    type Item = Increment;

    fn next(&mut self) -> Option<Increment> {
        let end = *self.grid.marks.get(self.next)?;
        self.next += 1;
        let mut sum: Option<(Increment, u64)> = None;
        while let Some(node) = self.stack.pop() {
            if node.start >= end {
                self.stack.push(node);
                break;
            }
            if node.start + node.length > end {
                let [first, second] = self.split(node);
                self.stack.extend([second, first]);
                continue;
            }
            sum = Some(match sum {
                None => (node.increment, node.length),
                Some((before, length)) => {
                    let lengths = [length, node.length].map(|marks| self.grid.length(marks));
                    (joined([&before, &node.increment], lengths), length + node.length)
                }
            });
        }
        sum.map(|(increment, _)| increment)
    }
}

impl Increments<'_> {
    fn split(&mut self, node: Node) -> [Node; 2] {
        let h = self.grid.length(node.length);
        let [z, n] = normals(&mut self.draws, self.dim, node.id);
        let (z, n) = (z * (h / 16.0).sqrt(), n * (h / 12.0).sqrt());
        let Increment { w, area } = node.increment;
        let lean = &area * 1.5 + &z;
        let rest = area * 0.25 - z * 0.5;
        let half = node.length / 2;
        let part = |id, start, sign: f64| Node {
            id,
            start,
            length: half,
            increment: Increment { w: &w * 0.5 + &lean * sign, area: &rest + &n * (0.5 * sign) },
        };
        [part(2 * node.id, node.start, 1.0), part(2 * node.id + 1, node.start + half, -1.0)]
    }
}

/// The numbers of an interval that is two neighbours: `h (H + W/2)` is the integral of the path from its start.
fn joined(parts: [&Increment; 2], [a, b]: [f64; 2]) -> Increment {
    let integral = |part: &Increment, h: f64| (&part.area + &part.w * 0.5) * h;
    let total = integral(parts[0], a) + &parts[0].w * b + integral(parts[1], b);
    let w = &parts[0].w + &parts[1].w;
    Increment { area: total / (a + b) - &w * 0.5, w }
}

/// The two standard normals `[B, D]` of a node; 0 is the root's own pair.
fn normals(draws: &mut [Draw], dim: i64, slot: u64) -> [Tensor; 2] {
    let n = 2 * dim as usize;
    let mut values = Vec::with_capacity(draws.len() * n);
    for draw in draws.iter_mut() {
        draw.seek(slot, n);
        draw.extend_normal(&mut values, n);
    }
    let both = Tensor::from_slice(&values).view([draws.len() as i64, 2, dim]).to_kind(Kind::Double);
    [both.select(1, 0), both.select(1, 1)]
}
