//! Shows training and records it: a progress bar (log lines where there is no terminal), metrics as JSON
//! lines and as events for TensorBoard, checkpoints.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{FormattedDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use interflow_train::{
    Balance, Checkpoint, DenoiserCheck, Estimate, Failure, Observer, SelfCheck, StepReport, Trainer,
};
use serde_json::{Value, json};

use crate::config::ExperimentConfig;
use crate::events::EventFile;
use crate::images::ProgressSheet;
use crate::interrupt;
use crate::run_folder::{RunFolder, append};

/// How many checkpoints a run keeps.
const KEPT_CHECKPOINTS: usize = 3;

/// A bar over `length` units, or nothing where stderr is not a terminal.
pub(crate) fn progress_bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(5));
    let template = "{prefix} {bar:32} {human_pos}/{human_len} {msg} {per_sec} eta {eta}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    bar
}

/// A positive number with at least three digits.
fn three_digits(number: f64) -> String {
    let decimals = (2.0 - number.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{number:.decimals$}")
}

/// The observer of a run with a folder.
pub(crate) struct RunObserver {
    bar: ProgressBar,
    metrics: File,
    events: EventFile,
    /// Whether it was said that a metric cannot be written: once is enough.
    warned: bool,
    checkpoints: PathBuf,
    config_text: String,
    sheet: Option<ProgressSheet>,
    /// What a target's point is called.
    points: &'static str,
    last_line: Instant,
    /// Training losses by step, for the loss figure.
    pub(crate) losses: Vec<(f64, f64)>,
    /// Held-out objective by step, for the loss figure.
    pub(crate) held_out: Vec<(f64, f64)>,
    /// Held-out transport cost by step, for the cost figure.
    pub(crate) costs: Vec<(f64, f64)>,
}

impl RunObserver {
    /// An observer that writes into `folder`; metrics after `from_step` are dropped, since a resumed run
    /// writes them again.
    pub(crate) fn new(folder: &RunFolder, config: &ExperimentConfig, from_step: u64) -> Result<Self> {
        let path = folder.path.join("metrics.jsonl");
        let kept: Vec<Value> = std::fs::read_to_string(&path)
            .unwrap_or_default()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|record| record["step"].as_u64().is_some_and(|step| step <= from_step))
            .collect();
        let mut text = String::new();
        for record in &kept {
            text.push_str(&record.to_string());
            text.push('\n');
        }
        folder.write("metrics.jsonl", text.as_bytes())?;
        let metrics = File::options()
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write the file: {}", path.display()))?;
        let events = folder.tensorboard();
        let events = EventFile::create(&events, from_step)
            .with_context(|| format!("cannot write an event file in {}", events.display()))?;
        let series = |key: &str| {
            kept.iter().filter_map(|r| Some((r["step"].as_f64()?, r[key].as_f64()?))).collect::<Vec<_>>()
        };
        let bar = progress_bar(config.train.steps, "train");
        bar.set_position(from_step);
        bar.reset_eta();
        Ok(Self {
            bar,
            metrics,
            events,
            warned: false,
            checkpoints: folder.checkpoints(),
            config_text: config.to_toml()?,
            sheet: None,
            points: if config.images.is_some() { "images" } else { "pairs" },
            last_line: Instant::now(),
            losses: series("loss"),
            held_out: series("objective"),
            costs: series("minus_square").into_iter().map(|(step, value)| (step, -value)).collect(),
        })
    }

    /// Draws `sheet` at each checkpoint.
    pub(crate) fn with_sheet(self, sheet: Option<ProgressSheet>) -> Self {
        Self { sheet, ..self }
    }

    /// Shows how the run goes on, on the bar or, at most every five seconds, as a line.
    fn show(&mut self, report: &StepReport) {
        let speed = format!("{} {}/s", three_digits(report.pairs_per_sec), self.points);
        self.bar.set_position(report.step);
        self.bar.set_message(format!("loss {:.4} {speed}", report.loss));
        if self.bar.is_hidden() && self.last_line.elapsed() > Duration::from_secs(5) {
            self.last_line = Instant::now();
            tracing::info!(
                "step {}/{} loss {:.4} {} step/s {speed} eta {}",
                report.step,
                report.steps,
                report.loss,
                three_digits(1.0 / report.step_secs),
                FormattedDuration(self.bar.eta())
            );
        }
    }

    /// Clears the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Records a step's numbers; that they cannot be written does not end the run.
    fn record(&mut self, step: u64, line: &Value, scalars: &[(&str, f64)]) {
        let line = format!("{line}\n");
        let written =
            append(&mut self.metrics, line.as_bytes()).map_err(|error| ("metrics.jsonl", error)).and_then(
                |()| self.events.scalars(step, scalars).map_err(|error| ("TensorBoard's events", error)),
            );
        if let Err((what, error)) = written
            && !self.warned
        {
            self.warned = true;
            self.bar.suspend(|| tracing::warn!("at step {step} cannot write {what}: {error}"));
        }
    }
}

