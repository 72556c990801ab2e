//! What is left of a flow map's condition, point by point.
//!
//! Each condition is one of the map and of the average divergence D beside it, which is what the log-density falls by:
//!
//! ```text
//! Lagrangian    ∂_t X_{s,t} = v_t(X_{s,t})                 ∂_t[(t − s) D_{s,t}] = ∇·v_t(X_{s,t})
//! progressive   X_{s,t} = X_{r,t}(X_{s,r})                 (t − s) D_{s,t} = (r − s) D_{s,r} + (t − r) D_{r,t}(X_{s,r})
//! Eulerian      u_{s,t} = v_s + (t − s) d/ds u_{s,t}       D_{s,t} = ∇·v_s + (t − s) d/ds D_{s,t}
//! ```
//!
//! with `d/ds = ∂_s + v_s·∇`. The right-hand sides are targets, of which no gradient is recorded; but for the Eulerian
//! condition, whose derivative is trained with the value: with its right-hand side fixed it diverged.

use interflow_core::flow_map::{Average, Direction, FlowMap, Jump};
use interflow_core::{Given, Network};
use tch::Tensor;

use super::config::MapCondition;
use super::jumps::Jumps;
use crate::batches::place;
use crate::error::Result;

/// Squared errors, one for each point.
pub(super) struct Residuals {
    /// Those of the map, `[N]`.
    pub(super) map: Tensor,
    /// Those of the average divergence, `[N]`, of a map that learns it.
    pub(super) divergence: Option<Tensor>,
}

impl Residuals {
    /// The squared distance of values `[N, D]` and divergences `[N]` from what they are to be, of which no gradient is
    /// recorded.
    fn between(value: &Average, target: &Average) -> Self {
        let map = (&value.velocity - target.velocity.detach()).square().sum_dim_intlist(1i64, false, None);
        let divergences = value.divergence.as_ref().zip(target.divergence.as_ref());
        Self { map, divergence: divergences.map(|(value, target)| (value - target.detach()).square()) }
    }
}

/// How divergences at N points are computed.
pub(super) enum Divergences {
    /// Exactly, by the derivative along every coordinate.
    Exact,
    /// By Hutchinson's estimate with these probes, `[N, D]`.
    Probed(Tensor),
}

/// The velocity in a condition at N points: a teacher's, or the diagonal of the network in training.
pub(super) struct Velocity<'a> {
    /// The network whose values at one time are the velocity.
    pub(super) network: &'a dyn Network,
    /// How its divergences are computed; not at all without it.
    pub(super) divergence: Option<Divergences>,
}

impl Velocity<'_> {
    /// Its values `[N, D]` and divergences `[N]`, of which no gradient is recorded.
    pub(super) fn at(&self, t: &Tensor, x: &Tensor, given: &Given) -> Result<Average> {
        let (t, x) = (t.detach(), x.detach());
        let (velocity, divergence) = match &self.divergence {
            None => (tch::no_grad(|| self.network.value(&t, &x, given)), None),
            Some(Divergences::Exact) => {
                let (value, divergence) = tch::no_grad(|| self.network.value_and_divergence(&t, &x, given));
                (value, Some(divergence))
            }
            Some(Divergences::Probed(u)) => {
                let u = place(u, (x.kind(), x.device()))?;
                let found = tch::no_grad(|| self.network.value_and_quadratic_form(&t, &x, given, &u));
                (found.0, Some(found.1))
            }
        };
        Ok(Average { velocity, divergence })
    }
}

impl MapCondition {
    /// What is left of the condition at the jumps of a map, whose velocity is `velocity`; gradients are those of the map on
    /// the left-hand side.
    pub(super) fn residuals(
        self,
        map: &dyn FlowMap,
        velocity: &Velocity<'_>,
        jumps: &Jumps,
    ) -> Result<Residuals> {
        let jump = jumps.jump();
        Ok(match self {
            Self::Lagrangian => {
                let (average, rate) = map.average_and_tangent(&jump, &Direction::To);
                let target = velocity.at(jump.to, &average.landing(&jump), jump.given)?;
                Residuals::between(&plus_length_times(&jump, &average, &rate), &target)
            }
            Self::Progressive => {
                let target = tch::no_grad(|| in_two(map, &jump, &jumps.between));
                Residuals::between(&carried(&jump, &map.average(&jump)), &target)
            }
            Self::Eulerian => {
                let start = velocity.at(jump.from, jump.x, jump.given)?;
                let (average, rate) = map.average_and_tangent(&jump, &Direction::Along(&start.velocity));
                Residuals::between(&minus_length_times(&jump, &average, &rate), &start)
            }
            Self::MeanFlow => {
                let at_start = velocity.at(jump.from, jump.x, jump.given)?;
                let start = Average { velocity: jumps.path_derivative.shallow_clone(), ..at_start };
                let direction = Direction::Along(&start.velocity);
                let (_, rate) = tch::no_grad(|| map.average_and_tangent(&jump, &direction));
                Residuals::between(&map.average(&jump), &plus_length_times(&jump, &start, &rate))
            }
        })
    }
}

/// `a + (t − s) b`, for velocities and divergences.
fn plus_length_times(jump: &Jump<'_>, a: &Average, b: &Average) -> Average {
    let length = jump.length();
    let divergences = a.divergence.as_ref().zip(b.divergence.as_ref());
    Average {
        velocity: &a.velocity + length.unsqueeze(1) * &b.velocity,
        divergence: divergences.map(|(a, b)| a + length * b),
    }
}

/// `a − (t − s) b`, for velocities and divergences.
fn minus_length_times(jump: &Jump<'_>, a: &Average, b: &Average) -> Average {
    let back = Jump { from: jump.to, to: jump.from, ..*jump };
    plus_length_times(&back, a, b)
}

/// Where jumps land, and what the log-density falls by on the way.
fn carried(jump: &Jump<'_>, average: &Average) -> Average {
    Average { velocity: average.landing(jump), divergence: average.fall(jump) }
}

/// The same by two jumps each, over the times `between`.
fn in_two(map: &dyn FlowMap, jump: &Jump<'_>, between: &Tensor) -> Average {
    let first = Jump { to: between, ..*jump };
    let halfway = carried(&first, &map.average(&first));
    let second = Jump { from: between, x: &halfway.velocity, ..*jump };
    let landed = carried(&second, &map.average(&second));
    let falls = halfway.divergence.zip(landed.divergence);
    Average { velocity: landed.velocity, divergence: falls.map(|(first, second)| first + second) }
}
