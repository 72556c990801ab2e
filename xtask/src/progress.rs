//! Progress on stderr: a bar on a terminal, plain lines elsewhere.

use std::{
    borrow::Cow,
    cell::Cell,
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// How often a line says how the task goes on, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of one task whose size in bytes is known, or becomes so.
pub(crate) struct Progress {
    task: Cow<'static, str>,
    started: Instant,
    last_line: Cell<Instant>,
    bar: ProgressBar,
    shown: bool,
}

impl Progress {
    /// Announces the task.
    pub(crate) fn start(task: impl Into<Cow<'static, str>>, bytes: u64) -> Self {
        Self::begin(task.into(), Some(bytes))
    }

    /// Announces a task whose size is not known.
    pub(crate) fn start_unmeasured(task: impl Into<Cow<'static, str>>) -> Self {
        Self::begin(task.into(), None)
    }

    fn begin(task: Cow<'static, str>, bytes: Option<u64>) -> Self {
        let shown = stderr().is_terminal();
        let bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
        if shown {
            let template = match bytes {
                Some(_) => "{msg} [{bar:30}] {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left)",
                None => "{msg} {spinner} {bytes} ({bytes_per_sec})",
            };
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("=> "));
            bar.set_message(task.to_string());
            bar.enable_steady_tick(Duration::from_millis(200));
        } else {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            match bytes {
                Some(bytes) => eprintln!("{task} ({}) ...", HumanBytes(bytes)),
                None => eprintln!("{task} ..."),
            }
        }
        let now = Instant::now();
        Self { task, started: now, last_line: Cell::new(now), bar, shown }
    }

    /// Begins at this position: what lies before it was done earlier, and in no time.
    pub(crate) fn begin_at(self, bytes: u64) -> Self {
        self.bar.set_position(bytes);
        self.bar.reset_eta();
        self
    }

    /// Sets the position, which never leaves the bar.
    pub(crate) fn set(&self, bytes: u64) {
        self.bar.set_position(bytes.min(self.bar.length().unwrap_or(bytes)));
        self.say();
    }

    /// Moves the position on.
    pub(crate) fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        self.say();
    }

    /// Replaces the bar by one line with the time taken.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
        eprintln!("{}: done in {:.1} s", self.task, self.started.elapsed().as_secs_f64());
    }

    /// Says how far the task is, where no bar does and the last word is old.
    fn say(&self) {
        if self.shown || self.last_line.get().elapsed() < LINE_EVERY {
            return;
        }
        self.last_line.set(Instant::now());
        let done = self.bar.position();
        match self.bar.length() {
            Some(all) if all > 0 => eprintln!(
                "{}: {} of {}, {} %",
                self.task,
                HumanBytes(done),
                HumanBytes(all),
                (100 * u128::from(done)) / u128::from(all)
            ),
            _ => eprintln!("{}: {}", self.task, HumanBytes(done)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