impl Observer for RunObserver {
    fn on_step(&mut self, report: &StepReport) {
        self.show(report);
        self.losses.push((report.step as f64, report.loss));
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

    fn on_slow_step(&mut self, report: &StepReport) {
        self.show(report);
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        let step = check.step;
        self.held_out.push((step as f64, check.objective.mean));
        let Estimate { mean, standard_error } = check.objective;
        let mut line = json!({ "step": step, "objective": mean, "objective_se": standard_error });
        let mut scalars = vec![("validation/objective", mean)];
        let mut text = format!("held-out objective {mean:.4} ± {standard_error:.4}");
        if let Some(Balance { minus_square, gap, .. }) = check.balance {
            self.costs.push((step as f64, -minus_square.mean));
            line["minus_square"] = json!(minus_square.mean);
            line["minus_square_se"] = json!(minus_square.standard_error);
            line["gap"] = json!(gap.mean);
            line["gap_se"] = json!(gap.standard_error);
            scalars.push(("validation/gap", gap.mean));
            text = format!("{text}, G + E|v̂|² {:.4} ± {:.4}", gap.mean, gap.standard_error);
        }
        if let Some(DenoiserCheck { objective, balance, .. }) = check.denoiser {
            line["denoiser_objective"] = json!(objective.mean);
            line["denoiser_objective_se"] = json!(objective.standard_error);
            line["denoiser_gap"] = json!(balance.gap.mean);
            line["denoiser_gap_se"] = json!(balance.gap.standard_error);
            scalars.push(("validation/denoiser_objective", objective.mean));
            scalars.push(("validation/denoiser_gap", balance.gap.mean));
            let Estimate { mean, standard_error } = balance.gap;
            text = format!(
                "{text}; denoiser's {:.4} ± {:.4}, gap {mean:.4} ± {standard_error:.4}",
                objective.mean, objective.standard_error
            );
        }
        self.record(step, &line, &scalars);
        self.bar.suspend(|| {
            tracing::info!("step {step}: {text}");
        });
    }

    fn on_companion(&mut self, step: u64, numbers: &[(&'static str, f64)]) {
        let mut line = json!({ "step": step });
        for &(name, value) in numbers {
            line[name] = json!(value);
        }
        let names: Vec<String> = numbers.iter().map(|(name, _)| format!("path/{name}")).collect();
        let scalars: Vec<_> = names.iter().zip(numbers).map(|(name, n)| (name.as_str(), n.1)).collect();
        self.record(step, &line, &scalars);
        let text: Vec<String> = numbers.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        self.bar.suspend(|| tracing::info!("step {step}: {}", text.join(", ")));
    }

    fn on_checkpoint(&mut self, trainer: &Trainer) -> Result<(), Failure> {
        let path = interflow_train::checkpoints::path_for(&self.checkpoints, trainer.step());
        Checkpoint::save(&path, trainer, &self.config_text)?;
        interflow_train::checkpoints::prune(&self.checkpoints, KEPT_CHECKPOINTS)?;
        // Who interrupts a run does not want to wait for a picture.
        if let Some(sheet) = self.sheet.as_ref().filter(|_| !interrupt::requested()) {
            // A flow that cannot be sampled yet may be so later: no reason to end its training.
            if let Err(error) = sheet.draw(trainer.ema_network(), trainer.step()) {
                self.bar.suspend(|| tracing::warn!("at step {} no sheet: {error:#}", trainer.step()));
            }
        }
        Ok(())
    }

    fn interrupted(&self) -> bool {
        interrupt::requested()
    }
}

#[cfg(test)]
mod tests {
    use super::three_digits;

    #[test]
    fn speeds_have_three_digits() {
        let shown = [12345.6, 140.4, 71.94, 2.04, 0.0123].map(three_digits);
        assert_eq!(shown, ["12346", "140", "71.9", "2.04", "0.0123"]);
    }
}
