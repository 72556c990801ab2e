//! `runs`: which runs there are, and what came of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use interflow_flow::{RunFolder, checkpoint};
use serde_json::{Value, json};

use crate::args::RunsArgs;
use crate::output::print_line;

/// How deep run folders may lie: `OUT/NAME/TIME-SEED`, and variants of a comparison below it.
const MOST_LEVELS: usize = 6;

/// The numbers by which a run is judged, with their names in a table; the first that a result has is shown.
const NUMBERS: [(&str, &str); 2] = [("test_nll", "nats"), ("bits_per_dim", "bits/dim")];

/// Lists the run folders below a folder, the newest last.
pub(crate) fn runs(args: &RunsArgs) -> Result<ExitCode> {
    if !args.folder.is_dir() {
        bail!(
            "there is no such folder: {}\nhint: name the one that --out of a run named",
            args.folder.display()
        );
    }
    let mut found = Vec::new();
    collect(&args.folder, MOST_LEVELS, &mut found)?;
    let mut entries: Vec<Entry> = found.iter().map(|path| Entry::read(path)).collect();
    entries.sort_by(|a, b| (&a.started, &a.path).cmp(&(&b.started, &b.path)));
    if args.json {
        entries.iter().try_for_each(|entry| print_line(entry.json()))?;
    } else if !entries.is_empty() {
        table(&entries).iter().try_for_each(print_line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The run folders in a folder and in those below it, of which any that cannot be listed is passed over with a warning.
fn collect(folder: &Path, levels: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if RunFolder::open(folder).is_ok() {
        found.push(folder.to_owned());
    }
    let context = || format!("cannot list the folder {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        // Links could lead in a circle.
        if levels > 0
            && path.is_dir()
            && !path.is_symlink()
            && let Err(error) = collect(&path, levels - 1, found)
        {
            tracing::warn!("{error:#}");
        }
    }
    Ok(())
}

/// One run.
struct Entry {
    path: PathBuf,
    name: String,
    /// When the run began, in the form 2026-11-30T10:22:06Z.
    started: Option<String>,
    /// The step of its newest checkpoint, and the last one it is to take.
    step: Option<u64>,
    steps: Option<u64>,
    /// The result by which it is judged: its name, its value and the value's standard error.
    number: Option<(&'static str, f64, Option<f64>)>,
}

impl Entry {
    /// What the folder says. A run may have ended before it wrote a file, or stem from another version: what cannot be
    /// read is left open.
    fn read(path: &Path) -> Self {
        let config: Option<toml::Table> = text(path, "config.toml").and_then(|text| text.parse().ok());
        let of_config = |key: &str| config.as_ref()?.get(key).cloned();
        let name = of_config("name").and_then(|name| Some(name.as_str()?.to_owned()));
        let steps =
            of_config("train").and_then(|train| u64::try_from(train.get("steps")?.as_integer()?).ok());
        let value = |name: &str| serde_json::from_str::<Value>(&text(path, name)?).ok();
        let result = value("result.json").unwrap_or_default();
        Self {
            path: path.to_owned(),
            name: name.unwrap_or_else(|| "?".to_owned()),
            started: value("environment.json").and_then(|found| Some(seconds(found["started"].as_str()?))),
            step: newest_step(path),
            steps,
            number: NUMBERS.into_iter().find_map(|(key, _)| number(key, &result[key])),
        }
    }

    fn json(&self) -> Value {
        let mut object = json!({
            "path": self.path.display().to_string(),
            "name": self.name,
            "started": self.started,
            "step": self.step,
            "steps": self.steps,
        });
        if let Some((key, mean, error)) = self.number {
            object[key] = json!({ "mean": mean, "standard_error": error });
        }
        object
    }

    fn cells(&self) -> [String; 5] {
        let open = || "-".to_owned();
        let step = match (self.step, self.steps) {
            (Some(step), Some(steps)) => format!("{step}/{steps}"),
            (Some(step), None) => step.to_string(),
            _ => open(),
        };
        let number = self.number.map_or_else(open, |(key, mean, error)| {
            let unit = NUMBERS.iter().find(|(name, _)| *name == key).map_or("", |(_, unit)| unit);
            match error {
                Some(error) => format!("{mean:.4} ± {error:.4} {unit}"),
                None => format!("{mean:.4} {unit}"),
            }
        });
        let started = self.started.clone().unwrap_or_else(open);
        [self.name.clone(), started, step, number, self.path.display().to_string()]
    }
}

/// A number of a result, alone or with its standard error.
fn number(key: &'static str, value: &Value) -> Option<(&'static str, f64, Option<f64>)> {
    let mean = value.as_f64().or_else(|| value["mean"].as_f64())?;
    Some((key, mean, value["standard_error"].as_f64()))
}

/// The step in the name of the newest checkpoint.
fn newest_step(run: &Path) -> Option<u64> {
    let file = checkpoint::find(run).ok()?;
    let digits = file.file_stem()?.to_str()?.rsplit('-').next()?;
    digits.parse().ok()
}

fn text(run: &Path, name: &str) -> Option<String> {
    fs::read_to_string(run.join(name)).ok()
}

/// A time without the parts of a second.
fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

/// The runs as lines below a head, in columns as wide as their widest cells.
fn table(entries: &[Entry]) -> Vec<String> {
    let head = ["name", "started", "step", "test NLL", "path"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(entries.iter().map(Entry::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
