//! xtask as its users see it: run in a made-up workspace.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod experiment;
mod gpu;
mod setup;
mod workspace;
