//! Integration of a batch that shares its steps.

use std::sync::Arc;

use tch::Tensor;

use crate::controller::Shared;
use crate::error::Result;
use crate::options::SolveOptions;
use crate::solution::{Statistics, Trajectory};
use crate::solve::{self, Course, EqualSteps, StepsByError, Watch};
use crate::solver::{Solver, Stepping};
use crate::term::Term;

/// Carries states `y`, `[B, W]`, from one time to another; steps are counted once for the batch.
pub(super) fn integrate(
    solver: &Solver,
    term: &dyn Term,
    y: &Tensor,
    (from, to): (f64, f64),
    watch: &dyn Watch,
) -> Result<Trajectory> {
    let course = |max_steps: u32| Course {
        tableau: solver.tableau(),
        term,
        from,
        to,
        options: SolveOptions::default(),
        max_steps,
    };
    let found = match solver.stepping() {
        Stepping::Fixed { steps } => {
            let mut pace = EqualSteps::independent(*steps, (from, to));
            solve::run(&course(*steps), y, &mut pace, watch)?
        }
        Stepping::Adaptive { controller, max_steps } => {
            let controller = Shared(Arc::clone(controller));
            let mut pace = StepsByError::new(&controller, *max_steps, (from, to));
            solve::run(&course(*max_steps), y, &mut pace, watch)?
        }
    };
    let rows = (y.size()[0] as u64).max(1);
    let Statistics { accepted_steps, rejected_steps, .. } = found.statistics;
    let statistics = Statistics {
        accepted_steps: accepted_steps / rows,
        rejected_steps: rejected_steps / rows,
        ..found.statistics
    };
    Ok(Trajectory { statistics, ..found })
}
