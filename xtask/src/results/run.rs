//! The result of a run folder.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::record::{Record, Reference};

/// The numbers that stand for a run, the first that it has: key, metric, unit.
const METRICS: [(&str, &str, &str); 2] =
    [("test_nll", "test NLL", "nats"), ("bits_per_dim", "test bits/dim", "bits/dim")];

/// What a run measures beside it: key, and what it is.
const BESIDE: [(&str, &str, &str); 3] = [
    ("test_nll", "true_nll", "the true density"),
    ("test_nll", "gaussian_nll", "a Gaussian"),
    ("bits_per_dim", "gaussian_bits_per_dim", "a Gaussian"),
];

/// The record of a run: its likelihood beside those that it is held against. The machine is the processor unless it is named.
pub(super) fn record(run: &Path, machine: Option<&str>) -> Result<Record> {
    let result = json(&run.join("result.json"))?;
    let environment = json(&run.join("environment.json"))?;
    let file = run.join("config.toml");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let config: toml::Table =
        toml::from_str(&text).with_context(|| format!("not a config: {}", file.display()))?;
    let (key, metric, unit) = METRICS
        .into_iter()
        .find(|(key, ..)| !result[key].is_null())
        .context("the run has no likelihood to record: write its file by hand")?;
    let started = environment["started"].as_str().and_then(|time| time.get(..10));
    let machine = machine.or_else(|| environment["cpu"].as_str());
    Ok(Record {
        experiment: result["experiment"].as_str().context("the result names no experiment")?.to_owned(),
        metric: metric.to_owned(),
        unit: Some(unit.to_owned()),
        value: rounded(result[key]["mean"].as_f64().context("the likelihood is not a number")?),
        standard_error: result[key]["standard_error"].as_f64().map(rounded),
        note: result["n_test"].as_u64().map(|n| format!("{n} test points")),
        references: references(&result, &config, key),
        seed: result["seed"].as_u64(),
        steps: result["steps"].as_u64(),
        minutes: result["train_secs"].as_f64().map(|seconds| (seconds / 6.0).round() / 10.0),
        machine: machine
            .context("the run's processor is not known\nhint: name the machine by --machine")?
            .to_owned(),
        date: started.context("the run says no day")?.to_owned(),
        readme: None,
    })
}

/// To four decimals, which is more than is known.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// What the config says that others report, and numbers measured on the same points.
fn references(result: &Value, config: &toml::Table, key: &str) -> Vec<Reference> {
    let beside = BESIDE.iter().filter(|(of, ..)| *of == key).filter_map(|(_, beside, source)| {
        Some(Reference { value: rounded(result[beside]["mean"].as_f64()?), source: (*source).to_owned() })
    });
    let published = config.get("evaluation").and_then(|table| table.get("reference_nll")?.as_table());
    let published = published.into_iter().flatten().filter_map(|(source, value)| {
        let value = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))?;
        Some(Reference { value, source: source.clone() })
    });
    published.filter(|_| key == "test_nll").chain(beside).collect()
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("not JSON: {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_becomes_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "result.json",
            r#"{"experiment": "power", "seed": 3, "steps": 20, "train_secs": 90.0, "n_test": 500,
                "test_nll": {"mean": -0.5, "standard_error": 0.02}, "gaussian_nll": {"mean": 7.73069}}"#,
        );
        write("environment.json", r#"{"started": "2026-11-30T12:00:00Z", "cpu": "Zen 4"}"#);
        write("config.toml", "[evaluation.reference_nll]\nFFJORD = -0.46\n");
        let found = record(folder.path(), None).unwrap();
        assert_eq!(found.measured(), "−0.50 ± 0.02 nats");
        let told: Vec<String> = found.references.iter().map(Reference::told).collect();
        assert_eq!(told, ["−0.46, FFJORD", "7.7307, a Gaussian"]);
        assert_eq!(found.note.as_deref(), Some("500 test points"));
        assert_eq!((found.seed, found.steps, found.minutes), (Some(3), Some(20), Some(1.5)));
        assert_eq!(found.file_name(), "power--zen-4.json");
        assert_eq!(record(folder.path(), Some("two cores")).unwrap().machine, "two cores");
    }

    #[test]
    fn a_run_without_a_result_says_so() {
        let error = record(Path::new("nowhere"), None).unwrap_err();
        assert!(error.to_string().contains("result.json"), "{error}");
    }
}
