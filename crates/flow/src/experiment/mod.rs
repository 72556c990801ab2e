//! Experiments: from a config to a trained flow.
//!
//! ```
//! use interflow_flow::{Experiment, ExperimentConfig};
//!
//! # fn main() -> interflow_flow::Result<()> {
//! # let text = include_str!("../../tests/tiny.toml");
//! // `text` is a file such as configs/checkerboard.toml; a few steps do for an example.
//! let config = ExperimentConfig::from_toml(text, "tiny.toml", &["train.steps=20".to_owned()])?;
//! let trained = Experiment::new(config).train()?;
//! assert_eq!(trained.outcome.steps, 20);
//! let flow = trained.into_flow();
//! assert_eq!(flow.sample(5, 0)?.size(), [5, 2]);
//! # Ok(())
//! # }
//! ```

mod agreement;
mod own;
mod prepare;
mod run;
mod size;
mod trained;
mod watch;

use std::path::PathBuf;

use interflow_core::Network;
use interflow_core::coupling::Coupling;
use interflow_core::interpolant::Interpolant;
use interflow_data::Dataset;
use interflow_train::{Objective, Observer};
use tch::Device;

use self::own::Own;
pub use self::run::Run;
pub use self::trained::Trained;
use crate::config::ExperimentConfig;
use crate::engine::MakeInterpolant;
use crate::error::Result;
use crate::threads::Threads;
use crate::work::Work;

/// A run before it is prepared: its config, the places of data and results, and the parts that a program gives
/// instead of the config.
///
/// Training sets the number of libtorch's threads for the whole process, as the config says. Afterwards it gives the
/// process all cores, unless [`Experiment::threads`] or the environment set a number. With [`Threads::Auto`] the
/// calls of the trained flow choose their number of threads too.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_core::target::DensityConfig;
/// use interflow_flow::{Experiment, ExperimentConfig};
///
/// let mut config = ExperimentConfig::synthetic("rings", DensityConfig::Rings {});
/// config.train.steps = 10;
/// let flow = Experiment::new(config).threads(1).train()?.into_flow();
/// assert_eq!(flow.sample(3, 0)?.size(), [3, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Experiment<'a> {
    config: ExperimentConfig,
    data: PathBuf,
    device: Device,
    threads: Option<Threads>,
    out: Option<PathBuf>,
    resume: Option<PathBuf>,
    work: Work,
    own: Own,
    observers: Vec<&'a mut dyn Observer>,
}

impl<'a> Experiment<'a> {
    /// An experiment on the CPU, without a run folder, with its data sets below the folder `data`.
    pub fn new(config: ExperimentConfig) -> Self {
        Self {
            config,
            data: PathBuf::from("data"),
            device: Device::Cpu,
            threads: None,
            out: None,
            resume: None,
            work: Work::default(),
            own: Own::default(),
            observers: Vec::new(),
        }
    }

    /// The same with its data sets below `folder`.
    #[must_use]
    pub fn data(self, folder: impl Into<PathBuf>) -> Self {
        Self { data: folder.into(), ..self }
    }

    /// The same on this device ([`crate::device::parse`]).
    #[must_use]
    pub fn device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// The same with this number of threads for each tensor operation, or [`Threads::Auto`], whatever the config and
    /// the environment say.
    #[must_use]
    pub fn threads(self, threads: impl Into<Threads>) -> Self {
        Self { threads: Some(threads.into()), ..self }
    }

    /// The same with its config, metrics and checkpoints written into a new run folder below `folder`
    /// ([`crate::run::RunFolder`]).
    #[must_use]
    pub fn out(self, folder: impl Into<PathBuf>) -> Self {
        Self { out: Some(folder.into()), ..self }
    }

    /// The same as the continuation of an earlier run: from the newest checkpoint of the run folder `path`, or from
    /// the checkpoint file `path`. Results go into that run's folder.
    #[must_use]
    pub fn resume(self, path: impl Into<PathBuf>) -> Self {
        Self { resume: Some(path.into()), ..self }
    }

    /// The same with `work`, which shows its progress, can stop it, and may share it among several processes.
    /// Training that is stopped ends between two steps and saves its state. Processes that share an experiment each
    /// make the same one; only process 0 has a run folder.
    #[must_use]
    pub fn work(self, work: Work) -> Self {
        Self { work, ..self }
    }

    /// The same with `data` as its base, whatever the config says.
    #[must_use]
    pub fn base(mut self, data: Box<dyn Dataset>) -> Self {
        self.own.base = Some(data);
        self
    }

    /// The same with `data` as its target, whatever the config says.
    #[must_use]
    pub fn target(mut self, data: Box<dyn Dataset>) -> Self {
        self.own.target = Some(data);
        self
    }

    /// The same with the target's data already loaded: `data` are those that the config names, which are not read
    /// again.
    #[must_use]
    pub fn loaded(mut self, data: Box<dyn Dataset>) -> Self {
        self.own.loaded = Some(data);
        self
    }

    /// The same with an objective that a program gives instead of the config.
    #[must_use]
    pub fn objective(mut self, objective: Box<dyn Objective>) -> Self {
        self.own.objective = Some(objective);
        self
    }

    /// The same with a coupling that a program gives instead of the config.
    #[must_use]
    pub fn coupling(mut self, coupling: Box<dyn Coupling>) -> Self {
        self.own.coupling = Some(coupling);
        self
    }

    /// The same with a network that a program gives instead of the config. It stays on its own device and must have
    /// the config's precision. Its flow lives in memory only, because no checkpoint could describe it.
    #[must_use]
    pub fn network(mut self, network: Box<dyn Network>) -> Self {
        self.own.network = Some(network);
        self
    }

    /// The same with an interpolant that a program gives instead of the config; `make` is called whenever one is
    /// needed. Its flow lives in memory only, because no checkpoint could describe it.
    #[must_use]
    pub fn interpolant(mut self, make: impl Fn() -> Interpolant + Send + Sync + 'static) -> Self {
        self.own.interpolant = Some(MakeInterpolant::new(make));
        self
    }

    /// The same with one more observer of its training.
    #[must_use]
    pub fn observe(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observers.push(observer);
        self
    }

    /// Prepares the run and trains it.
    ///
    /// # Errors
    /// As [`Experiment::prepare`] and [`Run::train`].
    pub fn train(self) -> Result<Trained> {
        self.prepare()?.train()
    }
}
