//! Variants of one experiment, each run like any other in a folder of its own, and compared.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use image::RgbImage;
use interflow_figure as figure;
use interflow_transport::CouplingConfig;
use serde_json::{Map, Value, json};

use super::Findings;
use crate::args::{RunArgs, RunOptions};
use crate::config::{ExperimentConfig, Variant};
use crate::flow::checkpoint_file;
use crate::report;
use crate::run_folder::RunFolder;

/// What runs one experiment: its folder and result, nothing if it was interrupted.
pub(crate) type Run =
    fn(ExperimentConfig, &Path, &RunOptions) -> Result<Option<(RunFolder, Map<String, Value>)>>;

/// A variant that was run.
struct Finished {
    name: String,
    folder: PathBuf,
    result: Map<String, Value>,
}

/// Runs all variants of a config and compares them; nothing if it was interrupted. With `--resume`, finished variants
/// are kept and the interrupted one goes on.
pub(crate) fn compare(
    config: &ExperimentConfig,
    args: &RunArgs,
    run: Run,
) -> Result<Option<(RunFolder, Findings)>> {
    let mut config = config.clone();
    config.seed = args.options.seed.unwrap_or(config.seed);
    let configs = config.variants.iter().map(|variant| own_config(&config, variant));
    let configs = configs.collect::<Result<Vec<_>>>()?;
    let folder = match &args.options.resume {
        Some(path) => RunFolder::open(path)?,
        None => RunFolder::create(&args.options.out, &config, &args.options.device)?,
    };
    let mut finished: Vec<Finished> = Vec::new();
    for (variant, mut own) in config.variants.iter().zip(configs) {
        tracing::info!("variant {} of {}: {}", finished.len() + 1, config.variants.len(), variant.name);
        resolve_reflow(&mut own, &finished)?;
        let Some(next) = run_variant(&folder, variant, own, args, run)? else {
            tracing::warn!("hint: go on with --resume {}", folder.path.display());
            return Ok(None);
        };
        finished.push(next);
    }
    let findings = findings(&folder, &finished)?;
    folder.write("report.md", format!("# {}\n{}", config.name, findings.text).as_bytes())?;
    folder.write_json("result.json", &Value::Object(findings.result.clone()))?;
    Ok(Some((folder, findings)))
}

/// The variant's own config, under a name that can be a folder's.
fn own_config(config: &ExperimentConfig, variant: &Variant) -> Result<ExperimentConfig> {
    let alone = ExperimentConfig { variants: Vec::new(), ..config.clone() };
    let own = alone.with(&variant.set).with_context(|| format!("in the variant {}", variant.name))?;
    Ok(ExperimentConfig { name: slug(&variant.name), ..own })
}

/// Letters and digits of a name, in small, other signs as single hyphens.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Replaces `@name` by the folder of the variant of that name.
fn resolve_reflow(config: &mut ExperimentConfig, finished: &[Finished]) -> Result<()> {
    let CouplingConfig::Reflow { from, .. } = &mut config.coupling else { return Ok(()) };
    let Some(name) = from.to_str().and_then(|from| from.strip_prefix('@')) else { return Ok(()) };
    let Some(source) = finished.iter().find(|variant| variant.name == name) else {
        bail!("no variant before this one has the name: {name}");
    };
    from.clone_from(&source.folder);
    Ok(())
}

fn run_variant(
    parent: &RunFolder,
    variant: &Variant,
    config: ExperimentConfig,
    args: &RunArgs,
    run: Run,
) -> Result<Option<Finished>> {
    let out = parent.path.join("variants");
    let earlier = newest(&out.join(&config.name));
    let name = variant.name.clone();
    if let Some(folder) = &earlier
        && let Ok(text) = std::fs::read_to_string(folder.join("result.json"))
    {
        let result = serde_json::from_str(&text)
            .with_context(|| format!("a result cannot be read in {}", folder.display()))?;
        return Ok(Some(Finished { name, folder: folder.clone(), result }));
    }
    let options = RunOptions {
        out,
        device: args.options.device.clone(),
        seed: None,
        threads: args.options.threads,
        resume: earlier.filter(|folder| checkpoint_file(folder).is_ok()),
        set: Vec::new(),
        inception: args.options.inception.clone(),
        json: false,
    };
    let found = run(config, &args.data, &options).with_context(|| format!("in the variant {name}"))?;
    Ok(found.map(|(folder, result)| Finished { name, folder: folder.path, result }))
}

/// The last of the folders of an experiment, whose names begin with their time.
fn newest(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).max()
}

