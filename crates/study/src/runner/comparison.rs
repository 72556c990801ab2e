//! Comparison of the variants of one experiment, each run in a folder of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use interflow_figure::{self as figure, Figure};
use interflow_flow::config::Variant;
use interflow_flow::evaluation::Results;
use interflow_flow::{ExperimentConfig, History, RunFolder, checkpoint};
use interflow_train::Observer;
use interflow_transport::CouplingConfig;
use serde_json::{Value, json};

use super::complete::Attempt;
use super::train::warn_interrupted;
use super::{Ended, Finished, Runner};
use crate::drawing::save;
use crate::findings::Findings;
use crate::report;
use crate::study::StudyConfig;

/// A variant that was run.
struct Outcome {
    name: String,
    folder: PathBuf,
    results: Results,
}

impl Runner {
    /// Runs all variants of a config, each in a folder of its own like any other experiment, and compares them unless
    /// one was interrupted. With [`Runner::resume`], finished variants are kept and the interrupted one continues.
    ///
    /// # Errors
    /// If a variant is refused, before any is run; if several processes share the work; and as [`Runner::complete`].
    pub fn compare(&self, config: &ExperimentConfig, observer: &mut dyn Observer) -> Result<Ended> {
        if self.work.group().is_some() {
            bail!("several processes do not go with a config of variants\nhint: take one process");
        }
        let mut config = config.clone();
        config.seed = self.seed.unwrap_or(config.seed);
        let configs = config.variants.iter().map(|variant| own_config(&config, variant));
        let configs = configs.collect::<Result<Vec<_>>>()?;
        let folder = match &self.resume {
            Some(path) => resumed(path)?,
            None => RunFolder::create(&self.out, &config, self.device)?,
        };
        let mut outcomes: Vec<Outcome> = Vec::new();
        for (variant, mut own) in config.variants.iter().zip(configs) {
            tracing::info!("variant {} of {}: {}", outcomes.len() + 1, config.variants.len(), variant.name);
            resolve_reflow(&mut own, &outcomes)?;
            let Some(next) = self.variant(&folder, variant, own, observer)? else {
                warn_interrupted(Some(&folder));
                return Ok(Ended::Interrupted);
            };
            outcomes.push(next);
        }
        let findings = findings(&folder, &outcomes)?;
        report::conclude(&folder, &config.name, &findings)?;
        Ok(Ended::Finished(Finished::of((folder, findings))))
    }

    fn variant(
        &self,
        parent: &RunFolder,
        variant: &Variant,
        config: ExperimentConfig,
        observer: &mut dyn Observer,
    ) -> Result<Option<Outcome>> {
        let out = parent.path().join("variants");
        let earlier = newest(&out.join(&config.name));
        let name = variant.name.clone();
        if let Some(folder) = &earlier
            && let Some(results) =
                finished(folder, &config).with_context(|| format!("in the variant {name}"))?
        {
            return Ok(Some(Outcome { name, folder: folder.clone(), results }));
        }
        // What the comparison came to before holds no more.
        parent.supersede(0)?;
        let resume = begun(earlier, &name)?;
        let runner = Self { out, seed: None, resume, ..self.clone() };
        let found =
            runner.attempt(config, None, observer).with_context(|| format!("in the variant {name}"))?;
        Ok(match found.0 {
            Attempt::Finished(Finished { folder, results }) => {
                Some(Outcome { name, folder: folder.path().to_owned(), results })
            }
            Attempt::Interrupted | Attempt::Elsewhere => None,
        })
    }
}

/// The folder of a comparison that goes on, without what killed processes left half-written.
fn resumed(path: &Path) -> Result<RunFolder> {
    let folder = RunFolder::open(path)?;
    folder.sweep();
    Ok(folder)
}

/// The folder of a variant that has a checkpoint to go on from. One without is removed: the variant begins anew, in a folder
/// of its own.
fn begun(folder: Option<PathBuf>, name: &str) -> Result<Option<PathBuf>> {
    let Some(folder) = folder else { return Ok(None) };
    if checkpoint::find(&folder).is_ok() {
        return Ok(Some(folder));
    }
    tracing::warn!("the variant {name} was stopped before its first checkpoint, and begins anew");
    let removed = std::fs::remove_dir_all(&folder);
    removed
        .with_context(|| format!("cannot remove the folder without a checkpoint: {}", folder.display()))?;
    Ok(None)
}

/// The result of a variant that was run to the end of `config`'s training; none if there is more to do.
fn finished(folder: &Path, config: &ExperimentConfig) -> Result<Option<Results>> {
    let file = folder.join("result.json");
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
    let run = RunFolder::open(folder)?;
    let own = run.config()?;
    run.check_same(&own, config)?;
    if own.train.steps != config.train.steps {
        return Ok(None);
    }
    let results = serde_json::from_str(&text);
    Ok(Some(results.with_context(|| format!("cannot read the result: {}", file.display()))?))
}

/// The variant's own config, under a name that can be a folder's.
fn own_config(config: &ExperimentConfig, variant: &Variant) -> Result<ExperimentConfig> {
    let alone = ExperimentConfig { variants: Vec::new(), ..config.clone() };
    let checked = || -> Result<ExperimentConfig> {
        let own = alone.with(&variant.set)?;
        if let Some(study) = StudyConfig::of(&own)? {
            study.check(&own)?;
        }
        Ok(own)
    };
    let own = checked().with_context(|| format!("in the variant {}", variant.name))?;
    Ok(ExperimentConfig { name: variant.folder_name(), ..own })
}

