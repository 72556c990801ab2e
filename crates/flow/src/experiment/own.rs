//! Parts of an experiment that come from outside instead of from its config.

use interflow_core::Network;
use interflow_core::coupling::Coupling;
use interflow_data::Dataset;
use interflow_train::Objective;

use crate::config::ExperimentConfig;
use crate::engine::{MakeInterpolant, Undescribed};
use crate::error::{Result, refuse};

/// The parts that take the place of the config's.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) base: Option<Box<dyn Dataset>>,
    pub(super) target: Option<Box<dyn Dataset>>,
    /// The data of the config's own target, where they were loaded before.
    pub(super) loaded: Option<Box<dyn Dataset>>,
    pub(super) objective: Option<Box<dyn Objective>>,
    pub(super) coupling: Option<Box<dyn Coupling>>,
    pub(super) network: Option<Box<dyn Network>>,
    pub(super) interpolant: Option<MakeInterpolant>,
}

impl Own {
    /// Refuses parts that the rest of the experiment cannot go with.
    pub(super) fn check(&self, config: &ExperimentConfig) -> Result<()> {
        if let Some(network) = &self.network {
            let (wanted, found) = (config.precision.kind(), network.parameters().kind());
            if found != wanted {
                return refuse(format!(
                    "the network's numbers are not of the experiment's precision, expected: {wanted:?}, found: {found:?}"
                ));
            }
        }
        if (self.network.is_some() || self.interpolant.is_some()) && config.precondition.is_some() {
            return refuse(
                "[precondition] is for the config's own network and interpolant\nhint: leave it out",
            );
        }
        if self.interpolant.is_some() && config.path.is_some() {
            return refuse("[path] starts at the config's own interpolant\nhint: leave it out");
        }
        Ok(())
    }

    /// The names of those parts that a checkpoint can do without: it is the config that does not describe them.
    pub(super) fn outside(&self) -> Vec<&'static str> {
        let parts = [
            ("base", self.base.is_some()),
            ("target", self.target.is_some()),
            ("objective", self.objective.is_some()),
            ("coupling", self.coupling.is_some()),
        ];
        parts.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
    }

    /// The parts that checkpoints cannot describe.
    pub(super) fn undescribed(&self) -> Undescribed {
        Undescribed { network: self.network.is_some(), interpolant: self.interpolant.clone() }
    }
}
