//! The crate's behaviour through its public interface: whole experiments of a second or two.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod experiment;
mod studies;
mod support;
mod untrained;
