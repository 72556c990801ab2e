//! The result of training: the flow, and the record of how it was trained.

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

/// The result of training: the flow, and the record of how it was trained.
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
#[derive(Debug)]
#[non_exhaustive]
pub struct Trained {
    /// The config of the experiment.
    pub config: ExperimentConfig,
    /// The run's folder; `None` if nothing was written.
    pub folder: Option<RunFolder>,
    /// The base, where the flow starts at t = 0.
    pub base: Base,
    /// The target, where the flow ends at t = 1.
    pub target: Target,
    /// How training ended; its seconds include those before the run was resumed, where it has a folder.
    pub outcome: Outcome,
    /// The objective on held-out points at the end of training; `None` if training was interrupted.
    pub check: Option<SelfCheck>,
    /// The course of losses and checks during training.
    pub history: History,
    /// The trained flow in its own coordinates, with the running averages (EMA) of the weights.
    pub engine: Engine,
}

impl Trained {
    /// The description of the flow that its checkpoint carries.
    pub fn manifest(&self) -> &FlowManifest {
        self.engine.manifest()
    }

    /// Whether training was interrupted before its end.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.outcome.stop, StopReason::Interrupted)
    }

    /// The trained flow in the data's units.
    pub fn into_flow(self) -> Flow {
        Flow::from(self.engine)
    }

    /// The numbers of training, and of the flow on held-out points, with which `result.json` begins: the NLL in nats,
    /// two-sample tests, and bits/dim for images.
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
