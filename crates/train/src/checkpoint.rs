//! The whole state of a run in one safetensors file.
//!
//! The file's metadata holds a format version, the step, the seed, the config's text and a SHA-256 over all of
//! it and over every tensor's name, kind, shape and bytes, so that a truncated or altered file is refused.
//! Reading one runs no code of the file.

mod format;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use interflow_core::Parameters;
use interflow_data::atomic;
use tch::Tensor;

use self::format::Contents;
use crate::optimizer::Moments;
use crate::{Error, Result, Trainer};

/// What an unusable file calls for.
const FALL_BACK: &str = "use the previous checkpoint in the same folder, or copy the file again";

/// A run's state as read from a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checkpoint {
    /// How many steps were taken.
    pub step: u64,
    /// The text of the config the run was started with.
    pub config_text: String,
    /// The run's seed.
    pub seed: u64,
    /// The weights by name.
    pub model: Vec<(String, Tensor)>,
    /// The averaged weights by name, if there is an average.
    pub ema: Option<Vec<(String, Tensor)>>,
    /// The optimiser's moments.
    pub moments: Moments,
    /// The state of what was trained beside the velocity, by name; empty if there was nothing.
    pub companion: Vec<(String, Tensor)>,
    /// The best held-out objective so far.
    pub best_objective: Option<f64>,
    /// The held-out checks since then.
    pub n_worse: u32,
}

impl Checkpoint {
    /// Writes the state of `trainer` to `path`: to a file beside it first, which then takes its place, so that
    /// no crash leaves half a checkpoint under that name.
    ///
    /// # Errors
    /// [`Error::Io`] with what could not be done, [`Error::Torch`] if a tensor cannot be read.
    pub fn save(path: &Path, trainer: &Trainer, config_text: &str) -> Result<()> {
        let bytes = contents(trainer, config_text).to_bytes(path)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        }
        atomic::write(path, &bytes).map_err(io_error("write", path))
    }

    /// Reads a checkpoint onto the CPU.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Checkpoint`] if it is damaged or of another format.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(io_error("read", path))?;
        let mut contents = Contents::from_bytes(path, &bytes)?;
        let metadata = &contents.metadata;
        let step = number(path, metadata, "step")?;
        let seed = number(path, metadata, "seed")?;
        let n_worse = number(path, metadata, "n_worse")? as u32;
        let best_objective = if metadata.contains_key("best_objective_bits") {
            Some(f64::from_bits(number(path, metadata, "best_objective_bits")?))
        } else {
            None
        };
        let has_ema = metadata.get("ema").is_some_and(|value| value == "yes");
        let config_text = contents.metadata.remove("config").unwrap_or_default();
        let ema = contents.with_prefix("ema/");
        Ok(Self {
            step,
            config_text,
            seed,
            model: contents.with_prefix("model/"),
            ema: has_ema.then_some(ema),
            moments: Moments {
                exp_avg: contents.with_prefix("optimizer/exp_avg/"),
                exp_avg_sq: contents.with_prefix("optimizer/exp_avg_sq/"),
            },
            companion: contents.with_prefix("companion/"),
            best_objective,
            n_worse,
        })
    }

    /// The weights to make samples with: the averaged ones if there are any.
    pub fn network_weights(&self) -> &[(String, Tensor)] {
        self.ema.as_deref().unwrap_or(&self.model)
    }
}

fn contents(trainer: &Trainer, config_text: &str) -> Contents {
    let mut contents = Contents::default();
    let patience = trainer.patience();
    let ema = if trainer.ema().is_some() { "yes" } else { "no" };
    let mut entry = |name: &str, value: String| contents.metadata.insert(name.to_owned(), value);
    entry("step", trainer.step().to_string());
    entry("seed", trainer.seed().to_string());
    entry("config", config_text.to_owned());
    entry("n_worse", patience.n_worse.to_string());
    entry("ema", ema.to_owned());
    if let Some(best) = patience.best {
        entry("best_objective_bits", best.to_bits().to_string());
    }
    let named = |parameters: &Parameters| -> Vec<(String, Tensor)> {
        parameters.iter().map(|(name, tensor)| (name.to_owned(), tensor.detach())).collect()
    };
    contents.put("model/", named(trainer.network().parameters()));
    if let Some(ema) = trainer.ema() {
        contents.put("ema/", named(ema.network().parameters()));
    }
    let moments = trainer.optimizer().moments();
    contents.put("optimizer/exp_avg/", moments.exp_avg);
    contents.put("optimizer/exp_avg_sq/", moments.exp_avg_sq);
    contents.put("companion/", trainer.companion_state());
    contents
}

fn number(path: &Path, metadata: &BTreeMap<String, String>, name: &str) -> Result<u64> {
    metadata.get(name).and_then(|value| value.parse().ok()).ok_or_else(|| Error::Checkpoint {
        path: path.to_owned(),
        problem: format!("no number `{name}` in the metadata"),
        hint: FALL_BACK,
    })
}

pub(crate) fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { operation, path: path.to_owned(), source }
}
