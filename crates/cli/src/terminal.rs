//! What a person sees of long work: bars on a terminal, log lines elsewhere.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use interflow_flow::{Meter, Progress};
use interflow_train::{Observer, SelfCheck, StepReport};

/// How often a log line says how training goes on.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Begins to log to stderr, in colours where that is a terminal that wants them (`NO_COLOR`). Nothing that goes wrong with
/// stderr ends the work: a run goes on when its terminal is closed or `head` has read enough. Of several processes one `leads`;
/// the others would only say the same.
pub(crate) fn start_log(leads: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(if leads { "info" } else { "error" }));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !plain)
        // It would be said on stderr that stderr cannot be written, by a macro that panics.
        .log_internal_errors(false)
        .with_target(false)
        .init();
}

/// Writes a line to stderr, if anybody listens there.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Shows work as bars on stderr, or as log lines where that is no terminal.
pub(crate) struct Bars;

impl Progress for Bars {
    fn begin(&self, name: &'static str, total: u64) -> Box<dyn Meter> {
        if std::io::stderr().is_terminal() {
            return Box::new(Bar(bar(total, name)));
        }
        Box::new(Lines { name, total, done: Cell::new(0), last: Cell::new(Instant::now()) })
    }
}

/// Work of more than a few seconds as a line every few seconds.
struct Lines {
    name: &'static str,
    total: u64,
    done: Cell<u64>,
    last: Cell<Instant>,
}

impl Meter for Lines {
    fn advance(&self, n: u64) {
        self.done.set(self.done.get() + n);
        if self.last.get().elapsed() > LINE_EVERY {
            self.last.set(Instant::now());
            tracing::info!("{}: {} of {}", self.name, self.done.get(), self.total);
        }
    }
}

/// One bar, which disappears with its work.
struct Bar(ProgressBar);

impl Meter for Bar {
    fn advance(&self, n: u64) {
        self.0.inc(n);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Where bars are drawn.
fn target() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr_with_hz(5)
}

fn bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), target());
    let template = "{prefix} {bar:32} {human_pos}/{human_len} {msg} {per_sec} eta {eta}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    bar
}

/// The bar of a run that has taken `step` of its steps before the bar began.
fn begun(steps: u64, step: u64) -> ProgressBar {
    let bar = bar(steps, "train");
    // Unseen until its time counts from here: the steps so far seem to have taken none.
    bar.set_draw_target(ProgressDrawTarget::hidden());
    bar.set_position(step);
    bar.reset_eta();
    bar.set_draw_target(target());
    bar
}

/// Shows training: a bar, or log lines, and every held-out check.
#[derive(Default)]
pub(crate) struct TrainingDisplay {
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
}

impl TrainingDisplay {
    /// The bar of the run that reports, begun at its first report.
    fn bar(&mut self, report: &StepReport) -> &ProgressBar {
        if self.bar.as_ref().is_some_and(|bar| bar.length() != Some(report.steps)) {
            self.bar = None;
        }
        self.bar.get_or_insert_with(|| begun(report.steps, report.step))
    }

    /// Shows how the run goes on, on the bar or, at most every five seconds, as a line.
    fn show(&mut self, report: &StepReport) {
        let speed = format!("{} pairs/s", three_digits(report.pairs_per_sec));
        let bar = self.bar(report);
        bar.set_position(report.step);
        bar.set_message(format!("loss {:.4} {speed}", report.loss));
        let (hidden, eta) = (bar.is_hidden(), bar.eta());
        let last_line = self.last_line.get_or_insert_with(Instant::now);
        if hidden && last_line.elapsed() > LINE_EVERY {
            *last_line = Instant::now();
            tracing::info!(
                "step {}/{} loss {:.4} {} step/s {speed} eta {}",
                report.step,
                report.steps,
                report.loss,
                three_digits(1.0 / report.step_secs),
                FormattedDuration(eta)
            );
        }
        if report.step >= report.steps {
            self.bar = None;
        }
    }

    /// Logs a line above the bar.
    fn log(&self, line: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(line),
            None => line(),
        }
    }
}

impl Observer for TrainingDisplay {
    fn on_step(&mut self, report: &StepReport) {
        self.show(report);
    }

    fn on_slow_step(&mut self, report: &StepReport) {
        self.show(report);
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        let terms: Vec<String> = check
            .terms
            .iter()
            .map(|term| {
                let (mean, error) = (term.objective.mean, term.objective.standard_error);
                let gap = term.balance.map_or_else(String::new, |balance| {
                    format!(", G + E|f|² {:.4} ± {:.4}", balance.gap.mean, balance.gap.standard_error)
                });
                format!("{} objective {mean:.4} ± {error:.4}{gap}", term.name)
            })
            .collect();
        self.log(|| tracing::info!("step {}: held-out {}", check.step, terms.join("; ")));
    }

    fn on_companion(&mut self, step: u64, numbers: &[(&'static str, f64)]) {
        let text: Vec<String> = numbers.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        self.log(|| tracing::info!("step {step}: {}", text.join(", ")));
    }
}

/// A positive number with at least three digits.
fn three_digits(number: f64) -> String {
    let decimals = (2.0 - number.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{number:.decimals$}")
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
