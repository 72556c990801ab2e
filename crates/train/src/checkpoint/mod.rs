//! The whole state of a run in one safetensors file.
//!
//! The metadata of the file hold a format version, the step, the seed, named texts (the description of the run or its
//! flow, by whoever saves it), and a SHA-256 of all this and of every tensor's name, kind, shape and bytes. A
//! truncated or altered file is therefore refused. Reading a file runs no code of it.

mod format;
mod snapshot;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use interflow_core::{Parameters, atomic};
use tch::Tensor;

use self::format::{Contents, FALL_BACK, Version};
pub(crate) use self::snapshot::Snapshot;
use crate::error::{Error, Result, io_error};
use crate::optimizer::OptimizerState;
use crate::run_state::RunState;

/// What the names of texts begin with in the metadata.
const TEXT: &str = "text/";
/// The one text of a file of the first version, both its name there and the one it is read under.
const CONFIG: &str = "config";
/// The parts of a step's batch, in files of runs that chose them.
const PARTS: &str = "parts";

/// The state of a run as read from a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The number of steps taken.
    pub step: u64,
    /// The texts that were saved with the state, by name. A file of the first version holds one, the run's config under the
    /// name `config`.
    pub texts: BTreeMap<String, String>,
    /// The run's seed.
    pub seed: u64,
    /// The weights by name.
    pub model: Vec<(String, Tensor)>,
    /// The averaged weights (EMA) by name, if there is an average.
    pub ema: Option<Vec<(String, Tensor)>>,
    /// The optimiser's moments.
    pub optimizer: OptimizerState,
    /// The state of the run's companion, by name; empty if there was none.
    pub companion: Vec<(String, Tensor)>,
    /// The best held-out objective so far.
    pub best_objective: Option<f64>,
    /// The number of held-out checks since then.
    pub n_worse: u32,
    /// The number of parts of a step's batch, if it was chosen from the device's memory.
    pub parts: Option<i64>,
}

impl Checkpoint {
    /// Writes the state of a run and `texts` by name to the file `path`. A temporary file beside it takes its place
    /// at the end, so a crash leaves no incomplete checkpoint under that name.
    ///
    /// # Errors
    /// [`Error::Io`] naming the failed operation, [`Error::Torch`] if a tensor cannot be read.
    pub fn save(path: &Path, state: &RunState<'_>, texts: &BTreeMap<String, String>) -> Result<()> {
        let bytes = contents(state, texts).into_bytes(path)?;
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
        let contents = Contents::from_bytes(path, &bytes)?;
        let metadata = &contents.metadata;
        let best_objective = if metadata.contains_key("best_objective_bits") {
            Some(f64::from_bits(number(path, metadata, "best_objective_bits")?))
        } else {
            None
        };
        let has_ema = metadata.get("ema").is_some_and(|value| value == "yes");
        Ok(Self {
            step: number(path, metadata, "step")?,
            texts: texts(&contents),
            seed: number(path, metadata, "seed")?,
            model: contents.with_prefix("model/"),
            ema: has_ema.then(|| contents.with_prefix("ema/")),
            optimizer: OptimizerState {
                exp_avg: contents.with_prefix("optimizer/exp_avg/"),
                exp_avg_sq: contents.with_prefix("optimizer/exp_avg_sq/"),
            },
            companion: contents.with_prefix("companion/"),
            best_objective,
            n_worse: number(path, metadata, "n_worse")? as u32,
            parts: metadata.get(PARTS).map(|_| number(path, metadata, PARTS)).transpose()?.map(|n| n as i64),
        })
    }

    /// The weights to draw samples with: the averaged ones if there are any, or else those in training.
    pub fn network_weights(&self) -> &[(String, Tensor)] {
        self.ema.as_deref().unwrap_or(&self.model)
    }
}

fn contents(state: &RunState<'_>, texts: &BTreeMap<String, String>) -> Contents {
    let mut contents = Contents::default();
    let mut entry = |name: &str, value: String| contents.metadata.insert(name.to_owned(), value);
    entry("step", state.step.to_string());
    entry("seed", state.seed.to_string());
    entry("n_worse", state.n_worse.to_string());
    entry("ema", if state.ema.is_some() { "yes" } else { "no" }.to_owned());
    if let Some(best) = state.best_objective {
        entry("best_objective_bits", best.to_bits().to_string());
    }
    if let Some(parts) = state.parts {
        entry(PARTS, parts.to_string());
    }
    for (name, text) in texts {
        entry(&format!("{TEXT}{name}"), text.clone());
    }
    contents.put("model/", named(state.network.parameters()));
    if let Some(ema) = state.ema {
        contents.put("ema/", named(ema.parameters()));
    }
    contents.put("optimizer/exp_avg/", handles(&state.optimizer.exp_avg));
    contents.put("optimizer/exp_avg_sq/", handles(&state.optimizer.exp_avg_sq));
    contents.put("companion/", handles(&state.companion));
    contents
}

fn named(parameters: &Parameters) -> Vec<(String, Tensor)> {
    parameters.iter().map(|(name, tensor)| (name.to_owned(), tensor.detach())).collect()
}

fn handles(tensors: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}

/// The texts in a file of any version.
fn texts(contents: &Contents) -> BTreeMap<String, String> {
    let entries = contents.metadata.iter();
    let named = |(name, text): (&String, &String)| match contents.version {
        Version::One => (name == CONFIG).then(|| (name.clone(), text.clone())),
        Version::Two => name.strip_prefix(TEXT).map(|name| (name.to_owned(), text.clone())),
    };
    entries.filter_map(named).collect()
}

fn number(path: &Path, metadata: &BTreeMap<String, String>, name: &str) -> Result<u64> {
    metadata.get(name).and_then(|value| value.parse().ok()).ok_or_else(|| Error::Checkpoint {
        path: path.to_owned(),
        problem: format!("no number `{name}` in the metadata"),
        hint: FALL_BACK,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: Version, entries: &[(&str, &str)]) -> Checkpoint {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let numbers = [("step", "7"), ("seed", "3"), ("n_worse", "0"), ("ema", "no")];
        let entries = numbers.iter().chain(entries).map(|(name, text)| (name.to_string(), text.to_string()));
        let mut contents = Contents { version, metadata: entries.collect(), ..Contents::default() };
        contents.put("model/", vec![("weight".to_owned(), Tensor::from_slice(&[1.0f32, 2.0]))]);
        fs::write(&path, contents.into_bytes(&path).unwrap()).unwrap();
        Checkpoint::load(&path).unwrap()
    }

    #[test]
    fn a_file_of_the_first_version_has_its_config_as_a_text() {
        let old = written(Version::One, &[("config", "steps = 9")]);
        assert_eq!((old.step, old.seed, old.model.len()), (7, 3, 1));
        assert_eq!(old.texts, [("config".to_owned(), "steps = 9".to_owned())].into());
        let new = written(Version::Two, &[("text/manifest", "dim = 2")]);
        assert_eq!(new.texts, [("manifest".to_owned(), "dim = 2".to_owned())].into());
        assert_eq!((new.step, new.model[0].0.as_str()), (7, "weight"));
    }
}
