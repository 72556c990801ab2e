//! A temporary folder with a tiny experiment to run in it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use interflow_flow::Threads;
use interflow_study::{ConfigText, Finished, Runner};
use interflow_train::Silent;

/// A flow to eight Gaussians that trains in a second.
pub(crate) const TINY: &str = include_str!("tiny.toml");

pub(crate) struct Bench {
    folder: tempfile::TempDir,
    text: String,
}

impl Bench {
    /// The tiny experiment with `tail` at its end.
    pub(crate) fn new(tail: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), text: TINY.to_owned() + tail }
    }

    /// Another text than the tiny experiment's.
    pub(crate) fn of(text: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), text: text.to_owned() }
    }

    /// The same with a piece of the text replaced.
    pub(crate) fn edit(self, old: &str, new: &str) -> Self {
        assert!(self.text.contains(old), "{old} is not in the config");
        Self { text: self.text.replacen(old, new, 1), ..self }
    }

    /// Where runs are written.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    pub(crate) fn runner(&self) -> Runner {
        Runner { out: self.out(), threads: Some(Threads::Fixed(1)), ..Runner::default() }
    }

    pub(crate) fn read(&self) -> Result<interflow_flow::ExperimentConfig> {
        Runner::read(&ConfigText { text: &self.text, place: "tiny.toml", overrides: &[] })
    }

    pub(crate) fn run(&self) -> Result<Option<Finished>> {
        let config = ConfigText { text: &self.text, place: "tiny.toml", overrides: &[] };
        Ok(self.runner().experiment(&config, &mut Silent)?.finished())
    }

    /// What comes of an experiment that has to succeed.
    pub(crate) fn finish(&self) -> Finished {
        self.run().unwrap_or_else(|error| panic!("{error:#}")).expect("it was not interrupted")
    }

    /// The message of an experiment that has to fail before a folder is made.
    pub(crate) fn refusal(&self) -> String {
        let message = format!("{:#}", self.run().unwrap_err());
        assert!(!self.out().exists(), "a folder was made: {message}");
        message
    }
}

/// Checks that the folder has the figures, and a report with the words.
pub(crate) fn check_folder(folder: &Path, figures: &[&str], words: &[&str]) {
    for name in figures {
        let bytes = std::fs::read(folder.join("figures").join(name));
        let bytes = bytes.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&bytes[1..4], b"PNG", "{name}");
    }
    let report = std::fs::read_to_string(folder.join("report.md")).unwrap();
    for word in words {
        assert!(report.contains(word), "{word:?} is not in {report}");
    }
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert_eq!(page.matches("<figure>").count(), report.matches("](figures/").count());
    for name in ["config.toml", "environment.json", "result.json"] {
        assert!(folder.join(name).is_file(), "{name} is missing");
    }
}
