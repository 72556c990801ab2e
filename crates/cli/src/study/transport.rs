//! What a flow's transport costs against the least it could, how straight it is, and what few steps make of it.

use anyhow::{Result, bail};
use interflow_core::density::Gaussian;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::TargetConfig;
use interflow_figure as figure;
use interflow_metrics::{Moments, energy_distance_test, wasserstein2_gaussian};
use interflow_solvers::{Method, SolverConfig};
use interflow_transport::{CouplingConfig, Trajectories, discrete_cost, gaussian_path_cost};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::Findings;
use crate::config::EndConfig;
use crate::end::End;
use crate::evaluation::estimate;
use crate::flow::Flow;
use crate::output::numbers;
use crate::report;
use crate::run_folder::RunFolder;

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

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransportConfig {
    /// Points that are followed, and points on each side of the discrete optimal transport.
    pub(crate) n: i64,
    /// Points on each side of an energy distance.
    #[serde(default = "default_two_sample")]
    pub(crate) n_two_sample: i64,
    /// Numbers of steps of Euler's method.
    pub(crate) euler_steps: Vec<u32>,
    /// The root mean square error of the map for which the steps of Euler's method are counted, by doubling them.
    #[serde(default = "default_equal_error")]
    pub(crate) equal_error: f64,
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
pub(super) fn run(
    config: &TransportConfig,
    folder: &RunFolder,
    flow: &Flow,
    base: &End,
    target: &End,
) -> Result<Findings> {
    if target.n_given() > 0 || flow.whitening.is_some() {
        bail!("the study of transport wants a flow without conditions and without whitening");
    }
    let (seed, kind) = (flow.config.seed, flow.config.precision.kind());
    let x0 = match base.sampling_points(0, config.n, seed, kind) {
        Ok(points) => points,
        Err(_) => base.test_points(config.n, seed, kind),
    };
    let x1 = target.test_points(x0.size()[0], seed, kind);
    let x0 = flow.admit(&x0.narrow(0, 0, x1.size()[0]))?;
    let mut findings = Findings::default();
    costs(flow, &x0, &x1, &mut findings.result)?;
    let gaussian = match &flow.config.target {
        EndConfig::Synthetic { density: TargetConfig::Gaussian(gaussian), .. } => Some(gaussian.build()?),
        _ => None,
    };
    if let (Some(law), End::Normal(_)) = (gaussian, base) {
        against_gaussians(flow, &law, &x0, &mut findings.result)?;
    }
    few_steps(config, flow, (&x0, &x1), &mut findings)?;
    draw(folder, flow, &x0, base.extent().max(target.extent()))?;
    Ok(findings)
}

/// The flow's transport cost beside that of the best pairing of as many points.
fn costs(flow: &Flow, x0: &Tensor, x1: &Tensor, result: &mut Map<String, Value>) -> Result<()> {
    let solver = tolerant(TOLERANCE).build()?;
    let found = Trajectories::of(&solver, &flow.velocity, x0, N_INTERVALS)?;
    for (name, value) in [
        ("transport_cost", found.cost),
        ("map_cost", found.map_cost),
        ("straightness", found.straightness),
        ("path_length", found.length),
    ] {
        result.insert(name.into(), estimate(value.mean, value.standard_error));
    }
    let discrete = discrete_cost(x0, x1)?;
    result.insert("discrete_cost".into(), json!(discrete));
    result.insert("gap_to_discrete".into(), json!(found.cost.mean - discrete));
    result
        .insert("nfe_dopri5_1e-5".into(), json!(solver.solve(&flow.velocity, x0, 0.0, 1.0)?.statistics.nfe));
    Ok(())
}

/// Closed forms between N(0, I) and a Gaussian with a diagonal covariance.
fn against_gaussians(
    flow: &Flow,
    law: &Gaussian,
    x0: &Tensor,
    result: &mut Map<String, Value>,
) -> Result<()> {
    let (mean, covariance) = (law.mean(), law.covariance());
    let variances = covariance.diag(0);
    let identity = Tensor::eye(mean.size()[0], (Kind::Double, Device::Cpu));
    let normal = Moments { mean: mean.zeros_like(), covariance: identity };
    let end = Moments { mean: mean.copy(), covariance };
    let least = wasserstein2_gaussian(&normal, &end)?.powi(2);
    result.insert("w2_squared".into(), json!(least));
    if let Some(cost) = result["transport_cost"]["mean"].as_f64() {
        result.insert("cost_over_w2_squared".into(), json!(cost / least));
    }
    if matches!(flow.config.coupling, CouplingConfig::Independent {}) {
        let exact = |path: &Interpolant| -> Result<f64> {
            Ok(gaussian_path_cost(path, &mean, &variances)?.double_value(&[]))
        };
        result.insert("exact_cost_before".into(), json!(exact(&flow.config.interpolant.build()?)?));
        if flow.path.as_ref().is_none_or(|path| path.family().keeps_form()) {
            result.insert("exact_cost_after".into(), json!(exact(&flow.interpolant()?)?));
        }
    }
    let best = x0.to_device(Device::Cpu).to_kind(Kind::Double) * variances.sqrt() + &mean;
    let carried = tolerant(FINE).build()?.solve(&flow.velocity, x0, 0.0, 1.0)?.x;
    let error = rms_squared(&(carried.to_device(Device::Cpu).to_kind(Kind::Double) - best));
    result.insert("monge_map_error".into(), json!(error / least));
    Ok(())
}

/// The ends of `steps` steps of Euler's method.
fn euler(flow: &Flow, x0: &Tensor, steps: u32) -> Result<Tensor> {
    let solver = SolverConfig { method: Method::Euler, steps: Some(steps), ..SolverConfig::default() };
    Ok(solver.build()?.solve(&flow.velocity, x0, 0.0, 1.0)?.x)
}

/// The calls of the network by Euler's method for an error of the map, the least power of two; nothing beyond
/// [`MOST_STEPS`].
fn calls_for(error: f64, flow: &Flow, x0: &Tensor, fine: &Tensor) -> Result<Option<u32>> {
    let mut steps = 1;
    while rms_squared(&(euler(flow, x0, steps)? - fine)).sqrt() > error {
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
    flow: &Flow,
    (x0, x1): (&Tensor, &Tensor),
    findings: &mut Findings,
) -> Result<()> {
    let n = config.n_two_sample.min(x1.size()[0]);
    let distance = |x: &Tensor| -> Result<f64> {
        let mut draw = Stream::new(0, Purpose::Resample).at(0);
        Ok(energy_distance_test(&x.narrow(0, 0, n), &x1.narrow(0, 0, n), 0, &mut draw)?.statistic)
    };
    let fine = tolerant(FINE).build()?.solve(&flow.velocity, x0, 0.0, 1.0)?.x;
    let mut rows = Vec::new();
    let mut by_steps = Map::new();
    for &steps in &config.euler_steps {
        let x = euler(flow, x0, steps)?;
        let (error, distance) = (rms_squared(&(&x - &fine)).sqrt(), distance(&x)?);
        rows.push(vec![format!("Euler, {steps}"), format!("{error:.4}"), format!("{distance:.5}")]);
        by_steps.insert(steps.to_string(), json!({ "map_error": error, "energy_distance": distance }));
    }
    let exact = distance(&fine)?;
    rows.push(vec![format!("dopri5, {FINE:e}"), "–".to_owned(), format!("{exact:.5}")]);
    findings.result.insert("euler".into(), Value::Object(by_steps));
    let calls = calls_for(config.equal_error, flow, x0, &fine)?;
    findings.result.insert("euler_nfe_at_equal_error".into(), json!(calls));
    findings.result.insert("energy_distance".into(), json!(exact));
    let header = ["sampler, steps", "root mean square error of the map", "energy distance to data"];
    let figures: &[&str] = match &flow.path {
        Some(path) if path.family().keeps_form() => &["paths.png", "coefficients.png"],
        _ => &["paths.png"],
    };
    let figures = if x0.size()[1] == 2 { figures } else { &figures[1..] };
    findings.section("Transport in few steps", &header, &rows, figures);
    Ok(())
}

/// Draws trajectories, and the path's coefficients where they were learned.
fn draw(folder: &RunFolder, flow: &Flow, x0: &Tensor, extent: f64) -> Result<()> {
    if x0.size()[1] == 2 {
        let paths = report::trajectories(flow, &x0.narrow(0, 0, N_DRAWN.min(x0.size()[0])))?;
        let image = figure::trajectories_image(&paths, extent, 480);
        figure::save_png(&folder.figures().join("paths.png"), &image)?;
    }
    let Some(path) = flow.path.as_ref().filter(|path| path.family().keeps_form()) else { return Ok(()) };
    let t = Tensor::linspace(0.0, 1.0, N_TIMES, (Kind::Double, Device::Cpu));
    let (before, after) = (path.base().coefficients(&t), path.interpolant().coefficients(&t));
    let times = numbers(&t)?;
    let line = |name: &str, values: &Tensor| -> Result<_> {
        let values = numbers(&values.detach())?;
        Ok((name.to_owned(), times.iter().copied().zip(values).collect::<Vec<_>>()))
    };
    let mut series = vec![
        line("alpha before", &before.schedule.alpha)?,
        line("alpha after", &after.schedule.alpha)?,
        line("beta before", &before.schedule.beta)?,
        line("beta after", &after.schedule.beta)?,
    ];
    if let (Some(before), Some(after)) = (&before.latent, &after.latent) {
        series.extend([line("gamma before", &before.gamma)?, line("gamma after", &after.gamma)?]);
    }
    let chart = figure::curve_image(&series, "t", "coefficient");
    Ok(figure::save_png(&folder.figures().join("coefficients.png"), &chart)?)
}

fn tolerant(tolerance: f64) -> SolverConfig {
    SolverConfig { rtol: tolerance, atol: tolerance, ..SolverConfig::default() }
}

/// The mean of the rows' squared lengths.
fn rms_squared(x: &Tensor) -> f64 {
    x.square().sum_dim_intlist(1i64, false, Kind::Double).mean(Kind::Double).double_value(&[])
}
