//! How long a run has been trained, over all the times that it was resumed.
//!
//! A file of its own keeps the seconds: a resumed run's other records are those of an uninterrupted one to the bit.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::folder::RunFolder;
use crate::error::{Result, io_error};

/// The file's name: a JSON object a line, with the step of a checkpoint and the seconds until then.
pub(super) const FILE: &str = "training-time.jsonl";

/// Measures the seconds of training from now on, and adds them to those before.
#[derive(Debug)]
pub(crate) struct TrainingTime {
    file: PathBuf,
    before: f64,
    start: Instant,
}

impl TrainingTime {
    /// The time of a run in `folder` that is trained on from step `step`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if there is a file of the times so far which cannot be read.
    pub(crate) fn resume(folder: &RunFolder, step: u64) -> Result<Self> {
        let file = folder.path().join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(io_error("read the file", &file))?,
        };
        Ok(Self { before: seconds_until(&text, step), file, start: Instant::now() })
    }

    /// The seconds before this process went on.
    pub(crate) fn before(&self) -> f64 {
        self.before
    }

    /// Records the time of a checkpoint. That it cannot be written is no reason to end a run.
    pub(super) fn record(&self, step: u64) {
        let secs = self.before + self.start.elapsed().as_secs_f64();
        let line = format!("{}\n", json!({ "step": step, "secs": secs }));
        let file = File::options().create(true).append(true).open(&self.file);
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            tracing::warn!("cannot write {}: {error}", self.file.display());
        }
    }
}

/// The seconds of the last line of a step up to `step`: what comes after it was written before a run went back to an earlier step.
fn seconds_until(text: &str, step: u64) -> f64 {
    let records = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut until = records.filter(|record| record["step"].as_u64().is_some_and(|of| of <= step));
    until.next().and_then(|record| record["secs"].as_f64()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_until_the_step_counts() {
        let text =
            "{\"step\":10,\"secs\":1.5}\n{\"step\":20,\"secs\":3.0}\n{\"step\":10,\"secs\":1.75}\n{\"ste";
        let milliseconds = |text, step| (seconds_until(text, step) * 1e3).round() as i64;
        assert_eq!([5, 10, 15, 25].map(|step| milliseconds(text, step)), [0, 1750, 1750, 1750]);
        let whole = "{\"step\":10,\"secs\":1.5}\n{\"step\":20,\"secs\":3.0}\n";
        assert_eq!([5, 10, 15, 25].map(|step| milliseconds(whole, step)), [0, 1500, 1500, 3000]);
    }
}