/// Replaces `@name` by the folder of the variant of that name.
fn resolve_reflow(config: &mut ExperimentConfig, outcomes: &[Outcome]) -> Result<()> {
    let CouplingConfig::Reflow { from, .. } = &mut config.coupling else { return Ok(()) };
    let Some(name) = from.to_str().and_then(|from| from.strip_prefix('@')) else { return Ok(()) };
    let Some(source) = outcomes.iter().find(|variant| variant.name == name) else {
        bail!("no variant before this one has the name: {name}");
    };
    from.clone_from(&source.folder);
    Ok(())
}

/// The last of the folders of an experiment, whose names begin with their time.
fn newest(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).max()
}

fn findings(folder: &RunFolder, outcomes: &[Outcome]) -> Result<Findings> {
    let mut findings = Findings::default();
    let costs = outcomes.iter().map(|variant| Ok((variant.name.clone(), held_out_costs(variant)?)));
    let costs = costs.collect::<Result<Vec<_>>>()?;
    report::draw_costs(folder, &costs)?;
    let mut figures = vec![("costs.png", "Held-out transport costs in training")];
    for (name, caption) in TOGETHER {
        draw_together(folder, outcomes, name)?;
        figures.push((name, caption));
    }
    tabulate(&mut findings, "Transport", &TRANSPORT, outcomes, &figures);
    tabulate(&mut findings, "Sampling", &SAMPLING, outcomes, &[]);
    tabulate(&mut findings, "Few calls", &FEW_CALLS, outcomes, &[]);
    let results = outcomes.iter().map(|variant| {
        let mut result = variant.results.clone();
        result.insert("experiment".into(), json!(variant.name));
        Value::Object(result)
    });
    findings.results.insert("variants".into(), Value::Array(results.collect()));
    Ok(findings)
}

/// The variants' figures that are shown side by side.
const TOGETHER: [(&str, &str); 3] = [
    ("paths.png", "Trajectories"),
    ("coefficients.png", "The coefficients of learned paths, before and after"),
    ("few_calls.png", "Data, and samples by calls of the network"),
];

/// Adds a table of those columns that any variant has a number for.
fn tabulate(
    findings: &mut Findings,
    title: &str,
    columns: &[(&str, &str)],
    outcomes: &[Outcome],
    figures: &[(&str, &str)],
) {
    let filled = |pointer: &str| outcomes.iter().any(|variant| !number(variant, pointer).is_empty());
    let columns: Vec<_> = columns.iter().filter(|(_, pointer)| filled(pointer)).collect();
    if columns.is_empty() && figures.is_empty() {
        return;
    }
    let mut header = vec!["variant"];
    header.extend(columns.iter().map(|(title, _)| *title));
    let row = |variant: &Outcome| {
        let cells = columns.iter().map(|(_, pointer)| number(variant, pointer));
        std::iter::once(variant.name.clone()).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = outcomes.iter().map(row).collect();
    findings.section(title, &header, &rows, figures);
}

/// What is said of the transport, by where its numbers stand in a result.
const TRANSPORT: [(&str, &str); 13] = [
    ("cost", "/transport_cost"),
    ("E|X₁ − X₀|²", "/map_cost"),
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

/// What is said of flow maps.
const FEW_CALLS: [(&str, &str); 15] = [
    ("energy distance, 1 call", "/few_call_samples/1/energy_distance"),
    ("2", "/few_call_samples/2/energy_distance"),
    ("4", "/few_call_samples/4/energy_distance"),
    ("8", "/few_call_samples/8/energy_distance"),
    ("solver", "/solver_energy_distance"),
    ("log-density RMS, 1 call", "/few_call_log_density/1/to_solver/rms"),
    ("2", "/few_call_log_density/2/to_solver/rms"),
    ("4", "/few_call_log_density/4/to_solver/rms"),
    ("8", "/few_call_log_density/8/to_solver/rms"),
    ("semigroup", "/map_conditions/semigroup"),
    ("inverse", "/map_conditions/inverse"),
    ("map, 0 to 1", "/map_against_closed_form/0 to 1/map_error"),
    ("1 to 0", "/map_against_closed_form/1 to 0/map_error"),
    ("log-density, 0 to 1", "/map_against_closed_form/0 to 1/divergence_error"),
    ("1 to 0", "/map_against_closed_form/1 to 0/divergence_error"),
];

/// A number of a variant's result with its standard error, empty where it has none.
fn number(variant: &Outcome, pointer: &str) -> String {
    let value = pointer.split('/').skip(1).try_fold(None, |found: Option<&Value>, key| {
        let next = found.map_or_else(|| variant.results.get(key), |value| value.get(key));
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
fn held_out_costs(variant: &Outcome) -> Result<Vec<(f64, f64)>> {
    Ok(History::read(&RunFolder::open(&variant.folder)?, u64::MAX)?.costs)
}

/// Sets the variants' figures of one name side by side, if any has one.
fn draw_together(folder: &RunFolder, outcomes: &[Outcome], name: &str) -> Result<()> {
    let mut panels: Vec<(String, Figure)> = Vec::new();
    for variant in outcomes {
        let file = variant.folder.join("figures").join(name);
        if file.is_file() {
            let picture = image::open(&file).map_err(|error| anyhow!("{}: {error}", file.display()))?;
            panels.push((variant.name.clone(), Figure::picture(picture.to_rgb8(), Figure::SHARPNESS)));
        }
    }
    if panels.is_empty() { Ok(()) } else { save(folder, name, &figure::sheet(&panels, 3)) }
}
