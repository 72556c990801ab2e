//! Who watches a process that is not the first of those that train together.

use crate::error::Failure;
use crate::observer::Observer;

/// The observer of a process that is not the first: asked, and told nothing.
pub(super) struct Quiet<'a>(pub(super) &'a mut dyn Observer);

impl Observer for Quiet<'_> {
    fn check(&mut self) -> Result<(), Failure> {
        self.0.check()
    }

    fn on_end(&mut self) -> Result<(), Failure> {
        self.0.on_end()
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}
