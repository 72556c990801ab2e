//! The flow against the stochastic equation on a trained flow, by calls of the network.

use anyhow::{Result, bail};
use interflow_core::rng::{Purpose, Stream};
use interflow_figure as figure;
use interflow_metrics::energy_distance_test;
use interflow_solvers::{DiffusionConfig, DiffusionShape, Method, Scheme, SdeConfig, SolverConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::Findings;
use super::exact_law::steps_for;
use crate::end::End;
use crate::flow::Flow;
use crate::flow_path::{FlowPath, NoiseConfig};
use crate::observer::progress_bar;
use crate::output::points_2d;
use crate::run_folder::RunFolder;

/// What is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetConfig {
    /// Calls of the network.
    pub(crate) budgets: Vec<u32>,
    /// Strengths of the noise.
    pub(crate) epsilons: Vec<f64>,
    /// How the strength varies in time.
    pub(crate) diffusion: DiffusionShape,
    /// Samples of each run, and as many data.
    pub(crate) n: i64,
    /// The budget whose samples are drawn.
    pub(crate) drawn: u32,
}

/// What a sampler did with a budget.
struct Run {
    sampler: Sampler,
    budget: u32,
    nfe: u64,
    quality: Quality,
}

/// A sampler with a fixed number of steps.
#[derive(Clone, Copy, PartialEq)]
enum Sampler {
    Flow(Method),
    Noise(Scheme, f64),
}

/// How good a sampler's samples are.
#[derive(Clone, Copy)]
struct Quality {
    energy_distance: f64,
    outside: Option<f64>,
}

