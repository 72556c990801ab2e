//! `train`: the flow that a config describes.

use interflow::ExperimentConfig;
use interflow::core::target::DensityConfig;
use interflow::models::{MlpConfig, ModelConfig};
use pyo3::prelude::*;
use toml::{Table, Value};

use crate::error::{raised, refused};
use crate::fit::{RunArgs, trained};
use crate::flow::Flow;
use crate::points::refuse;

/// A config's text: TOML from a file of this name, or a dict as JSON.
#[derive(FromPyObject)]
pub(crate) enum ConfigText {
    /// The text and the file's name.
    Toml(String, String),
    /// The dict.
    Json(String),
}

impl ConfigText {
    /// The text as TOML, and where it comes from.
    fn toml(self) -> PyResult<(String, String)> {
        match self {
            Self::Toml(text, place) => Ok((text, place)),
            Self::Json(text) => {
                let cannot =
                    |error: String| refused(format!("the config cannot be written as TOML: {error}"));
                let stated = serde_json::from_str(&text).map_err(|error| cannot(error.to_string()))?;
                let mut config = usual().map_err(raised)?;
                merge(&mut config, stated);
                let text = toml::to_string(&config).map_err(|error| cannot(error.to_string()))?;
                Ok((text, "the config".to_owned()))
            }
        }
    }
}

/// What a dict may leave out: all that has a default, but neither target nor network.
fn usual() -> interflow::Result<Table> {
    let network = ModelConfig::Mlp(MlpConfig::new(vec![1]));
    let text = ExperimentConfig::new(DensityConfig::TwoMoons {}, network).to_toml()?;
    let mut usual: Table = toml::from_str(&text).unwrap_or_default();
    usual.retain(|key, _| key != "target" && key != "model");
    Ok(usual)
}

/// Takes what is stated in place of what was there, table by table unless it is of another kind.
fn merge(config: &mut Table, stated: Table) {
    for (key, value) in stated {
        if let (Some(Value::Table(own)), Value::Table(new)) = (config.get_mut(&key), &value)
            && new.get("kind").is_none_or(|kind| own.get("kind") == Some(kind))
        {
            merge(own, new.clone());
        } else {
            config.insert(key, value);
        }
    }
}

/// Trains what a config says, with single keys set anew.
#[pyfunction]
pub(crate) fn train(py: Python<'_>, config: ConfigText, set: Vec<String>, run: RunArgs) -> PyResult<Flow> {
    let (text, place) = config.toml()?;
    trained(py, run, move |experiment| {
        let config = ExperimentConfig::from_toml(&text, &place, &set)?;
        if !config.variants.is_empty() {
            return refuse(
                "the config describes several flows\nhint: the program compares them, by `interflow experiment`",
            );
        }
        Ok(experiment(config))
    })
}
