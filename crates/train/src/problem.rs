//! What is trained on: the path and the data at its ends.

use std::sync::Arc;

use interflow_core::coupling::Coupling;
use interflow_core::density::Density;
use interflow_core::interpolant::Interpolant;
use interflow_core::source::Source;

use crate::{Error, Result};

/// An interpolant between two laws, with data for training and held-out data for checks.
pub struct Problem {
    /// The path.
    pub interpolant: Interpolant,
    /// The pairing of the end points.
    pub coupling: Box<dyn Coupling>,
    /// Training points of the base ρ0.
    pub base: Box<dyn Source>,
    /// The base's density, which only maximum likelihood needs.
    pub base_density: Option<Arc<dyn Density>>,
    /// Training points of the target ρ1.
    pub target: Box<dyn Source>,
    /// Held-out points of the base.
    pub held_out_base: Box<dyn Source>,
    /// Held-out points of the target.
    pub held_out_target: Box<dyn Source>,
}

impl Problem {
    /// Checks that all sources have the network's dimension.
    ///
    /// # Errors
    /// [`Error::Dimension`] naming the first source that has not.
    pub fn check(&self, expected: i64) -> Result<()> {
        let parts = [
            ("base", &self.base),
            ("target", &self.target),
            ("held-out base", &self.held_out_base),
            ("held-out target", &self.held_out_target),
        ];
        for (part, source) in parts {
            let found = source.dim();
            if found != expected {
                return Err(Error::Dimension { part, expected, found });
            }
        }
        Ok(())
    }
}
