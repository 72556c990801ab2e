//! The transport cost of a flow compared with the least possible, its straightness, and its samples in a few steps.

use anyhow::{Result, bail};
use interflow_core::Given;
use interflow_core::density::Gaussian;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::DensityConfig;
use interflow_figure as figure;
use interflow_flow::Engine;
use interflow_flow::config::TargetConfig;
use interflow_flow::evaluation::{Results, estimate};
use interflow_metrics::{Moments, energy_distance_test, wasserstein2_gaussian};
use interflow_solvers::{Method, SolverConfig};
use interflow_transport::{CouplingConfig, Trajectories, discrete_cost, gaussian_path_cost};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::drawing::numbers;
use crate::findings::Findings;
use crate::report;
use crate::subject::Subject;

/// Intervals of the integrals along a trajectory.
const N_INTERVALS: usize = 64;
/// Points of the curves of α and β.
const N_TIMES: i64 = 101;
/// Trajectories in the picture.
const N_DRAWN: i64 = 150;
/// The tolerance at which calls of the network are counted, and the one of the exact map.
const TOLERANCE: f64 = 1e-5;
const FINE: f64 = 1e-6;
/// The most steps of Euler's method that are tried.
const MOST_STEPS: u32 = 256;

/// The settings of the measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransportConfig {
    /// The number of points that are followed, and of points on each side of the discrete optimal transport.
    pub n: i64,
    /// The number of points on each side of an energy distance.
    #[serde(default = "default_two_sample")]
    pub n_two_sample: i64,
    /// The numbers of steps of Euler's method.
    pub euler_steps: Vec<u32>,
    /// The root mean square error of the map at which the steps of Euler's method are counted, by doubling their
    /// number.
    #[serde(default = "default_equal_error")]
    pub equal_error: f64,
}

fn default_equal_error() -> f64 {
    0.05
}

fn default_two_sample() -> i64 {
    2000
}

impl TransportConfig {
    /// Rejects counts that make no sense.
    pub(super) fn check(&self) -> Result<()> {
        if self.n < 2 || self.n_two_sample < 2 {
            bail!("n and n_two_sample must be at least 2");
        }
        if self.equal_error.is_nan() || self.equal_error <= 0.0 {
            bail!("equal_error must be positive, found: {}", self.equal_error);
        }
        if self.euler_steps.contains(&0) {
            bail!("each of euler_steps must be positive");
        }
        Ok(())
    }
}

/// Measures the flow and adds numbers, a table and figures.
pub(super) fn run(config: &TransportConfig, subject: &Subject<'_>) -> Result<Findings> {
    let engine = subject.engine;
    if !engine.space().given.is_nothing() || engine.whitening().is_some() {
        bail!("the study of transport needs a flow without conditions and without whitening");
    }
    let (seed, kind) = (subject.seed(), subject.kind());
    let x0 = subject.base.points(config.n, seed, kind);
    let x1 = subject.target.test(x0.size()[0], seed, kind).x;
    let x0 = subject.admit(&x0.narrow(0, 0, x1.size()[0]))?;
    let mut findings = Findings::default();
    costs(engine, &x0, &x1, &mut findings.results)?;
    let gaussian = match &subject.config.target {
        TargetConfig::Synthetic(law) => match &law.density {
            DensityConfig::Gaussian(gaussian) => Some(gaussian.build()?),
            _ => None,
        },
        _ => None,
    };
    if let Some(law) = gaussian.filter(|_| engine.base().is_standard_normal()) {
        against_gaussians(subject, &law, &x0, &mut findings.results)?;
    }
    few_steps(config, engine, (&x0, &x1), &mut findings)?;
    draw(subject, &x0)?;
    Ok(findings)
}

/// The flow's transport cost beside that of the best pairing of as many points.
fn costs(engine: &Engine, x0: &Tensor, x1: &Tensor, results: &mut Results) -> Result<()> {
    let solver = tolerant(TOLERANCE).build()?;
    let velocity = engine.network().at(&Given::Nothing);
    let found = Trajectories::of(&solver, &velocity, x0, N_INTERVALS)?;
    for (name, value) in [
        ("transport_cost", found.cost),
        ("map_cost", found.map_cost),
        ("straightness", found.straightness),
        ("path_length", found.length),
    ] {
        results.insert(name.into(), estimate(value.mean, value.standard_error));
    }
    let discrete = discrete_cost(x0, x1)?;
    results.insert("discrete_cost".into(), json!(discrete));
    results.insert("gap_to_discrete".into(), json!(found.cost.mean - discrete));
    let nfe = solver.solve(&velocity, x0, 0.0, 1.0)?.statistics.nfe;
    results.insert("nfe_dopri5_1e-5".into(), json!(nfe));
    Ok(())
}

/// Closed forms between N(0, I) and a Gaussian with a diagonal covariance.
fn against_gaussians(
    subject: &Subject<'_>,
    law: &Gaussian,
    x0: &Tensor,
    results: &mut Results,
) -> Result<()> {
    let engine = subject.engine;
    let (mean, covariance) = (law.mean(), law.covariance());
    let variances = covariance.diag(0);
    let identity = Tensor::eye(mean.size()[0], (Kind::Double, Device::Cpu));
    let normal = Moments { mean: mean.zeros_like(), covariance: identity };
    let end = Moments { mean: mean.copy(), covariance };
    let least = wasserstein2_gaussian(&normal, &end)?.powi(2);
    results.insert("w2_squared".into(), json!(least));
    if let Some(cost) = results["transport_cost"]["mean"].as_f64() {
        results.insert("cost_over_w2_squared".into(), json!(cost / least));
    }
    if matches!(subject.config.coupling, CouplingConfig::Independent {}) {
        let exact = |path: &Interpolant| -> Result<f64> {
            Ok(gaussian_path_cost(path, &mean, &variances)?.double_value(&[]))
        };
        results.insert("exact_cost_before".into(), json!(exact(&subject.config.interpolant.build()?)?));
        if engine.learned_path().is_none_or(|path| path.family().keeps_form()) {
            results.insert("exact_cost_after".into(), json!(exact(&engine.interpolant()?)?));
        }
    }
    let best = x0.to_device(Device::Cpu).to_kind(Kind::Double) * variances.sqrt() + &mean;
    let carried = carried(engine, x0, &tolerant(FINE))?;
    let error = rms_squared(&(carried.to_device(Device::Cpu).to_kind(Kind::Double) - best));
    results.insert("monge_map_error".into(), json!(error / least));
    Ok(())
}

