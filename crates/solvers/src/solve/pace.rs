//! What chooses the steps and judges them.

use tch::Tensor;

use super::active::Active;
use super::ledger::Ledger;
use super::verdict::{Plan, Verdict};
use crate::dense::Dense;
use crate::error::Result;
use crate::step::{Attempt, Integrals, Start, Stepper};

/// What chooses and judges the steps of an integration.
pub(crate) trait Pace {
    /// Prepares for the rows at the start.
    fn begin(
        &mut self,
        stepper: &Stepper<'_>,
        active: &mut Active<'_>,
        ledger: &mut Ledger<'_>,
    ) -> Result<()>;

    /// The next steps.
    fn plan(&mut self, active: &Active<'_>) -> Plan;

    /// How the stages serve the integrals.
    fn integrals(&self) -> Integrals {
        Integrals::ByStages
    }

    /// Completes a step before it is judged.
    ///
    /// # Errors
    /// What a right-hand side refuses.
    fn complete(&mut self, step: &mut Dense<'_>) -> Result<()> {
        let _ = step;
        Ok(())
    }

    /// What came of them.
    fn judge(&mut self, start: &Start<'_>, plan: &Plan, attempt: &Attempt) -> Verdict;

    /// Goes on with the rows that have these numbers among those so far.
    fn keep(&mut self, left: &Tensor);

    /// Whether a step starts with the last stage of the one before, if the method allows it.
    fn reuses_last_stage(&self) -> bool {
        true
    }
}
