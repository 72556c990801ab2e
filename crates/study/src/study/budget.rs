//! The flow compared with the stochastic equation for a trained flow, at equal NFE.

use anyhow::{Result, bail};
use interflow_core::Points;
use interflow_core::density::Density;
use interflow_core::rng::{Purpose, Stream};
use interflow_figure as figure;
use interflow_flow::{Computed, FlowPath, NoiseConfig, Target};
use interflow_metrics::energy_distance_test;
use interflow_solvers::{DiffusionConfig, DiffusionShape, Method, Scheme, SdeConfig, SolverConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use crate::calls::steps_for;
use crate::drawing::points_2d;
use crate::findings::Findings;
use crate::scheme_name::scheme_name;
use crate::subject::Subject;

/// The settings of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetConfig {
    /// The NFE to compare at.
    pub budgets: Vec<u32>,
    /// The strengths ε₀ of the noise.
    pub epsilons: Vec<f64>,
    /// How the strength of the noise varies in time.
    pub diffusion: DiffusionShape,
    /// The number of samples of each run, and of data points.
    pub n: i64,
    /// The NFE whose samples are drawn.
    pub drawn: u32,
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
pub(super) fn run(config: &BudgetConfig, subject: &Subject<'_>) -> Result<Findings> {
    let (seed, kind, target) = (subject.seed(), subject.kind(), subject.target);
    if !subject.engine.space().given.is_nothing() {
        bail!("the study budget needs a flow without conditions");
    }
    let x0 = Points::from(subject.base.law().sample(0, config.n, seed, kind)?);
    let points = target.test(2 * config.n, seed, kind);
    let half = points.len() / 2;
    let (data, other) = (points.narrow(0, half).x, points.narrow(half, half).x);
    let floor = judge(&other, &data, target)?;
    let samplers = config.samplers();
    let task = subject.engine.work().begin("budgets", (config.budgets.len() * samplers.len()) as u64);
    let mut panels = vec![("data".to_owned(), picture(&data, target)?)];
    let mut runs = Vec::new();
    for &budget in &config.budgets {
        for &sampler in &samplers {
            let Computed { rows, nfe } = sample(config, subject, (sampler, budget), &x0)?;
            let quality = judge(&rows, &data, target)?;
            if budget == config.drawn && sampler.is_drawn() {
                panels.push((sampler.name(), picture(&rows, target)?));
            }
            runs.push(Run { sampler, budget, nfe, quality });
            task.advance(1);
        }
    }
    subject.save("budget_samples.png", &figure::sheet(&panels, 3))?;
    findings(config, subject, &runs, floor)
}

/// The account of all runs; `floor` is the quality of fresh data.
fn findings(config: &BudgetConfig, subject: &Subject<'_>, runs: &[Run], floor: Quality) -> Result<Findings> {
    let mut findings = Findings::default();
    for &budget in &config.budgets {
        findings.results.insert(format!("best_at_{budget}"), best(runs, budget));
    }
    findings.results.insert("energy_distance_of_data".into(), json!(floor.energy_distance));
    let mut rows: Vec<Vec<String>> =
        runs.iter().map(|run| run.quality.row(&run.sampler.name(), run.nfe)).collect();
    rows.push(floor.row("fresh data", 0));
    let outside = |quality: &Quality| quality.outside.unwrap_or(f64::NAN);
    let charts = [
        chart(config, runs, (|quality| quality.energy_distance, "energy distance")),
        chart(config, runs, (outside, "mass outside the support")),
    ];
    subject.save("budgets.png", &figure::sheet(&charts, 2))?;
    let header = ["sampler", "NFE", "energy distance", "mass outside the support"];
    let drawn = format!("Data, and samples in {} calls", config.drawn);
    let figures = [
        ("budgets.png", "Quality of samples by calls of the network"),
        ("budget_samples.png", drawn.as_str()),
    ];
    findings.section("Samplers by calls of the network", &header, &rows, &figures);
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
fn chart(
    config: &BudgetConfig,
    runs: &[Run],
    (measure, name): (fn(&Quality) -> f64, &str),
) -> (String, figure::Figure) {
    let point = |run: &Run| (f64::from(run.budget).log10(), measure(&run.quality).log10());
    let line = |sampler: Sampler| {
        let own = runs.iter().filter(|run| run.sampler == sampler).map(point);
        (sampler.name(), own.collect::<Vec<_>>())
    };
    let lines: Vec<_> =
        config.samplers().into_iter().filter(|sampler| sampler.is_drawn()).map(line).collect();
    (name.to_owned(), figure::curve_image(&lines, "log₁₀ NFE", &format!("log₁₀ {name}")))
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
            Self::Noise(scheme, strength) => format!("{}, ε = {strength}", scheme_name(scheme)),
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
    subject: &Subject<'_>,
    (sampler, budget): (Sampler, u32),
    x0: &Points,
) -> Result<Computed> {
    let (engine, task) = (subject.engine, subject.engine.work().quietly());
    match sampler {
        Sampler::Flow(method) => {
            let steps = if method == Method::Euler { budget } else { (budget / 2).max(1) };
            let solver = SolverConfig { method, steps: Some(steps), ..SolverConfig::default() }.build()?;
            Ok(engine.carry_by(x0, 0.0, 1.0, &task, |batch, _first| {
                let solution = solver.solve(&engine.network().at(&batch.given), &batch.x, 0.0, 1.0)?;
                Ok((solution.x, solution.statistics.nfe))
            })?)
        }
        Sampler::Noise(scheme, strength) => {
            let noise = NoiseConfig {
                diffusion: DiffusionConfig { shape: config.diffusion, strength },
                solver: SdeConfig { scheme, steps: steps_for(scheme, budget), ..SdeConfig::default() },
            };
            Ok(FlowPath::new(engine, None)?.diffuse(x0, &noise, subject.seed(), &task)?)
        }
    }
}

/// The distance of samples to data, and how many lie where the target has no density.
fn judge(samples: &Tensor, data: &Tensor, target: &Target) -> Result<Quality> {
    let mut draw = Stream::new(0, Purpose::Resample).at(0);
    let share = |density: &dyn Density| -> Result<f64> {
        let infinite = density.log_density(&samples.to_kind(Kind::Double))?.isneginf();
        Ok(infinite.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]))
    };
    let outside = target.density().map(|density| share(&*density)).transpose()?;
    Ok(Quality { energy_distance: energy_distance_test(samples, data, 0, &mut draw)?.statistic, outside })
}

fn picture(x: &Tensor, target: &Target) -> Result<figure::Figure> {
    Ok(figure::histogram_image(&points_2d(x)?, target.extent(), 64))
}
