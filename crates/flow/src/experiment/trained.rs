//! What comes of training: the flow, and how it came about.

use interflow_train::{Outcome, SelfCheck, StopReason};
use serde_json::{Value, json};

use crate::base::Base;
use crate::config::ExperimentConfig;
use crate::engine::Engine;
use crate::error::Result;
use crate::evaluation::{self, Results};
use crate::flow::Flow;
use crate::manifest::FlowManifest;
use crate::run::{History, RunFolder};
use crate::target::Target;

/// A flow that was trained.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_core::target::DensityConfig;
/// use interflow_flow::{Experiment, ExperimentConfig};
///
/// let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
/// (config.train.steps, config.evaluation.n_test) = (10, 50);
/// let trained = Experiment::new(config).train()?;
/// assert_eq!(trained.outcome.steps, 10);
/// let results = trained.evaluate()?; // as result.json has them
/// assert!(results["test_nll"]["mean"].is_number());
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub struct Trained {
    /// What a user wrote.
    pub config: ExperimentConfig,
    /// Where the run was written, if it was.
    pub folder: Option<RunFolder>,
    /// Where the flow starts.
    pub base: Base,
    /// Where the flow ends.
    pub target: Target,
    /// How training ended.
    pub outcome: Outcome,
    /// The objective on held-out points at the end; none where training was interrupted.
    pub check: Option<SelfCheck>,
    /// How training went.
    pub history: History,
    /// The flow of the averaged weights, in its own coordinates.
    pub engine: Engine,
}

impl Trained {
    /// What checkpoints say of the flow.
    pub fn manifest(&self) -> &FlowManifest {
        self.engine.manifest()
    }

    /// Whether training was interrupted.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.outcome.stop, StopReason::Interrupted)
    }

    /// The flow in the data's units.
    pub fn flow(self) -> Flow {
        Flow::from(self.engine)
    }

    /// The numbers of training and of the flow on held-out points, as `result.json` begins with them: likelihoods in nats,
    /// two-sample tests, bits per dimension of images.
    ///
    /// # Errors
    /// If a solver fails, or the work is cancelled.
    pub fn evaluate(&self) -> Result<Results> {
        let mut results = self.account();
        let evaluation = &self.config.evaluation;
        results.extend(evaluation::evaluate(&self.engine, evaluation, &self.base, &self.target)?);
        Ok(results)
    }

    /// The numbers of training.
    fn account(&self) -> Results {
        let mut results = Results::new();
        let mut put = |name: &str, value: Value| results.insert(name.to_owned(), value);
        put("experiment", json!(self.config.name));
        put("seed", json!(self.config.seed));
        put("steps", json!(self.outcome.steps));
        put("train_secs", json!(self.outcome.train_secs));
        let mut terms = self.check.iter().flat_map(|check| &check.terms);
        let first = terms.next();
        put("objective", first.map_or(Value::Null, |term| estimate(term.objective)));
        let gap = first.and_then(|term| term.balance).map(|balance| estimate(balance.gap));
        put("self_check", gap.unwrap_or(Value::Null));
        for term in terms {
            put(&format!("{}_objective", term.name), estimate(term.objective));
            if let Some(balance) = term.balance {
                put(&format!("{}_self_check", term.name), estimate(balance.gap));
            }
        }
        results
    }
}

fn estimate(estimate: interflow_metrics::Estimate) -> Value {
    evaluation::estimate(estimate.mean, estimate.standard_error)
}
