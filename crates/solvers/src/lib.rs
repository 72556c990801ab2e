//! Solvers of the probability-flow equation `dX/dt = v_t(X)`: Runge–Kutta methods as tableaus, per-sample
//! adaptive steps, the divergence integral along a trajectory and the log-density it gives.
//!
//! Every sample of a batch has its own time, step and acceptance, so its result does not depend on its
//! neighbours.

mod config;
mod controller;
mod divergence;
mod error;
mod gradient;
mod likelihood;
mod solution;
mod solve;
mod stepper;
mod tableau;

pub use config::{Method, SolverConfig};
pub use divergence::Divergence;
pub use error::{Error, Result};
pub use gradient::{LikelihoodGradient, Sensitivity, likelihood_gradient};
pub use likelihood::{LogDensity, log_density};
pub use solution::{Solution, Statistics, StopReason};
pub use solve::Solver;
