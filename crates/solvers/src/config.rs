//! The configuration of a solver.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::controller::PiController;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::solver::{Solver, Stepping};

/// A named method, with its number of equal steps or its tolerances.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SolverConfig {
    /// The method.
    pub method: Method,
    /// The number of equal steps. Methods without an error estimate need it; the others take adaptive steps without
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// The relative tolerance of adaptive steps.
    pub rtol: f64,
    /// The absolute tolerance of adaptive steps.
    pub atol: f64,
    /// The largest number of adaptive steps, accepted or rejected, that one row may take.
    pub max_steps: u32,
}

impl Default for SolverConfig {
    fn default() -> Self {
        Self { method: Method::Dopri5, steps: None, rtol: 1e-5, atol: 1e-5, max_steps: 10_000 }
    }
}

impl SolverConfig {
    /// Checks the settings and returns the solver.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] or [`Error::MissingSteps`].
    pub fn build(&self) -> Result<Solver> {
        check_positive("rtol", self.rtol)?;
        check_positive("atol", self.atol)?;
        check_positive("max_steps", f64::from(self.max_steps))?;
        let tableau = self.method.tableau();
        let stepping = match self.steps {
            Some(steps) => Stepping::Fixed { steps },
            None => Stepping::Adaptive {
                controller: Arc::new(PiController::new(self.rtol, self.atol, tableau.order())),
                max_steps: self.max_steps,
            },
        };
        Solver::new(tableau, stepping)
    }
}

fn check_positive(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::InvalidConfig { name, requirement: "positive and finite", value })
}
