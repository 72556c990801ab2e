//! The folder of a run: config, environment, metrics, checkpoints, figures, result and report.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use interflow_data::atomic;
use serde_json::{Value, json};

use crate::config::ExperimentConfig;

/// A run's folder, `OUT/NAME/<time>-<seed>/`.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl RunFolder {
    /// Makes a new folder and writes config and environment.
    pub(crate) fn create(out: &Path, config: &ExperimentConfig, device: &str) -> Result<Self> {
        Self::create_with(out, &config.name, config.seed, &config.to_toml()?, device)
    }

    /// Makes a new folder for an experiment and writes its config's text and the environment.
    pub(crate) fn create_with(out: &Path, name: &str, seed: u64, config: &str, device: &str) -> Result<Self> {
        let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        let parent = out.join(name);
        let path = unused(&parent, &format!("{time}-{seed}"));
        let folder = Self { path };
        for part in [folder.checkpoints(), folder.figures()] {
            std::fs::create_dir_all(&part).with_context(|| {
                format!("cannot create the run folder: {}\nhint: choose another with --out", part.display())
            })?;
        }
        folder.write("config.toml", config.as_bytes())?;
        folder.write_json("environment.json", &environment(device))?;
        Ok(folder)
    }

    /// An existing run's folder.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.join("config.toml").is_file() {
            bail!("not a run folder, it has no config.toml: {}", path.display());
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Where checkpoints lie.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Where TensorBoard's event files lie.
    pub(crate) fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// Where figures lie.
    pub(crate) fn figures(&self) -> PathBuf {
        self.path.join("figures")
    }

    /// Writes a file whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let target = self.path.join(name);
        atomic::write(&target, bytes).with_context(|| format!("cannot write the file: {}", target.display()))
    }

    /// Writes the resolved config.
    pub(crate) fn write_config(&self, config: &ExperimentConfig) -> Result<()> {
        self.write("config.toml", config.to_toml()?.as_bytes())
    }

    /// Writes a JSON file whole or not at all.
    pub(crate) fn write_json(&self, name: &str, value: &Value) -> Result<()> {
        self.write(name, format!("{value:#}\n").as_bytes())
    }
}

/// Adds `bytes` to the end of a file that was opened to append, all of them or none.
pub(crate) fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let whole = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        // Without a part of the bytes the file stays readable; that this failed too is no news.
        let _ = file.set_len(whole);
    })
}

/// The first of `name`, `name-2`, `name-3`, … that does not exist yet.
fn unused(parent: &Path, name: &str) -> PathBuf {
    let mut path = parent.join(name);
    let mut count = 2;
    while path.exists() {
        path = parent.join(format!("{name}-{count}"));
        count += 1;
    }
    path
}

/// What a run's numbers may depend on.
fn environment(device: &str) -> Value {
    json!({
        "interflow": env!("CARGO_PKG_VERSION"),
        "libtorch": "2.11.0",
        "device": device,
        "threads": tch::get_num_threads(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "git_commit": git_commit(),
        "started": jiff::Timestamp::now().to_string(),
    })
}

/// The commit of the working directory, if there is one.
fn git_commit() -> Option<String> {
    let output = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
