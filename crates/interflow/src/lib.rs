//! Continuous normalizing flows by stochastic interpolants (Albergo & Vanden-Eijnden, ICLR 2023) on libtorch.
//!
//! # The idea
//!
//! Take a sample x0 of a *base* density ρ0 you know, such as N(0, I), a sample x1 of a *target* ρ1 you have data of, and
//! join them by a path, the *interpolant*
//!
//! ```text
//! x_t = α(t) x0 + β(t) x1,    t from 0 (base) to 1 (target).
//! ```
//!
//! The law `ρ_t` of `x_t` is carried along by the *velocity* `v_t(x) = E[ẋ_t | x_t = x]`, and that velocity is the minimiser
//! of a plain quadratic loss: `E|v̂|² − 2 ẋ_t · v̂`. So training needs neither a solver nor a likelihood. A trained velocity
//! is a flow `dX/dt = v_t(X)`: forwards it samples the target, backwards it encodes data, and along a trajectory
//! `log ρ_t(X_t) = log ρ_0(X_0) − ∫ ∇·v`, the exact log-density.
//!
//! # Train, sample, score
//!
//! ```
//! use interflow::{Experiment, ExperimentConfig};
//! use interflow::core::target::DensityConfig;
//!
//! # fn main() -> Result<(), interflow::Error> {
//! let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
//! config.train.steps = 100; // 5000 draw two sharp moons
//! let flow = Experiment::new(config).train()?.into_flow();
//!
//! let samples = flow.sample(200, 0)?; // [200, 2]
//! let nats = flow.log_density(&samples, 1.0)?; // [200]
//! let latent = flow.encode(&samples)?; // [200, 2], nearly normal
//! assert_eq!((samples.size(), nats.size(), latent.size()), (vec![200, 2], vec![200], vec![200, 2]));
//! # Ok(())
//! # }
//! ```
//!
//! # Your own table
//!
//! [`fit`](fn@fit) chooses network and training by the table's size. Everything is in the table's units: samples come back as rows,
//! log-densities are those of rows as they stand.
//!
//! ```
//! use interflow::data::Table;
//! use interflow::{FitOptions, fit};
//! use interflow::tch::{Device, Kind, Tensor};
//!
//! # fn main() -> Result<(), interflow::Error> {
//! let values = Tensor::randn([400, 2], (Kind::Double, Device::Cpu)) * 10.0 + 170.0;
//! let table = Table { columns: Some(vec!["height".into(), "weight".into()]), values };
//! let options = FitOptions { steps: Some(50), ..FitOptions::default() };
//! let flow = fit(&table, &options)?;
//! let people = flow.sample(5, 1)?;
//! let nats = flow.log_density(&people, 1.0)?;
//! assert_eq!((people.size(), nats.size()), (vec![5, 2], vec![5]));
//! # Ok(())
//! # }
//! ```
//!
//! # A run that was trained before
//!
//! [`Flow::load`] takes a run folder of the program `interflow`, or one checkpoint file; the data are not needed. A
//! checkpoint is a safetensors file with a [`FlowManifest`], so loading one runs no code of it.
//!
//! # Where to go next
//!
//! - Sampling with conditions, noise, other interpolants or observations: [`SampleOptions`] and
//!   [`Flow::sample_with`].
//! - Running an experiment of the paper from its TOML file: [`ExperimentConfig::from_toml`] and [`Experiment`].
//! - Progress bars, and stopping work from another thread: [`Work`], [`Progress`], [`Cancel`].
//! - Parts of your own, each with an example in `crates/interflow/examples`: an interpolant
//!   ([`core::interpolant::Schedule`]), a network ([`core::Network`]), an objective
//!   ([`train::objective::Objective`]), a Runge–Kutta method ([`solvers::Tableau`]), a data set ([`data::Dataset`])
//!   and a coupling ([`core::coupling::Coupling`]; a flow trained with it knows its score only if it has a denoiser
//!   too).
//! - Memory, threads and matrix products, which are settings of the whole process: [`machine`].
//! - The crates below, one by one: [`core`], [`models`], [`solvers`], [`data`], [`metrics`], [`train`], [`transport`],
//!   [`flow`].
//!
//! # Conventions
//!
//! Time 0 is the base and time 1 the target. Batches are tensors `[B, D]`, times `[B]`, log-densities are in nats.
//! Every random number is a function of a seed, a stream and an index, so results are reproducible, on the CPU bit
//! for bit.
//!
//! # libtorch
//!
//! The crate links libtorch 2.11.0. In a checkout of Interflow `eval "$(cargo xtask setup --env)"` provides it and tells the
//! shell; any installation that `LIBTORCH` names, or a Python `torch==2.11.0` with `LIBTORCH_USE_PYTORCH=1`, will do.
//! A dependant's build script finds libtorch's library folder in `DEP_INTERFLOW_LIBTORCH_LIB`, and can pass it to the linker
//! as an rpath (`cargo::rustc-link-arg=-Wl,-rpath,…`), which makes `LD_LIBRARY_PATH` unnecessary.

#![deny(missing_docs)]

pub mod machine;

pub use interflow_flow::config::{BaseConfig, EvaluationConfig, TargetConfig};
pub use interflow_flow::{
    AsPoints, Base, Cancel, CarryOptions, Computed, DensityOptions, DivergenceConfig, Engine, Ensemble,
    Error, Experiment, ExperimentConfig, Fill, FitOptions, Flow, FlowManifest, FlowPath, HoleProbability,
    Meter, NoProgress, NoiseConfig, Precision, Progress, Result, RunFolder, SampleOptions, Samples,
    TableRows, Target, Task, Threads, Trained, Trials, Work, fit,
};

pub use interflow_core as core;
pub use interflow_data as data;
pub use interflow_flow as flow;
pub use interflow_metrics as metrics;
pub use interflow_models as models;
pub use interflow_solvers as solvers;
pub use interflow_train as train;
pub use interflow_transport as transport;

/// The tensor library that everything is built on, so that dependants need not name its version.
pub use interflow_core::tch;

/// The README's code, which `cargo test --doc` compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