fn findings(folder: &RunFolder, finished: &[Finished]) -> Result<Findings> {
    let mut findings = Findings::default();
    let costs: Vec<_> =
        finished.iter().map(|variant| (variant.name.clone(), held_out_costs(variant))).collect();
    report::draw_costs(folder, &costs)?;
    let mut figures = vec!["costs.png"];
    for name in ["paths.png", "coefficients.png"] {
        if draw_together(folder, finished, name)? {
            figures.push(name);
        }
    }
    tabulate(&mut findings, "Transport", &TRANSPORT, finished, &figures);
    tabulate(&mut findings, "Sampling", &SAMPLING, finished, &[]);
    let results = finished.iter().map(|variant| {
        let mut result = variant.result.clone();
        result.insert("experiment".into(), json!(variant.name));
        Value::Object(result)
    });
    findings.result.insert("variants".into(), Value::Array(results.collect()));
    Ok(findings)
}

/// Adds a table of those columns that any variant has a number for.
fn tabulate(
    findings: &mut Findings,
    title: &str,
    columns: &[(&str, &str)],
    finished: &[Finished],
    figures: &[&str],
) {
    let filled = |pointer: &str| finished.iter().any(|variant| !number(variant, pointer).is_empty());
    let columns: Vec<_> = columns.iter().filter(|(_, pointer)| filled(pointer)).collect();
    let mut header = vec!["variant"];
    header.extend(columns.iter().map(|(title, _)| *title));
    let row = |variant: &Finished| {
        let cells = columns.iter().map(|(_, pointer)| number(variant, pointer));
        std::iter::once(variant.name.clone()).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = finished.iter().map(row).collect();
    findings.section(title, &header, &rows, figures);
}

/// What is said of the transport, by where its numbers stand in a result.
const TRANSPORT: [(&str, &str); 13] = [
    ("cost", "/transport_cost"),
    ("E\\|X₁ − X₀\\|²", "/map_cost"),
    ("straightness", "/straightness"),
    ("path length", "/path_length"),
    ("discrete OT", "/discrete_cost"),
    ("gap", "/gap_to_discrete"),
    ("W2²", "/w2_squared"),
    ("cost / W2²", "/cost_over_w2_squared"),
    ("exact cost before", "/exact_cost_before"),
    ("after", "/exact_cost_after"),
    ("Monge map error", "/monge_map_error"),
    ("test NLL", "/test_nll"),
    ("training, s", "/train_secs"),
];

/// What is said of sampling.
const SAMPLING: [(&str, &str); 12] = [
    ("NFE, dopri5 1e-5", "/nfe_dopri5_1e-5"),
    ("Euler, equal error", "/euler_nfe_at_equal_error"),
    ("map error, Euler 1", "/euler/1/map_error"),
    ("2", "/euler/2/map_error"),
    ("4", "/euler/4/map_error"),
    ("8", "/euler/8/map_error"),
    ("energy distance, Euler 1", "/euler/1/energy_distance"),
    ("2", "/euler/2/energy_distance"),
    ("4", "/euler/4/energy_distance"),
    ("8", "/euler/8/energy_distance"),
    ("exact", "/energy_distance"),
    ("p, forward", "/two_sample_forward/p_value"),
];

/// A number of a variant's result with its standard error, empty where it has none.
fn number(variant: &Finished, pointer: &str) -> String {
    let value = pointer.split('/').skip(1).try_fold(None, |found: Option<&Value>, key| {
        let next = found.map_or_else(|| variant.result.get(key), |value| value.get(key));
        next.map(Some)
    });
    let Some(Some(value)) = value else { return String::new() };
    match (value["mean"].as_f64(), value["standard_error"].as_f64(), value.as_f64()) {
        (Some(mean), Some(error), _) => format!("{mean:.4} ± {error:.4}"),
        (_, _, Some(number)) if value.is_f64() => format!("{number:.4}"),
        (_, _, Some(number)) => format!("{number}"),
        _ => String::new(),
    }
}

/// The held-out transport costs by step of a variant.
fn held_out_costs(variant: &Finished) -> Vec<(f64, f64)> {
    let text = std::fs::read_to_string(variant.folder.join("metrics.jsonl")).unwrap_or_default();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records.filter_map(|record| Some((record["step"].as_f64()?, -record["minus_square"].as_f64()?))).collect()
}

/// Sets the variants' figures of one name side by side, if any has one.
fn draw_together(folder: &RunFolder, finished: &[Finished], name: &str) -> Result<bool> {
    let mut panels: Vec<(String, RgbImage)> = Vec::new();
    for variant in finished {
        let file = variant.folder.join("figures").join(name);
        if file.is_file() {
            let picture = image::open(&file).map_err(|error| anyhow!("{}: {error}", file.display()))?;
            panels.push((variant.name.clone(), picture.to_rgb8()));
        }
    }
    if panels.is_empty() {
        return Ok(false);
    }
    figure::save_png(&folder.figures().join(name), &figure::sheet(&panels, 3))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_folder() {
        assert_eq!(slug("Minibatch OT, 256"), "minibatch-ot-256");
        assert_eq!(slug("D = 2: α and β"), "d-2-and");
    }
}
