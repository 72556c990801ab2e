//! Trained flows and everything that makes and uses them: an experiment is read from its config and trained, a
//! trained flow is loaded from its checkpoint, and it gives samples, encodings, log-densities and scores in the
//! data's units. The module [`evaluation`] measures a flow on held-out data.

#![deny(missing_docs)]

mod base;
pub mod checkpoint;
pub mod config;
pub mod device;
mod divergence;
mod engine;
mod ensemble;
mod error;
pub mod evaluation;
mod experiment;
mod explanation;
pub mod fit;
mod flow;
pub mod images;
mod legacy;
pub mod manifest;
mod path;
mod precision;
pub mod precondition;
mod reflow;
mod run;
mod sample;
mod target;
mod teacher;
mod threads;
pub mod torch;
mod work;

pub use base::{Base, BaseLaw};
pub use config::ExperimentConfig;
pub use divergence::DivergenceConfig;
pub use engine::{Computed, Engine};
pub use ensemble::Ensemble;
pub use error::{Error, Result};
pub use experiment::{Experiment, Run, Trained};
pub use explanation::explanation;
pub use fit::{Fill, FitOptions, TableFit, Trials, fit};
pub use flow::{AsPoints, CarryOptions, DensityOptions, Flow, HoleProbability, TableRows};
pub use manifest::FlowManifest;
pub use path::{FlowPath, NoiseConfig, check_time};
pub use precision::Precision;
pub use run::{History, RunFolder};
pub use sample::{SampleOptions, Samples};
pub use target::Target;
pub use threads::Threads;
pub use work::{Cancel, Meter, NoProgress, Progress, Task, Work};