/// The ends of `steps` steps of Euler's method.
fn euler(engine: &Engine, x0: &Tensor, steps: u32) -> Result<Tensor> {
    let solver = SolverConfig { method: Method::Euler, steps: Some(steps), ..SolverConfig::default() };
    carried(engine, x0, &solver)
}

/// The ends of the flow from `x0` by a solver.
fn carried(engine: &Engine, x0: &Tensor, solver: &SolverConfig) -> Result<Tensor> {
    engine.work().cancel().check()?;
    Ok(solver.build()?.solve(&engine.network().at(&Given::Nothing), x0, 0.0, 1.0)?.x)
}

/// The calls of the network by Euler's method for an error of the map, the least power of two; nothing beyond
/// [`MOST_STEPS`].
fn calls_for(error: f64, engine: &Engine, x0: &Tensor, fine: &Tensor) -> Result<Option<u32>> {
    let mut steps = 1;
    while rms_squared(&(euler(engine, x0, steps)? - fine)).sqrt() > error {
        steps *= 2;
        if steps > MOST_STEPS {
            return Ok(None);
        }
    }
    Ok(Some(steps))
}

/// Euler's method against the exact map and against data.
fn few_steps(
    config: &TransportConfig,
    engine: &Engine,
    (x0, x1): (&Tensor, &Tensor),
    findings: &mut Findings,
) -> Result<()> {
    let n = config.n_two_sample.min(x1.size()[0]);
    let distance = |x: &Tensor| -> Result<f64> {
        let mut draw = Stream::new(0, Purpose::Resample).at(0);
        Ok(energy_distance_test(&x.narrow(0, 0, n), &x1.narrow(0, 0, n), 0, &mut draw)?.statistic)
    };
    let fine = carried(engine, x0, &tolerant(FINE))?;
    let mut rows = Vec::new();
    let mut by_steps = Results::new();
    for &steps in &config.euler_steps {
        let x = euler(engine, x0, steps)?;
        let (error, distance) = (rms_squared(&(&x - &fine)).sqrt(), distance(&x)?);
        rows.push(vec![format!("Euler, {steps}"), format!("{error:.4}"), format!("{distance:.5}")]);
        by_steps.insert(steps.to_string(), json!({ "map_error": error, "energy_distance": distance }));
    }
    let exact = distance(&fine)?;
    rows.push(vec![format!("dopri5, {FINE:e}"), "–".to_owned(), format!("{exact:.5}")]);
    findings.results.insert("euler".into(), Value::Object(by_steps));
    let calls = calls_for(config.equal_error, engine, x0, &fine)?;
    findings.results.insert("euler_nfe_at_equal_error".into(), json!(calls));
    findings.results.insert("energy_distance".into(), json!(exact));
    let header = ["sampler, steps", "root mean square error of the map", "energy distance to data"];
    let figures = [
        ("paths.png", "Trajectories of the flow"),
        ("coefficients.png", "The coefficients of the path, before and after it was learned"),
    ];
    findings.section("Transport in few steps", &header, &rows, &figures);
    Ok(())
}

/// Draws trajectories, and the path's coefficients where they were learned.
fn draw(subject: &Subject<'_>, x0: &Tensor) -> Result<()> {
    if x0.size()[1] == 2 {
        let paths = report::trajectories(subject, &x0.narrow(0, 0, N_DRAWN.min(x0.size()[0])))?;
        subject.save("paths.png", &figure::trajectories_image(&paths, subject.extent()))?;
    }
    let path = subject.engine.learned_path().filter(|path| path.family().keeps_form());
    let Some(path) = path else { return Ok(()) };
    let t = Tensor::linspace(0.0, 1.0, N_TIMES, (Kind::Double, Device::Cpu));
    let (before, after) = (path.base().coefficients(&t), path.interpolant().coefficients(&t));
    let times = numbers(&t)?;
    let line = |name: &str, values: &Tensor| -> Result<_> {
        let values = numbers(&values.detach())?;
        Ok((name.to_owned(), times.iter().copied().zip(values).collect::<Vec<_>>()))
    };
    let mut series = vec![
        line("α before", &before.schedule.alpha)?,
        line("α after", &after.schedule.alpha)?,
        line("β before", &before.schedule.beta)?,
        line("β after", &after.schedule.beta)?,
    ];
    if let (Some(before), Some(after)) = (&before.latent, &after.latent) {
        series.extend([line("γ before", &before.gamma)?, line("γ after", &after.gamma)?]);
    }
    subject.save("coefficients.png", &figure::curve_image(&series, "t", "coefficient"))
}

fn tolerant(tolerance: f64) -> SolverConfig {
    SolverConfig { rtol: tolerance, atol: tolerance, ..SolverConfig::default() }
}

/// The mean of the rows' squared lengths.
fn rms_squared(x: &Tensor) -> f64 {
    x.square().sum_dim_intlist(1i64, false, Kind::Double).mean(Kind::Double).double_value(&[])
}
