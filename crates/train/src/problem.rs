//! What is trained on: the path and the data at its ends.

use std::sync::Arc;

use interflow_core::Space;
use interflow_core::coupling::Coupling;
use interflow_core::density::Density;
use interflow_core::interpolant::Interpolant;
use interflow_core::source::Source;

use crate::error::{Error, Result};

/// An interpolant between two laws, with data for training and held-out data for checks.
pub struct Problem {
    /// The path.
    pub interpolant: Interpolant,
    /// The pairing of the end points.
    pub coupling: Box<dyn Coupling>,
    /// Training points of the base ρ0, which are given nothing.
    pub base: Box<dyn Source>,
    /// The base's density, which only maximum likelihood needs.
    pub base_density: Option<Arc<dyn Density>>,
    /// Training points of the target ρ1 and what each is given.
    pub target: Box<dyn Source>,
    /// Held-out points of the base.
    pub held_out_base: Box<dyn Source>,
    /// Held-out points of the target.
    pub held_out_target: Box<dyn Source>,
}

impl Problem {
    /// Checks that the targets' points lie in `space`, which is the network's, and that the bases' points have its dimension
    /// and are given nothing.
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
