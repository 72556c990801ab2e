//! Objectives as written in a config.

use std::path::Path;

use interflow_core::Network;
use interflow_solvers::{Sensitivity, SolverConfig};
use serde::{Deserialize, Serialize};

use super::Objective;
use super::flow_map::{FlowMapMatching, FlowMapMatchingConfig};
use super::form::ObjectiveForm;
use super::likelihood::MaximumLikelihood;
use super::velocity::VelocityMatching;
use super::velocity_with_denoiser::VelocityWithDenoiser;
use crate::error::Result;

/// The objective that training minimises, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ObjectiveConfig {
    /// The velocity's regression ([`VelocityMatching`]).
    Velocity {
        /// The form of the loss.
        #[serde(default)]
        form: ObjectiveForm,
    },
    /// The regressions of velocity and denoiser ([`VelocityWithDenoiser`]).
    VelocityWithDenoiser {
        /// The form of both losses.
        #[serde(default)]
        form: ObjectiveForm,
    },
    /// The negative log-likelihood ([`MaximumLikelihood`]).
    Likelihood {
        /// How the gradient is computed along the trajectories.
        #[serde(default)]
        sensitivity: Sensitivity,
        /// The solver that integrates the trajectories.
        #[serde(default)]
        solver: SolverConfig,
    },
    /// The conditions of a flow map ([`FlowMapMatching`]).
    FlowMap(FlowMapMatchingConfig),
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self::Velocity { form: ObjectiveForm::default() }
    }
}

impl ObjectiveConfig {
    /// The run folder or checkpoint of the velocity from which a flow map is distilled, if the config names one.
    pub fn teacher(&self) -> Option<&Path> {
        match self {
            Self::FlowMap(config) => config.teacher.as_deref(),
            _ => None,
        }
    }

    /// The objective itself.
    ///
    /// # Errors
    /// [`crate::Error::Solver`] for settings of a solver that make no sense; [`crate::Error::OutOfRange`] for others;
    /// [`crate::Error::Objective`] if it needs a teacher ([`ObjectiveConfig::build_with`]).
    pub fn build(&self) -> Result<Box<dyn Objective>> {
        self.build_with(None)
    }

    /// The objective itself, with the network of the teacher that the config names ([`ObjectiveConfig::teacher`]).
    ///
    /// # Errors
    /// As [`ObjectiveConfig::build`].
    pub fn build_with(&self, teacher: Option<Box<dyn Network>>) -> Result<Box<dyn Objective>> {
        Ok(match self {
            Self::Velocity { form } => Box::new(VelocityMatching { form: *form }),
            Self::VelocityWithDenoiser { form } => Box::new(VelocityWithDenoiser { form: *form }),
            Self::Likelihood { sensitivity, solver } => {
                Box::new(MaximumLikelihood::new(*sensitivity, solver)?)
            }
            Self::FlowMap(config) => Box::new(FlowMapMatching::new(config.clone(), teacher)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_are_read_strictly() {
        let read = |text: &str| serde_json::from_str::<ObjectiveConfig>(text);
        assert_eq!(read(r#"{"kind": "velocity"}"#).unwrap(), ObjectiveConfig::default());
        let square = read(r#"{"kind": "velocity-with-denoiser", "form": "mean-square"}"#).unwrap();
        assert_eq!(square, ObjectiveConfig::VelocityWithDenoiser { form: ObjectiveForm::MeanSquare });
        let likelihood = read(r#"{"kind": "likelihood", "solver": {"method": "rk4", "steps": 3}}"#).unwrap();
        assert!(likelihood.build().is_ok());
        let map =
            read(r#"{"kind": "flow-map", "condition": "mean-flow", "times": {"end_share": 0.2}}"#).unwrap();
        assert!(map.build().is_ok() && map.teacher().is_none());
        let taught = read(r#"{"kind": "flow-map", "teacher": "runs/a"}"#).unwrap();
        assert_eq!(taught.teacher(), Some(Path::new("runs/a")));
        assert!(taught.build().is_err());
        for bad in [
            r#"{"kind": "flow-map", "conditions": "mean-flow"}"#,
            r#"{"kind": "flow-map", "times": {"ends": 0.2}}"#,
            r#"{"kind": "velocity", "from": "g"}"#,
            r#"{"kind": "velocity", "form": "h"}"#,
            r#"{"kind": "likelihood", "form": "g"}"#,
            r#"{"kind": "denoiser"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(r#"{"kind": "likelihood", "solver": {"method": "rk4"}}"#).unwrap().build().is_err());
    }
}
