//! The mathematics of stochastic interpolants on libtorch: interpolants and their derivatives, couplings,
//! densities with closed forms, vector fields with exact divergences, and the one source of randomness.
//!
//! Notation, used everywhere (`docs/references.md` lists the sources): time `t` runs from 0 (base ρ0, samples
//! x0) to 1 (target ρ1, samples x1), `x_t = α(t) x0 + β(t) x1 + γ(t) z` with `z ~ N(0, I)`, and the velocity
//! is `v_t(x) = E[ẋ_t | x_t = x]`. Batches are `[B, D]` tensors, times are `[B]` tensors, log-densities are in
//! nats.

pub mod ahead;
pub mod atomic;
pub mod backward;
pub mod class_guidance;
pub mod conversion;
pub mod coupling;
pub mod density;
pub mod error;
pub mod field;
pub mod given;
pub mod guidance;
pub mod interpolant;
pub mod known;
pub mod memory;
pub mod network;
pub mod number;
pub mod parameters;
pub mod points;
pub mod rescaled;
pub mod rng;
pub mod shape;
pub mod source;
pub mod space;
pub mod target;

pub use error::{Error, Result};
pub use field::{Denoiser, Score, VectorField, Velocity};
pub use given::{Given, GivenSpace};
pub use network::flow_map::{self, FlowMap};
pub use network::{At, Network};
pub use parameters::Parameters;
pub use points::Points;
pub use space::Space;

/// The tensor library on which everything is built, so that users need not name its version.
pub use tch;
