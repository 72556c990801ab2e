//! xtask as its users see it: run in a made-up workspace.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod data;
mod experiment;
mod gpu;
#[allow(dead_code, reason = "the unit tests of downloads use the rest of it")]
#[path = "../../src/fetch/server.rs"]
mod server;
mod setup;
mod workspace;
