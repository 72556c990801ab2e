//! The problem that is trained on: the interpolant, and the data at its ends.

use std::sync::Arc;

use interflow_core::Space;
use interflow_core::coupling::Coupling;
use interflow_core::density::Density;
use interflow_core::interpolant::Interpolant;
use interflow_core::source::Source;

use crate::error::{Error, Result};

/// An interpolant between two laws, with data for training and held-out data for checks.
#[derive(Debug)]
pub struct Problem {
    /// The interpolant.
    pub interpolant: Interpolant,
    /// The coupling, which pairs the end points.
    pub coupling: Box<dyn Coupling>,
    /// The training points of the base ρ0, which have no conditions.
    pub base: Box<dyn Source>,
    /// The density of the base. Only maximum likelihood needs it.
    pub base_density: Option<Arc<dyn Density>>,
    /// The training points of the target ρ1, and their conditions.
    pub target: Box<dyn Source>,
    /// The held-out points of the base.
    pub held_out_base: Box<dyn Source>,
    /// The held-out points of the target, and their conditions.
    pub held_out_target: Box<dyn Source>,
}

impl Problem {
    /// Checks that the points of both target sources lie in `space`, which is the network's, and that the points of
    /// both base sources have its dimension and no conditions.
    ///
    /// # Errors
    /// [`Error::Space`] naming the first source that differs.
    pub fn check(&self, space: Space) -> Result<()> {
        let base = Space::from(space.dim);
        let parts = [
            ("base", &self.base, base),
            ("target", &self.target, space),
            ("held-out base", &self.held_out_base, base),
            ("held-out target", &self.held_out_target, space),
        ];
        for (part, source, expected) in parts {
            let found = source.space();
            if found != expected {
                return Err(Error::Space { part, expected, found });
            }
        }
        Ok(())
    }
}
