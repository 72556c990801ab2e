//! The folder of a run: its config, environment, metrics, checkpoints, figures, result and report.

use std::path::{Path, PathBuf};

use interflow_core::atomic;
use serde_json::Value;
use tch::Device;

use super::environment::environment;
use crate::config::ExperimentConfig;
use crate::error::{During as _, Result, io_error, refuse};

/// The file with the config that a run follows.
const CONFIG: &str = "config.toml";

/// The file that says what the run's numbers may depend on beside its config.
const ENVIRONMENT: &str = "environment.json";

/// The folder of a run, `OUT/NAME/TIME-SEED/`.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_core::target::DensityConfig;
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// use interflow_flow::{Flow, RunFolder};
///
/// # let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let out = std::env::temp_dir().join(format!("interflow-{}", std::process::id()));
/// let trained = Experiment::new(config).out(&out).train()?;
/// let folder: &RunFolder = trained.folder.as_ref().unwrap();
/// assert!(folder.path().join("config.toml").is_file());
/// let flow = Flow::load(folder.path())?;
/// # let _ = (flow, std::fs::remove_dir_all(out));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new run folder below `out` and writes the config and the environment into it.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if a folder or a file cannot be written.
    pub fn create(out: &Path, config: &ExperimentConfig, device: Device) -> Result<Self> {
        Self::create_outside(out, config, &[], device)
    }

    /// The same for an experiment some of whose parts come from outside its config.
    ///
    /// # Errors
    /// As [`RunFolder::create`].
    pub(crate) fn create_outside(
        out: &Path,
        config: &ExperimentConfig,
        outside: &[&str],
        device: Device,
    ) -> Result<Self> {
        Self::create_named(out, &config.name, config.seed, &text(config, outside)?, device)
    }

    /// Makes a new run folder for an experiment of this name and seed, and writes the text `config` and the
    /// environment into it.
    ///
    /// # Errors
    /// As [`RunFolder::create`].
    pub fn create_named(out: &Path, name: &str, seed: u64, config: &str, device: Device) -> Result<Self> {
        let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        let path = create_unused(&out.join(name), &format!("{time}-{seed}"))
            .during("cannot begin the run\nhint: choose another folder with --out")?;
        let folder = Self { path };
        for part in [folder.checkpoints(), folder.figures()] {
            std::fs::create_dir_all(&part)
                .map_err(io_error("create the run folder", &part))
                .during("cannot begin the run\nhint: choose another folder with --out")?;
        }
        folder.write(CONFIG, config.as_bytes())?;
        folder.write_json(ENVIRONMENT, &environment(device))?;
        Ok(folder)
    }

    /// Opens the folder of an existing run.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] for a folder without a config.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(CONFIG).is_file() {
            return refuse(format!("not a run folder, it has no {CONFIG}: {}", path.display()));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Removes the half-written files of processes that are gone. A file that cannot be removed stays, with a
    /// warning.
    pub fn sweep(&self) {
        for folder in [self.path.clone(), self.checkpoints(), self.figures()] {
            if let Err(error) = atomic::sweep(&folder) {
                tracing::warn!("half-written files stay in {}: {error}", folder.display());
            }
        }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file with the run's config.
    pub fn config_file(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// The run's config.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if it cannot be read; as [`ExperimentConfig::from_toml`].
    pub fn config(&self) -> Result<ExperimentConfig> {
        let file = self.config_file();
        let text = std::fs::read_to_string(&file).map_err(io_error("read the config", &file))?;
        ExperimentConfig::from_toml(&text, &file.display().to_string(), &[])
    }

    /// The threads of a tensor operation when the run began, if its environment says so.
    pub(crate) fn threads(&self) -> Option<i64> {
        self.environment()?["threads"].as_i64()
    }

    /// The environment in which the run began, such as versions and threads; `None` if the folder does not record it.
    pub fn environment(&self) -> Option<Value> {
        let text = std::fs::read_to_string(self.path.join(ENVIRONMENT)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The folder of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The folder of TensorBoard's event files.
    pub fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// The folder of figures.
    pub fn figures(&self) -> PathBuf {
        self.path.join("figures")
    }

    /// The file of training's numbers, with one JSON object on each line.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The file of the pairs of a reflow coupling.
    pub fn pairs(&self) -> PathBuf {
        self.path.join("pairs.npy")
    }

    /// Writes the file `name`, whole or not at all.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let target = self.path.join(name);
        atomic::write(&target, bytes).map_err(io_error("write the file", &target))
    }

    /// Writes the config that the run goes on with, some of whose parts may come from `outside` it.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub(crate) fn write_config(&self, config: &ExperimentConfig, outside: &[&str]) -> Result<()> {
        self.write(CONFIG, text(config, outside)?.as_bytes())
    }

    /// Writes a JSON file, whole or not at all.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if it cannot be written.
    pub fn write_json(&self, name: &str, value: &Value) -> Result<()> {
        self.write(name, format!("{value:#}\n").as_bytes())
    }
}

/// A config as its file has it, which says of what it does not describe.
fn text(config: &ExperimentConfig, outside: &[&str]) -> Result<String> {
    let config = config.to_toml()?;
    if outside.is_empty() {
        return Ok(config);
    }
    let parts = outside.join(", ");
    Ok(format!(
        "# What this config says of these parts was not used, they came from a program: {parts}\n{config}"
    ))
}

/// Makes the first of the folders `name`, `name-2`, `name-3`, … that does not exist yet: of two processes each has its own.
fn create_unused(parent: &Path, name: &str) -> Result<PathBuf> {
    std::fs::create_dir_all(parent).map_err(io_error("create the run folder", parent))?;
    let mut path = parent.join(name);
    let mut count = 2;
    while let Err(error) = std::fs::create_dir(&path) {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            return Err(io_error("create the run folder", &path)(error));
        }
        path = parent.join(format!("{name}-{count}"));
        count += 1;
    }
    Ok(path)
}
