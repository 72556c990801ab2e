//! One measured number, as its file has it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// One number of one run, with what it is held against. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The experiment's name, that of its config.
    pub(super) experiment: String,
    /// What was measured.
    pub(super) metric: String,
    /// The unit; none for shares and ratios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    /// The number.
    pub(super) value: f64,
    /// Its standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) standard_error: Option<f64>,
    /// What else it takes to read the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// What the number is held against, the best known first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<Reference>,
    /// The run's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    /// Steps of training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) steps: Option<u64>,
    /// Minutes of training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) minutes: Option<f64>,
    /// What it was measured on.
    pub(super) machine: String,
    /// The day, as 2026-11-30.
    pub(super) date: String,
    /// The place in README.md's table, from 1; none for numbers that are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) readme: Option<u32>,
}

/// A number that another is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    /// The number, in the same unit.
    pub(super) value: f64,
    /// Whose it is, and where it stands.
    pub(super) source: String,
}

impl Record {
    /// The records of a folder in the order of their files' names.
    pub(super) fn all(folder: &Path) -> Result<Vec<Self>> {
        let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("not a result: {}", path.display()))
    }

    /// The name of its file: one for each experiment and machine.
    pub(super) fn file_name(&self) -> String {
        let machine = self.machine.to_lowercase();
        let words: Vec<&str> = machine.split(|letter: char| !letter.is_alphanumeric()).collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        format!("{}--{}.json", self.experiment, words.join("-"))
    }

    /// The text of its file.
    pub(super) fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self).context("cannot write the result")? + "\n")
    }

    /// The number with its standard error and unit, as exactly as they were written and to three digits of the error.
    pub(super) fn measured(&self) -> String {
        let number = match self.standard_error {
            Some(error) => format!("{} ± {}", self.in_digits(self.value), self.in_digits(error)),
            None => plain(self.value),
        };
        self.unit.as_ref().map_or(number.clone(), |unit| format!("{number} {unit}"))
    }

    fn in_digits(&self, value: f64) -> String {
        let digits = match self.standard_error {
            Some(error) if error > 0.0 => (2.0 - error.log10().floor()).clamp(0.0, 9.0) as usize,
            _ => 4,
        };
        let written = decimals(self.value).max(self.standard_error.map_or(0, decimals));
        let digits = digits.min(written);
        format!("{value:.digits$}").replace('-', "−")
    }
}

impl Reference {
    /// The number with its source.
    pub(super) fn told(&self) -> String {
        format!("{}, {}", plain(self.value), self.source)
    }
}

/// The digits behind the point of a number as it was written.
fn decimals(value: f64) -> usize {
    value.to_string().split_once('.').map_or(0, |(_, digits)| digits.len())
}

/// A number as it was written.
fn plain(value: f64) -> String {
    let text = if value != 0.0 && value.abs() < 1e-4 { format!("{value:e}") } else { value.to_string() };
    text.replace('-', "−")
}

#[cfg(test)]
pub(super) fn example() -> Record {
    Record {
        experiment: "moons".to_owned(),
        metric: "test NLL".to_owned(),
        unit: Some("nats".to_owned()),
        value: -2.4075,
        standard_error: Some(0.0078),
        note: None,
        references: vec![Reference { value: 2.4, source: "the true density".to_owned() }],
        seed: Some(0),
        steps: Some(6000),
        minutes: Some(2.06),
        machine: "One CPU core (shared)".to_owned(),
        date: "2026-11-30".to_owned(),
        readme: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_exactly_as_they_are_known() {
        let record = example();
        assert_eq!(record.measured(), "−2.4075 ± 0.0078 nats");
        assert_eq!(Record { standard_error: None, value: 7e-10, ..record.clone() }.measured(), "7e−10 nats");
        let exact = Record { value: 1.234_567_8, standard_error: Some(0.012_345_6), ..record.clone() };
        assert_eq!(exact.measured(), "1.2346 ± 0.0123 nats");
        assert_eq!(record.references[0].told(), "2.4, the true density");
        assert_eq!(record.file_name(), "moons--one-cpu-core-shared.json");
    }

    #[test]
    fn a_file_comes_back_and_a_misspelt_key_is_refused() {
        let text = example().text().unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), example());
        assert!(serde_json::from_str::<Record>(&text.replace("metric", "metrik")).is_err());
    }
}
