//! Flow maps: networks that jump along the trajectories of a velocity.
//!
//! The flow map `X_{s,t}(x)` carries the point x of time s along `dX/dτ = v_τ(X)` to time t, where t may lie before s. A
//! network of two times knows it by the average velocity u on the way,
//!
//! ```text
//! X_{s,t}(x) = x + (t − s) u_{s,t}(x),    u_{t,t} = v_t,
//! ```
//!
//! so that on the diagonal s = t the same network is the velocity, for every solver. By the average divergence D on the
//! way, `(t − s) D_{s,t}(x) = ∫_s^t ∇·v_τ(X_{s,τ}(x)) dτ`, it knows what a jump does to densities,
//! `log ρ_t(X_{s,t}(x)) = log ρ_s(x) − (t − s) D_{s,t}(x)`. \[BAV25\], \[A25\].

use tch::{Kind, Tensor};

use super::Network;
use crate::given::Given;

/// A batch of jumps: points with the times at which they start and land.
#[derive(Debug, Clone, Copy)]
pub struct Jump<'a> {
    /// The times s at which the points are, `[B]`.
    pub from: &'a Tensor,
    /// The times t to which they are carried, `[B]`.
    pub to: &'a Tensor,
    /// The points x at time s, `[B, D]`.
    pub x: &'a Tensor,
    /// What the points are given, B rows.
    pub given: &'a Given,
}

impl Jump<'_> {
    /// How long the jumps are, t − s, `[B]`: negative where they go back in time.
    pub fn length(&self) -> Tensor {
        self.to - self.from
    }
}

/// What a flow map knows of a batch of jumps, or its derivative along a [`Direction`].
#[derive(Debug)]
pub struct Average {
    /// The average velocity `u_{s,t}(x)`, `[B, D]`.
    pub velocity: Tensor,
    /// The average divergence `D_{s,t}(x)`, `[B]`, of a map that learns it.
    pub divergence: Option<Tensor>,
}

impl Average {
    /// Where the jumps land, `X_{s,t}(x) = x + (t − s) u_{s,t}(x)`, `[B, D]`.
    pub fn landing(&self, jump: &Jump<'_>) -> Tensor {
        jump.x + jump.length().unsqueeze(1) * &self.velocity
    }

    /// What the log-density falls by on the way, `(t − s) D_{s,t}(x)`, `[B]`; `None` for a map without divergences.
    pub fn fall(&self, jump: &Jump<'_>) -> Option<Tensor> {
        self.divergence.as_ref().map(|divergence| jump.length() * divergence)
    }
}

/// A direction in which a flow map is differentiated.
#[derive(Debug, Clone, Copy)]
pub enum Direction<'a> {
    /// The time t of landing, with s and x fixed.
    To,
    /// The time s of the start, while the point moves with the velocity ẋ, `[B, D]`: `∂/∂s + ẋ·∇`.
    Along(&'a Tensor),
    /// The point alone, along these directions, `[B, D]`.
    State(&'a Tensor),
}

/// A network of two times: a velocity that can also jump.
///
/// As a [`Network`] its value at (t, x) is that of the diagonal, `u_{t,t}(x) = v_t(x)`.
pub trait FlowMap: Network {
    /// Whether it learns the average divergence too, and so knows log-densities.
    fn has_divergence(&self) -> bool;

    /// What it knows of the jumps; differentiable where gradients are being recorded.
    fn average(&self, jump: &Jump<'_>) -> Average;

    /// The same, and its derivative along a direction by a forward tangent; both differentiable where gradients are being
    /// recorded.
    fn average_and_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> (Average, Average);
}

/// Where points landed.
#[derive(Debug)]
pub struct Landing {
    /// The points, `[B, D]`.
    pub x: Tensor,
    /// What the log-density fell by on the way, `[B]`; `None` for a map without divergences.
    pub fall: Option<Tensor>,
}

impl dyn FlowMap + '_ {
    /// Carries points `x`, `[B, D]`, that are `given` this from one time to another in `n_jumps` jumps of equal length, each one
    /// call of the network; points stay where they are in none. No gradient is recorded.
    pub fn carry(&self, x: &Tensor, given: &Given, (from, to): (f64, f64), n_jumps: u32) -> Landing {
        tch::no_grad(|| {
            let time = |k: u32| from + (to - from) * f64::from(k) / f64::from(n_jumps.max(1));
            let start = self.has_divergence().then(|| x.select(1, 0).zeros_like());
            let start = Landing { x: x.shallow_clone(), fall: start };
            (0..n_jumps).fold(start, |Landing { x, fall }, k| {
                let [from, to] = [time(k), time(k + 1)].map(|t| x.select(1, 0).full_like(t));
                let jump = Jump { from: &from, to: &to, x: &x, given };
                let average = self.average(&jump);
                let fall = fall.zip(average.fall(&jump)).map(|(fall, more)| fall + more);
                Landing { x: average.landing(&jump).to_kind(x.kind()), fall }
            })
        })
    }

    /// `log|det ∂X/∂x|` of the map from one time to another in `n_jumps` jumps, `[B]`, at points `x`, `[B, D]`, that are
    /// `given` this: by D forward tangents, and the factorisation of a D × D matrix for each point. That is what the density
    /// of the map's own samples falls by, while [`Landing::fall`] is what the network says of its velocity. A conditional map's
    /// conditions stay fixed.
    pub fn log_determinant(&self, x: &Tensor, given: &Given, (from, to): (f64, f64), n_jumps: u32) -> Tensor {
        tch::no_grad(|| {
            let (dim, length) = (x.size()[1], (to - from) / f64::from(n_jumps.max(1)));
            let time = |k: u32| from + length * f64::from(k);
            let mut x = x.shallow_clone();
            let mut sum = x.select(1, 0).zeros_like().to_kind(Kind::Double);
            for k in 0..n_jumps {
                let [from, to] = [time(k), time(k + 1)].map(|t| x.select(1, 0).full_like(t));
                let jump = Jump { from: &from, to: &to, x: &x, given };
                let column = |d: i64| {
                    let unit = x.zeros_like();
                    let _ = unit.select(1, d).fill_(1.0);
                    let (_, tangent) = self.average_and_tangent(&jump, &Direction::State(&unit));
                    (unit + tangent.velocity * length).to_kind(Kind::Double)
                };
                let columns: Vec<Tensor> = (0..dim).map(column).collect();
                sum += Tensor::stack(&columns, 2).slogdet().1;
                x = self.average(&jump).landing(&jump).to_kind(x.kind());
            }
            sum
        })
    }
}
