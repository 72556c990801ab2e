//! Experiments whose config describes no flow to train: exact fields between mixtures, and what training costs.
//!
//! They have configs of their own, told apart by `study.kind`.

pub mod cost;
pub mod exact;
mod settings;

use anyhow::Result;
use interflow_flow::RunFolder;

use self::cost::CostExperiment;
use self::exact::ExactExperiment;
pub use self::settings::Settings;
use crate::config_text::ConfigText;
use crate::findings::Findings;

const GMM_EXACT: &str = "gmm-exact";
const COST: &str = "cost";

/// Whether a config describes no flow to train.
pub fn is_untrained(config: &ConfigText<'_>) -> bool {
    matches!(config.study_kind().as_deref(), Some(GMM_EXACT | COST))
}

/// Makes the study of a config that describes no flow to train, and writes it into a folder of its own; nothing if the
/// config is another one.
///
/// # Errors
/// If the config is refused, a solver or a training fails, the work is cancelled, or the folder cannot be written.
pub fn run(config: &ConfigText<'_>, settings: &Settings) -> Result<Option<(RunFolder, Findings)>> {
    Ok(match config.study_kind().as_deref() {
        Some(GMM_EXACT) => Some(ExactExperiment::read(config, settings)?.run(settings)?),
        Some(COST) => Some(CostExperiment::read(config, settings)?.run(settings)?),
        _ => None,
    })
}
