//! Training of a velocity: the objective `G(v̂) = ∫E[|v̂|² − 2 ẋ·v̂] dt`, stratified times, `AdamW`, an average of
//! the weights, held-out checks and checkpoints.
//!
//! A step is a function of (seed, step) and the state before it, and a checkpoint holds all of that state: a
//! resumed run computes, on the CPU, the bits that the uninterrupted run would have computed.

mod batch;
pub mod checkpoint;
pub mod checkpoints;
pub mod config;
pub mod ema;
pub mod error;
pub mod objective;
pub mod observer;
pub mod optimizer;
mod patience;
pub mod problem;
pub mod schedule;
pub mod self_check;
pub mod time;
pub mod trainer;

pub use checkpoint::Checkpoint;
pub use config::TrainConfig;
pub use ema::Ema;
pub use error::{Error, Result};
pub use objective::ObjectiveForm;
pub use observer::{Failure, Observer, Silent, StepReport};
pub use optimizer::{AdamW, AdamWConfig};
pub use problem::Problem;
pub use schedule::ScheduleConfig;
pub use self_check::{Estimate, SelfCheck};
pub use time::{TimeConfig, TimeSampler};
pub use trainer::{Outcome, StopReason, Trainer};
