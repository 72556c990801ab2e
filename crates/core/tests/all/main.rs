//! The tests of the crate as one program, which is linked once and shares the cores evenly.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod backward;
mod class_guidance;
mod conversion;
mod edges;
mod field;
mod interpolant;
mod mixture;
mod rescaled;
mod rng;
mod target;
