//! Experiments whose config describes no flow to train: exact fields between mixtures, and the cost of training.
//!
//! They have configs of their own, which are recognised by `study.kind`.

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

/// Whether a config describes such an experiment.
pub fn is_untrained(config: &ConfigText<'_>) -> bool {
    matches!(config.study_kind().as_deref(), Some(GMM_EXACT | COST))
}

/// Runs the study of such a config, and writes it into a run folder of its own; `None` if the config is of another
/// kind.
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
