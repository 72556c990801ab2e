//! A solver's configuration as data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::controller::PiController;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::solver::{Solver, Stepping};

/// A named method with its grid or its tolerances.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SolverConfig {
    /// The method.
    pub method: Method,
    /// The number of equal steps. Methods without an error estimate need it; the others run on a fixed grid
    /// where it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Relative tolerance of adaptive steps.
    pub rtol: f64,
    /// Absolute tolerance of adaptive steps.
    pub atol: f64,
    /// The most adaptive steps, accepted or rejected, tried for one row.
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
