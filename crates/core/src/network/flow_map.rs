//! Flow maps: networks that jump along the trajectories of a velocity.
//!
//! The flow map `X_{s,t}(x)` carries the point x at time s along `dX/dτ = v_τ(X)` to time t, which may be before s. A
//! network of two times represents it by the average velocity u on the way,
//!
//! ```text
//! X_{s,t}(x) = x + (t − s) u_{s,t}(x),    u_{t,t} = v_t,
//! ```
//!
//! so on the diagonal s = t the same network is the velocity, for use with any solver. With the average divergence D
//! on the way, `(t − s) D_{s,t}(x) = ∫_s^t ∇·v_τ(X_{s,τ}(x)) dτ`, it knows how a jump changes densities,
//! `log ρ_t(X_{s,t}(x)) = log ρ_s(x) − (t − s) D_{s,t}(x)`. \[BAV25\], \[A25\].

use tch::{Kind, Tensor};

use super::Network;
use crate::given::Given;

/// A batch of jumps: points, and the times at which the jumps start and land.
#[derive(Debug, Clone, Copy)]
pub struct Jump<'a> {
    /// The times s at which the jumps start, `[B]`.
    pub from: &'a Tensor,
    /// The times t at which they land, `[B]`.
    pub to: &'a Tensor,
    /// The points x at time s, `[B, D]`.
    pub x: &'a Tensor,
    /// The conditions of the points, B rows.
    pub given: &'a Given,
}

impl Jump<'_> {
    /// The lengths of the jumps, t − s, `[B]`; negative for jumps back in time.
    pub fn length(&self) -> Tensor {
        self.to - self.from
    }
}

/// The averages of a flow map over a batch of jumps, or their derivatives in a [`Direction`].
#[derive(Debug)]
pub struct Average {
    /// The average velocity `u_{s,t}(x)`, `[B, D]`.
    pub velocity: Tensor,
    /// The average divergence `D_{s,t}(x)`, `[B]`, if the map has learned it.
    pub divergence: Option<Tensor>,
}

impl Average {
    /// Where the jumps land, `X_{s,t}(x) = x + (t − s) u_{s,t}(x)`, `[B, D]`.
    pub fn landing(&self, jump: &Jump<'_>) -> Tensor {
        jump.x + jump.length().unsqueeze(1) * &self.velocity
    }

    /// By how much the log-density falls on the way, `(t − s) D_{s,t}(x)`, `[B]` in nats; `None` for a map without
    /// divergences.
    pub fn fall(&self, jump: &Jump<'_>) -> Option<Tensor> {
        self.divergence.as_ref().map(|divergence| jump.length() * divergence)
    }
}

/// A direction in which the averages of a flow map are differentiated.
#[derive(Debug, Clone, Copy)]
pub enum Direction<'a> {
    /// The time t of landing, at fixed s and x.
    To,
    /// The time s of the start, while the point moves with the velocity ẋ, `[B, D]`: `∂/∂s + ẋ·∇`.
    Along(&'a Tensor),
    /// The point alone, in these directions, `[B, D]`.
    State(&'a Tensor),
}

/// A network of two times, which is a velocity that can also jump.
///
/// As a [`Network`] its value at (t, x) is that of the diagonal, `u_{t,t}(x) = v_t(x)`.
pub trait FlowMap: Network {
    /// Whether it has learned the average divergence too, and so gives log-densities.
    fn has_divergence(&self) -> bool;

    /// The averages over the jumps; they can be differentiated where gradients are recorded.
    fn average(&self, jump: &Jump<'_>) -> Average;

    /// The averages over the jumps and their derivatives in a direction, by forward tangents; both can be
    /// differentiated where gradients are recorded.
    fn average_and_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> (Average, Average);
}

/// The points at which jumps landed.
#[derive(Debug)]
pub struct Landing {
    /// The points, `[B, D]`.
    pub x: Tensor,
    /// By how much the log-density fell on the way, `[B]` in nats; `None` for a map without divergences.
    pub fall: Option<Tensor>,
}

impl dyn FlowMap + '_ {
    /// Carries points `x`, `[B, D]`, with the conditions `given` from one time to another in `n_jumps` jumps of equal
    /// length, each one call of the network. With 0 jumps the points stay where they are. No gradient is recorded.
    pub fn carry(&self, x: &Tensor, given: &Given, from: f64, to: f64, n_jumps: u32) -> Landing {
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

    /// The log-determinant `log|det ∂X/∂x|`, `[B]`, of the map from one time to another in `n_jumps` jumps, at points
    /// `x`, `[B, D]`, with the conditions `given`, which stay fixed. It takes D forward tangents and the
    /// factorisation of a D × D matrix for each point. By this the log-density of the map's own samples falls,
    /// whereas [`Landing::fall`] is what the network has learned of its velocity.
    pub fn log_determinant(&self, x: &Tensor, given: &Given, from: f64, to: f64, n_jumps: u32) -> Tensor {
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
