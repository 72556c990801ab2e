//! Solvers of `dx/dt = v(t, x)`, and of the stochastic equations `dX = (v ± ε s) dt + √(2ε) dW` with the same marginals.
//!
//! # A first solve
//! A [`SolverConfig`] is data; [`SolverConfig::build`] checks it and returns a [`Solver`], by default Dormand–Prince
//! 5(4) with adaptive steps. Here it rotates the harmonic oscillator by a quarter turn:
//!
//! ```
//! use interflow_core::VectorField;
//! use interflow_solvers::SolverConfig;
//! use tch::{Kind, Tensor};
//!
//! struct Oscillator;
//!
//! impl VectorField for Oscillator {
//!     fn dim(&self) -> i64 {
//!         2
//!     }
//!     fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor {
//!         Tensor::stack(&[x.select(1, 1), -x.select(1, 0)], 1)
//!     }
//! }
//!
//! let x = Tensor::from_slice(&[0.0, 1.0, 3.0, 0.0]).view([2, 2]);
//! let solver = SolverConfig { rtol: 1e-8, atol: 1e-8, ..SolverConfig::default() }.build()?;
//! let turned = solver.solve(&Oscillator, &x, 0.0, std::f64::consts::FRAC_PI_2)?;
//! let exact = Tensor::from_slice(&[1.0, 0.0, 0.0, -3.0]).view([2, 2]);
//! assert!((turned.x - exact).abs().max().double_value(&[]) < 1e-6);
//! println!("{} calls of the field", turned.statistics.nfe);
//! # Ok::<(), interflow_solvers::Error>(())
//! ```
//!
//! Every row of a batch has its own time and step, and its own steps are rejected, so its result depends on the other
//! rows by rounding only: libtorch's matrix products round differently in batches of other sizes, and a batch becomes
//! smaller as its rows reach the end. Without such products only the last bits differ. For perceptrons with points up
//! to 5 in size, rows of one batch of 1000 and of smaller ones differed by at most 2e-12 in f64, and by 5e-7 in f32
//! with equal steps. With adaptive steps at the default tolerances of 1e-5 the rounding of f32 moves the steps too,
//! and the ends differed by up to 3e-5, a tenth of the solve's own error there.
//!
//! # The parts
//! Each part is data or a trait, and a program can replace it with its own:
//!
//! - [`Tableau`] is the Runge–Kutta method; [`Method`] names the built-in ones.
//! - [`Stepping`] is equal steps, or adaptive steps by a [`Controller`] such as [`PiController`]; [`Shared`] wraps
//!   a controller so that all rows of a batch take the same steps.
//! - [`Term`] is the right-hand side: the flow ([`FieldTerm`]), the flow with its divergence ([`WithDivergence`]), or
//!   with the integral of anything else ([`WithIntegral`]).
//! - [`SolveOptions`] are the times to save at, which change no step; [`Event`]s that stop a row; and [`Failures`],
//!   which say whether one bad row fails the batch.
//!
//! A method of one's own, with equal steps:
//!
//! ```
//! use interflow_core::VectorField;
//! use interflow_solvers::{Solver, Stepping, Tableau};
//! # use tch::{Kind, Tensor};
//! # struct Decay;
//! # impl VectorField for Decay {
//! #     fn dim(&self) -> i64 { 1 }
//! #     fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor { -x }
//! # }
//!
//! let ralston = Tableau::new(
//!     3,
//!     &[0.0, 0.5, 0.75],
//!     &[&[], &[0.5], &[0.0, 0.75]],
//!     &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0],
//! )?;
//! let solver = Solver::new(ralston, Stepping::Fixed { steps: 100 })?;
//! let x = Tensor::from_slice(&[1.0]).view([1, 1]);
//! let end = solver.solve(&Decay, &x, 0.0, 1.0)?.x.double_value(&[0, 0]);
//! assert!((end - (-1.0f64).exp()).abs() < 1e-7);
//! # Ok::<(), interflow_solvers::Error>(())
//! ```
//!
//! Everything at once: a trajectory at three times, its length beside it, and a row that stops where it leaves a region:
//!
//! ```
//! use interflow_core::VectorField;
//! use interflow_solvers::{FieldTerm, SolveOptions, SolverConfig, StopReason, WithIntegral};
//! use tch::{Kind, Tensor};
//! # struct Growth;
//! # impl VectorField for Growth {
//! #     fn dim(&self) -> i64 { 1 }
//! #     fn value(&self, _t: &Tensor, x: &Tensor) -> Tensor { x.shallow_clone() }
//! # }
//!
//! let speed = |_t: &Tensor, _y: &Tensor, rate: &Tensor| rate.square().sum_dim_intlist(1i64, false, None).sqrt();
//! let term = WithIntegral::new(FieldTerm::new(&Growth), &speed);
//! let at_two = |_t: &Tensor, y: &Tensor| y.select(1, 0) - 2.0;
//! let options = SolveOptions { save_at: &[0.0, 0.5, 1.0], events: &[&at_two], ..SolveOptions::default() };
//! let x = Tensor::from_slice(&[0.1, 1.0]).view([2, 1]);
//! let found = SolverConfig::default().build()?.integrate(&term, &x, 0.0, 1.0, &options)?;
//! assert_eq!(found.stops, [StopReason::ReachedEnd, StopReason::Event { event: 0 }]);
//! assert!((found.t.double_value(&[1]) - 2f64.ln()).abs() < 1e-4);
//! assert!((found.y.double_value(&[1, 1]) - 1.0).abs() < 1e-4);
//! # Ok::<(), interflow_solvers::Error>(())
//! ```
//!
//! # Densities and their gradients
//! [`log_density`] gives the density of a flow by the integral of the divergence, exact or by Hutchinson's estimate;
//! [`likelihood_gradient`] its gradient in a network's weights, by backpropagation or the adjoint equation. Not every
//! call of the field is asked for a divergence ([`Solver::solve_with_divergence`]): [`Statistics`] counts those that are.
//!
//! # Noise
//! [`SdeSolver`] solves an [`Sde`] along [`BrownianPath`]s that are functions of (seed, sample, time), by equal steps or by
//! their errors; [`log_density_bound`] bounds the density of its samples from below.
#![deny(missing_docs)]

mod brownian;
mod config;
mod controller;
mod dense;
mod diffusion;
mod divergence;
mod error;
mod event;
mod fault;
mod gradient;
mod likelihood;
mod likelihood_bound;
mod method;
mod options;
mod save;
mod scheme;
mod sde;
mod solution;
mod solve;
mod solver;
mod step;
mod tableau;
mod term;

pub use brownian::{BrownianPath, Grid, Increment, Increments};
pub use config::SolverConfig;
pub use controller::{Controller, JudgedStep, PiController, Shared};
pub use diffusion::{Diffusion, DiffusionConfig, DiffusionShape};
pub use divergence::{Divergence, WithDivergence};
pub use error::{Error, Result};
pub use event::Event;
pub use fault::TableauFault;
pub use gradient::{LikelihoodGradient, Sensitivity, TrainableFlow, likelihood_gradient};
pub use likelihood::{LogDensity, Pushed, log_density, push_log_density};
pub use likelihood_bound::log_density_bound;
pub use method::Method;
pub use options::{Failures, SolveOptions};
pub use scheme::Scheme;
pub use sde::{ScoreSource, Sde, SdeConfig, SdeSolver};
pub use solution::{Solution, Statistics, StopReason, Trajectory};
pub use solver::{Solver, Stepping};
pub use tableau::Tableau;
pub use term::{FieldTerm, Integrand, Term, WithIntegral};
