//! Flows from data to the same data, by the mirror interpolant `x_t = x1 + γ z` (\[ABV23\]).
//!
//! The velocity is `γ̇ η`, which is odd about t = ½, so the flow returns every point to its start. The stochastic
//! equation has the same marginals but does not do so: it makes new data from given ones, and the more so, the
//! stronger the noise is.

use anyhow::{Result, bail};
use interflow_core::interpolant::ScheduleKind;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Given, Network};
use interflow_figure as figure;
use interflow_flow::{ExperimentConfig, FlowPath};
use interflow_transport::CouplingConfig;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Kind, Tensor};

use super::mixture;
use super::noisy_samples::{self, Runs};
use crate::findings::Findings;
use crate::subject::Subject;

/// The settings of the measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorConfig {
    /// The strengths ε₀ of the noise, which is proportional to γ.
    pub epsilons: Vec<f64>,
    /// The number of steps of the stochastic solver.
    pub steps: u32,
    /// The number of data points that are carried.
    pub n: i64,
    /// The times inside (0, 1) at which the velocity is compared with γ̇ η.
    pub times: Vec<f64>,
}

impl MirrorConfig {
    /// Rejects experiments that are no mirror, or have no denoiser.
    pub(super) fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        if !matches!(experiment.coupling, CouplingConfig::Mirror {}) {
            bail!("the study mirror needs [coupling] kind = \"mirror\"");
        }
        if experiment.interpolant.kind != ScheduleKind::Linear {
            bail!("the study mirror needs [interpolant] kind = \"linear\", for which α + β = 1");
        }
        if experiment.denoiser.is_none() {
            bail!("the study mirror needs a [denoiser]");
        }
        mixture::check_times(&self.times)
    }
}

/// Measures and draws.
pub(super) fn run(config: &MirrorConfig, subject: &Subject<'_>) -> Result<Findings> {
    let path = FlowPath::new(subject.engine, None)?;
    let runs = Runs { subject, path: &path, epsilons: &config.epsilons, steps: config.steps };
    // One half is carried, and where it comes to is compared with the other: a data set has the same rows under every seed.
    let both = subject.target.test(2 * config.n, subject.seed(), subject.kind()).x;
    let n = both.size()[0] / 2;
    let (data, others) = (both.narrow(0, 0, n), both.narrow(0, n, both.size()[0] - n));
    let mut findings = Findings::default();
    returns(&runs, &data, &mut findings)?;
    noisy_samples::run(&runs, &data, &others, &mut findings)?;
    fields(config, subject, &data, &mut findings)?;
    Ok(findings)
}

/// How far data come back from where they started, and where one point of them goes.
fn returns(runs: &Runs<'_>, data: &Tensor, findings: &mut Findings) -> Result<()> {
    let size = |x: &Tensor| {
        x.square().sum_dim_intlist(1i64, false, Kind::Double).mean(Kind::Double).double_value(&[])
    };
    let centred = |x: &Tensor| x - x.mean_dim(0i64, true, x.kind());
    let one = data.narrow(0, 0, 1).repeat([data.size()[0], 1]);
    let (mut rows, mut numbers, mut panels) = (Vec::new(), Vec::new(), Vec::new());
    for epsilon in runs.strengths() {
        let ends = runs.carry(epsilon, data)?.rows.to_kind(data.kind()).to_device(data.device());
        let distance = (size(&(&ends - data)) / size(&centred(data))).sqrt();
        let (a, b) = (centred(data), centred(&ends));
        let product =
            (&a * &b).sum_dim_intlist(1i64, false, Kind::Double).mean(Kind::Double).double_value(&[]);
        let correlation = product / (size(&a) * size(&b)).sqrt();
        rows.push(vec![noisy_samples::name(epsilon), format!("{distance:.4}"), format!("{correlation:.4}")]);
        numbers.push(json!({ "epsilon": epsilon, "distance": distance, "correlation": correlation }));
        panels.push(runs.panel(&noisy_samples::name(epsilon), &runs.carry(epsilon, &one)?.rows)?);
    }
    runs.subject.save("from_one_point.png", &figure::sheet(&panels, 3))?;
    let header = ["sampler", "distance of end and start / data's deviation", "correlation of end and start"];
    findings.section(
        "Data to themselves",
        &header,
        &rows,
        &[("from_one_point.png", "Where one point of the data goes, by the flow and by the SDE")],
    );
    findings.results.insert("returns".into(), json!(numbers));
    Ok(())
}

/// The learned velocity against γ̇ times the learned denoiser.
fn fields(
    config: &MirrorConfig,
    subject: &Subject<'_>,
    data: &Tensor,
    findings: &mut Findings,
) -> Result<()> {
    let engine = subject.engine;
    let interpolant = engine.interpolant()?;
    let x1 = subject.admit(data)?;
    let z = Stream::new(subject.seed(), Purpose::Validation).at(0).normal(&x1.size(), Kind::Float);
    let z = subject.admit(&z)?;
    let (first, last) = interpolant.regular_on();
    let (mut rows, mut numbers) = (Vec::new(), Vec::new());
    for &time in &config.times {
        let t = x1.select(1, 0).full_like(time.clamp(first, last));
        let x = interpolant.path(&t, &x1, &x1, Some(&z))?.x;
        let (Some(denoiser), Some(latent)) =
            (engine.denoiser(), interpolant.coefficients(&t.unsqueeze(1)).latent)
        else {
            bail!("the study mirror needs a [denoiser]");
        };
        let value = |network: &dyn Network| tch::no_grad(|| network.value(&t, &x, &Given::Nothing));
        let (v, expected) = (value(engine.network()), value(denoiser) * latent.gamma_dot);
        let size = |x: &Tensor| x.square().mean(Kind::Double).sqrt().double_value(&[]);
        let (speed, distance) = (size(&expected), size(&(v - &expected)));
        rows.push(vec![time.to_string(), format!("{speed:.4}"), format!("{distance:.4}")]);
        numbers.push(json!({ "time": time, "speed": speed, "distance": distance }));
    }
    findings.section("The velocity is γ̇ η", &["t", "‖γ̇ η‖", "‖v − γ̇ η‖"], &rows, &[]);
    findings.results.insert("velocity_of_denoiser".into(), json!(numbers));
    Ok(())
}
