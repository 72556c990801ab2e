//! Solvers of the probability-flow equation `dX/dt = v_t(X)`: Runge–Kutta methods as tableaus, per-sample
//! adaptive steps, the divergence integral along a trajectory and the log-density it gives. And of the stochastic
//! equations with the same marginals, `dX = (v ± ε s) dt + √(2ε) dW`, on reproducible Brownian paths.
//!
//! Every sample of a batch has its own time, step and acceptance, so its result does not depend on its
//! neighbours.

mod brownian;
mod config;
mod controller;
mod diffusion;
mod divergence;
mod error;
mod gradient;
mod likelihood;
mod likelihood_bound;
mod scheme;
mod sde;
mod solution;
mod solve;
mod stepper;
mod tableau;

pub use brownian::{BrownianPath, Grid, Increment, Increments};
pub use config::{Method, SolverConfig};
pub use diffusion::{Diffusion, DiffusionConfig, DiffusionShape};
pub use divergence::Divergence;
pub use error::{Error, Result};
pub use gradient::{LikelihoodGradient, Sensitivity, likelihood_gradient};
pub use likelihood::{LogDensity, log_density};
pub use likelihood_bound::log_density_bound;
pub use scheme::Scheme;
pub use sde::{ScoreSource, Sde, SdeConfig, SdeSolver};
pub use solution::{Solution, Statistics, StopReason};
pub use solve::Solver;