/// Compares all samplers and adds a table, numbers and figures.
pub(super) fn run(
    config: &BudgetConfig,
    folder: &RunFolder,
    flow: &Flow,
    base: &End,
    target: &End,
) -> Result<Findings> {
    let (seed, kind) = (flow.config.seed, flow.config.precision.kind());
    let x0 = base.sampling_points(0, config.n, seed, kind)?;
    let points = target.test_points(2 * config.n, seed, kind);
    let half = points.size()[0] / 2;
    let (data, other) = (points.narrow(0, 0, half), points.narrow(0, half, half));
    let floor = judge(&other, &data, target)?;
    let samplers = config.samplers();
    let bar = progress_bar((config.budgets.len() * samplers.len()) as u64, "budgets");
    let mut findings = Findings::default();
    let mut panels = vec![("data".to_owned(), picture(&data, target)?)];
    let mut runs = Vec::new();
    for &budget in &config.budgets {
        for &sampler in &samplers {
            let (samples, nfe) = sample(config, flow, base, (sampler, budget), &x0)?;
            let quality = judge(&samples, &data, target)?;
            if budget == config.drawn && sampler.is_drawn() {
                panels.push((sampler.name(), picture(&samples, target)?));
            }
            runs.push(Run { sampler, budget, nfe, quality });
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    for &budget in &config.budgets {
        findings.result.insert(format!("best_at_{budget}"), best(&runs, budget));
    }
    findings.result.insert("energy_distance_of_data".into(), json!(floor.energy_distance));
    let mut rows: Vec<Vec<String>> =
        runs.iter().map(|run| run.quality.row(&run.sampler.name(), run.nfe)).collect();
    rows.push(floor.row("fresh data", 0));
    let charts = [
        ("log10 energy distance".to_owned(), chart(config, &runs, |quality| quality.energy_distance)),
        (
            "log10 mass outside".to_owned(),
            chart(config, &runs, |quality| quality.outside.unwrap_or(f64::NAN)),
        ),
    ];
    figure::save_png(&folder.figures().join("budgets.png"), &figure::sheet(&charts, 2))?;
    figure::save_png(&folder.figures().join("budget_samples.png"), &figure::sheet(&panels, 3))?;
    let header = ["sampler", "NFE", "energy distance", "mass outside the support"];
    findings.section(
        "Samplers by calls of the network",
        &header,
        &rows,
        &["budgets.png", "budget_samples.png"],
    );
    Ok(findings)
}

/// The best sampler of a budget by each measure.
fn best(runs: &[Run], budget: u32) -> Value {
    let least = |measure: fn(&Quality) -> f64| {
        let of_budget = runs.iter().filter(|run| run.budget == budget);
        of_budget.min_by(|a, b| measure(&a.quality).total_cmp(&measure(&b.quality)))
    };
    let shown = |measure: fn(&Quality) -> f64| {
        least(measure).map(|run| json!({ "sampler": run.sampler.name(), "value": measure(&run.quality) }))
    };
    json!({
        "energy_distance": shown(|quality| quality.energy_distance),
        "mass_outside": shown(|quality| quality.outside.unwrap_or(f64::INFINITY)),
    })
}

/// One line for the flow and one for each strength.
fn chart(config: &BudgetConfig, runs: &[Run], measure: fn(&Quality) -> f64) -> image::RgbImage {
    let point = |run: &Run| (f64::from(run.budget).log10(), measure(&run.quality).log10());
    let line = |sampler: Sampler| {
        let own = runs.iter().filter(|run| run.sampler == sampler).map(point);
        (sampler.name(), own.collect::<Vec<_>>())
    };
    let lines: Vec<_> =
        config.samplers().into_iter().filter(|sampler| sampler.is_drawn()).map(line).collect();
    figure::curve_image(&lines, "log10 NFE", "log10 distance")
}

impl BudgetConfig {
    /// Rejects counts that make no sense.
    pub(super) fn check(&self) -> Result<()> {
        if self.n < 2 {
            bail!("n must be at least 2, found: {}", self.n);
        }
        match self.budgets.iter().find(|budget| **budget < 2) {
            Some(budget) => bail!("each of budgets must be at least 2, found: {budget}"),
            None => Ok(()),
        }
    }

    fn samplers(&self) -> Vec<Sampler> {
        let flows = [Method::Euler, Method::Heun].map(Sampler::Flow);
        let noise = [Scheme::EulerMaruyama, Scheme::Heun, Scheme::Shark]
            .into_iter()
            .flat_map(|scheme| self.epsilons.iter().map(move |&strength| Sampler::Noise(scheme, strength)));
        flows.into_iter().chain(noise).collect()
    }
}

impl Sampler {
    fn name(self) -> String {
        match self {
            Self::Flow(method) => format!("flow, {method:?}"),
            Self::Noise(scheme, strength) => format!("{scheme:?}, epsilon = {strength}"),
        }
    }

    /// One picture for the flow and one for each strength.
    fn is_drawn(self) -> bool {
        matches!(self, Self::Flow(Method::Heun) | Self::Noise(Scheme::Shark, _))
    }
}

impl Quality {
    fn row(self, name: &str, nfe: u64) -> Vec<String> {
        let outside = self.outside.map_or("–".to_owned(), |mass| format!("{mass:.4}"));
        vec![name.to_owned(), nfe.to_string(), format!("{:.5}", self.energy_distance), outside]
    }
}

fn sample(
    config: &BudgetConfig,
    flow: &Flow,
    base: &End,
    (sampler, budget): (Sampler, u32),
    x0: &Tensor,
) -> Result<(Tensor, u64)> {
    match sampler {
        Sampler::Flow(method) => {
            let steps = if method == Method::Euler { budget } else { (budget / 2).max(1) };
            let solver = SolverConfig { method, steps: Some(steps), ..SolverConfig::default() }.build()?;
            let solve = |batch: &Tensor, _first| Ok(solver.solve(&flow.velocity, batch, 0.0, 1.0)?);
            flow.in_batches(x0, (0.0, 1.0), solve, |_| {})
        }
        Sampler::Noise(scheme, strength) => {
            let noise = NoiseConfig {
                diffusion: DiffusionConfig { shape: config.diffusion, strength },
                solver: SdeConfig { scheme, steps: steps_for(scheme, budget), ..SdeConfig::default() },
            };
            FlowPath::new(flow, None)?.diffuse(base, &noise, flow.config.seed, x0, |_| {})
        }
    }
}

/// The distance of samples to data, and how many lie where the target has no density.
fn judge(samples: &Tensor, data: &Tensor, target: &End) -> Result<Quality> {
    let mut draw = Stream::new(0, Purpose::Resample).at(0);
    let outside = target.density().map(|density| {
        let infinite = density.log_density(&samples.to_kind(Kind::Double)).isneginf();
        infinite.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
    });
    Ok(Quality { energy_distance: energy_distance_test(samples, data, 0, &mut draw)?.statistic, outside })
}

fn picture(x: &Tensor, target: &End) -> Result<image::RgbImage> {
    Ok(figure::histogram_image(&points_2d(x)?, target.extent(), 64))
}
