//! Progress on stderr: a bar on a terminal, plain lines elsewhere.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// The progress of one task whose size in bytes is known.
pub(crate) struct Progress {
    task: &'static str,
    started: Instant,
    bar: ProgressBar,
}

impl Progress {
    /// Announces the task.
    pub(crate) fn start(task: &'static str, bytes: u64) -> Self {
        let bar = if stderr().is_terminal() {
            let template = "{msg} [{bar:30}] {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left)";
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(bytes).with_style(style.progress_chars("=> ")).with_message(task);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            eprintln!("{task} ({}) ...", HumanBytes(bytes));
            ProgressBar::hidden()
        };
        Self { task, started: Instant::now(), bar }
    }

    /// Sets the position, which never leaves the bar.
    pub(crate) fn set(&self, bytes: u64) {
        self.bar.set_position(bytes.min(self.bar.length().unwrap_or(bytes)));
    }

    /// Moves the position on.
    pub(crate) fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Replaces the bar by one line with the time taken.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
        eprintln!("{}: done in {:.1} s", self.task, self.started.elapsed().as_secs_f64());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
