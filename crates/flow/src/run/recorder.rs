//! Recording training in the run folder: metrics as JSON lines and as TensorBoard events, and checkpoints.

use std::collections::BTreeMap;

use interflow_train::{CheckpointWriter, Failure, Observer, RunState, SelfCheck, StepReport, checkpoints};
use serde_json::{Value, json};

use super::events::EventFile;
use super::folder::RunFolder;
use super::metrics::{self, LockedFile, append};
use super::training_time::TrainingTime;
use crate::error::{During as _, Result, io_error};

/// How many checkpoints a run keeps.
const KEPT_CHECKPOINTS: usize = 3;

/// An observer that records training in the run folder.
#[derive(Debug)]
pub(crate) struct Recorder {
    metrics: LockedFile,
    events: EventFile,
    /// Whether it was said that a metric cannot be written: once is enough.
    warned: bool,
    folder: RunFolder,
    checkpoints: CheckpointWriter,
    /// The texts that checkpoints carry, by name.
    texts: BTreeMap<String, String>,
    time: TrainingTime,
}

impl Recorder {
    /// A recorder in `folder`. Its checkpoints carry `texts`. Recorded metrics of steps after `from_step` are
    /// dropped, because a resumed run writes them again.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if a file cannot be written; [`crate::Error::Refused`] if another process trains in the
    /// folder.
    pub(crate) fn new(folder: &RunFolder, texts: BTreeMap<String, String>, from_step: u64) -> Result<Self> {
        let metrics = metrics::open(folder, from_step)?;
        let tensorboard = folder.tensorboard();
        let events = EventFile::create(&tensorboard, from_step)
            .map_err(io_error("write an event file in", &tensorboard))?;
        // A kill may have come between a checkpoint and the removal of the oldest.
        checkpoints::prune(&folder.checkpoints(), KEPT_CHECKPOINTS)?;
        let checkpoints = CheckpointWriter::new(&folder.checkpoints(), KEPT_CHECKPOINTS);
        let time = TrainingTime::resume(folder, from_step)?;
        Ok(Self { metrics, events, warned: false, folder: folder.clone(), checkpoints, texts, time })
    }

    /// The seconds that the run was trained for before it was resumed.
    pub(crate) fn seconds_before(&self) -> f64 {
        self.time.before()
    }

    /// Records a step's numbers; that they cannot be written does not end the run.
    fn record(&mut self, step: u64, line: &Value, scalars: &[(&str, f64)]) {
        let line = format!("{line}\n");
        let written =
            append(&self.metrics, line.as_bytes()).map_err(|error| ("metrics.jsonl", error)).and_then(|()| {
                self.events.scalars(step, scalars).map_err(|error| ("TensorBoard's events", error))
            });
        if let Err((what, error)) = written
            && !self.warned
        {
            self.warned = true;
            tracing::warn!("at step {step} cannot write {what}: {error}");
        }
    }
}

impl Observer for Recorder {
    fn on_step(&mut self, report: &StepReport) {
        let line = json!({
            "step": report.step,
            "loss": report.loss,
            "grad_norm": report.grad_norm,
            "learning_rate": report.learning_rate,
        });
        let scalars =
            [("loss", report.loss), ("grad_norm", report.grad_norm), ("learning_rate", report.learning_rate)];
        self.record(report.step, &line, &scalars);
    }

    fn on_threads(&mut self, step: u64, threads: u32) {
        self.record(step, &json!({ "step": step, "threads": threads }), &[("threads", threads.into())]);
    }

    fn on_parts(&mut self, step: u64, parts: i64) {
        let line = json!({ "step": step, "accumulate": parts });
        self.record(step, &line, &[("accumulate", parts as f64)]);
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        let (step, objective) = (check.step, check.objective());
        let mut line =
            json!({ "step": step, "objective": objective.mean, "objective_se": objective.standard_error });
        let mut scalars = vec![("validation/objective".to_owned(), objective.mean)];
        if let Some(balance) = check.balance() {
            line["minus_square"] = json!(balance.minus_square.mean);
            line["minus_square_se"] = json!(balance.minus_square.standard_error);
            line["gap"] = json!(balance.gap.mean);
            line["gap_se"] = json!(balance.gap.standard_error);
            scalars.push(("validation/gap".to_owned(), balance.gap.mean));
        }
        for term in check.terms.iter().skip(1) {
            let name = term.name;
            line[format!("{name}_objective")] = json!(term.objective.mean);
            line[format!("{name}_objective_se")] = json!(term.objective.standard_error);
            scalars.push((format!("validation/{name}_objective"), term.objective.mean));
            if let Some(balance) = term.balance {
                line[format!("{name}_gap")] = json!(balance.gap.mean);
                line[format!("{name}_gap_se")] = json!(balance.gap.standard_error);
                scalars.push((format!("validation/{name}_gap"), balance.gap.mean));
            }
        }
        self.record(step, &line, &borrowed(&scalars));
    }

    fn on_companion(&mut self, step: u64, numbers: &[(&'static str, f64)]) {
        let mut line = json!({ "step": step });
        for &(name, value) in numbers {
            line[name] = json!(value);
        }
        let scalars: Vec<_> = numbers.iter().map(|(name, value)| (format!("path/{name}"), *value)).collect();
        self.record(step, &line, &borrowed(&scalars));
    }

    fn on_checkpoint(&mut self, state: &RunState<'_>) -> std::result::Result<(), Failure> {
        // A checkpoint in a folder that came back without its config would be one that nobody can resume.
        RunFolder::open(self.folder.path())
            .during("the run's folder was removed or moved while it trained")?;
        self.time.record(state.step);
        Ok(self.checkpoints.begin(state, &self.texts)?)
    }

    fn check(&mut self) -> std::result::Result<(), Failure> {
        Ok(self.checkpoints.check()?)
    }

    fn on_end(&mut self) -> std::result::Result<(), Failure> {
        Ok(self.checkpoints.finish()?)
    }
}

fn borrowed(scalars: &[(String, f64)]) -> Vec<(&str, f64)> {
    scalars.iter().map(|(name, value)| (name.as_str(), *value)).collect()
}
