//! The tests of the crate as one program, which is linked once and shares the cores evenly.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod adaptive;
mod arguments;
mod brownian;
mod config;
mod convergence;
mod dense;
mod events;
mod failures;
mod fields;
mod gradient;
mod guidance;
mod likelihood;
mod likelihood_bound;
mod mixture;
mod neighbours;
mod noise;
mod quadrature;
mod refusals;
mod rows;
mod sde;
mod sde_adaptive;
mod tableau;
