//! From a config to a trained flow.
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
//! let flow = trained.flow();
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
use std::sync::Arc;

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
use crate::error::Result;
use crate::threads::Threads;
use crate::work::Work;

/// A run to be made: what its config says, where its data and results lie, and the parts that come from elsewhere than
/// the config.
///
/// Training sets the threads of libtorch's operations for the whole process, as the config says, and gives it all cores
/// once it is over; where they are chosen by what steps take ([`Threads::Auto`]), so are those of the trained flow's calls.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_core::target::DensityConfig;
/// use interflow_flow::{Experiment, ExperimentConfig};
///
/// let mut config = ExperimentConfig::synthetic("rings", DensityConfig::Rings {});
/// config.train.steps = 10;
/// let flow = Experiment::new(config).threads(1).train()?.flow();
/// assert_eq!(flow.sample(3, 0)?.size(), [3, 2]);
/// # Ok(())
/// # }
/// ```
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
    /// The experiment that a config describes: on the CPU, in memory, with data below the folder `data`.
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

    /// With data sets below this folder.
    #[must_use]
    pub fn data(self, folder: impl Into<PathBuf>) -> Self {
        Self { data: folder.into(), ..self }
    }

    /// On this device ([`crate::device::parse`]).
    #[must_use]
    pub fn device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// With these threads of a tensor operation, a number or [`Threads::Auto`], whatever the config and the environment say.
    #[must_use]
    pub fn threads(self, threads: impl Into<Threads>) -> Self {
        Self { threads: Some(threads.into()), ..self }
    }

    /// Written into a new run folder below this one ([`crate::run::RunFolder`]): metrics, checkpoints, the config.
    #[must_use]
    pub fn out(self, folder: impl Into<PathBuf>) -> Self {
        Self { out: Some(folder.into()), ..self }
    }

    /// Going on with the newest checkpoint of a run folder, or with the checkpoint file at this path, in its run folder.
    #[must_use]
    pub fn resume(self, path: impl Into<PathBuf>) -> Self {
        Self { resume: Some(path.into()), ..self }
    }

    /// Shown, stopped and shared out by `work`. Training that is stopped ends between two steps with its state saved. Of several
    /// processes, each of which makes the same experiment, the process 0 alone has a run folder.
    #[must_use]
    pub fn work(self, work: Work) -> Self {
        Self { work, ..self }
    }

    /// With data of one's own in place of the config's base.
    #[must_use]
    pub fn base(mut self, data: Box<dyn Dataset>) -> Self {
        self.own.base = Some(data);
        self
    }

    /// With data of one's own in place of the config's target.
    #[must_use]
    pub fn target(mut self, data: Box<dyn Dataset>) -> Self {
        self.own.target = Some(data);
        self
    }

    /// With the data of the config's target, which were loaded before: they are not read again.
    #[must_use]
    pub fn loaded(mut self, data: Box<dyn Dataset>) -> Self {
        self.own.loaded = Some(data);
        self
    }

    /// With an objective of one's own in place of the config's.
    #[must_use]
    pub fn objective(mut self, objective: Box<dyn Objective>) -> Self {
        self.own.objective = Some(objective);
        self
    }

    /// With a coupling of one's own in place of the config's.
    #[must_use]
    pub fn coupling(mut self, coupling: Box<dyn Coupling>) -> Self {
        self.own.coupling = Some(coupling);
        self
    }

    /// With a network of one's own in place of the config's, on its own device and of the config's precision. Its flow
    /// lives in memory: no checkpoint could describe it.
    #[must_use]
    pub fn network(mut self, network: Box<dyn Network>) -> Self {
        self.own.network = Some(network);
        self
    }

    /// With the interpolant that `make` makes, whenever one is needed, in place of the config's. Its flow lives in memory:
    /// no checkpoint could describe it.
    #[must_use]
    pub fn interpolant(mut self, make: impl Fn() -> Interpolant + Send + Sync + 'static) -> Self {
        self.own.interpolant = Some(Arc::new(make));
        self
    }

    /// Watched by `observer` too.
    #[must_use]
    pub fn observe(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observers.push(observer);
        self
    }

    /// Trains.
    ///
    /// # Errors
    /// As [`Experiment::prepare`] and [`Run::train`].
    pub fn train(self) -> Result<Trained> {
        self.prepare()?.train()
    }
}
