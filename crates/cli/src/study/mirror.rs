//! Data to themselves on the mirror interpolant `x_t = x1 + γ z` (\[ABV23\]).
//!
//! Its velocity is `γ̇ η`, odd about t = ½, so that the flow takes every point back to where it came from. The
//! stochastic equation has the same marginals and does not: it makes new data of given ones, the more so the
//! stronger the noise.

use anyhow::{Result, bail};
use interflow_core::VectorField as _;
use interflow_core::interpolant::ScheduleKind;
use interflow_core::rng::{Purpose, Stream};
use interflow_figure as figure;
use interflow_transport::CouplingConfig;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Kind, Tensor};

use super::noisy_samples::{self, Runs};
use super::{Findings, mixture};
use crate::config::ExperimentConfig;
use crate::end::End;
use crate::flow::Flow;
use crate::flow_path::FlowPath;
use crate::run_folder::RunFolder;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MirrorConfig {
    /// Strengths of the noise, in proportion to γ.
    pub(crate) epsilons: Vec<f64>,
    /// Steps of the stochastic solver.
    pub(crate) steps: u32,
    /// Data that are carried.
    pub(crate) n: i64,
    /// Times inside (0, 1) at which the velocity is held against γ̇ η.
    pub(crate) times: Vec<f64>,
}

impl MirrorConfig {
    /// Rejects experiments that are no mirror, or have no denoiser.
    pub(super) fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        if !matches!(experiment.coupling, CouplingConfig::Mirror {}) {
            bail!("the study mirror wants [coupling] kind = \"mirror\"");
        }
        if experiment.interpolant.kind != ScheduleKind::Linear {
            bail!("the study mirror wants [interpolant] kind = \"linear\", for which α + β = 1");
        }
        if experiment.denoiser.is_none() {
            bail!("the study mirror wants a [denoiser]");
        }
        mixture::check_times(&self.times)
    }
}

/// Measures and draws.
pub(super) fn run(
    config: &MirrorConfig,
    folder: &RunFolder,
    flow: &Flow,
    base: &End,
    target: &End,
) -> Result<Findings> {
    config.check(&flow.config)?;
    let seed = flow.config.seed;
    let path = FlowPath::new(flow, None)?;
    let runs = Runs { path: &path, base, target, epsilons: &config.epsilons, steps: config.steps };
    let data = target.test_points(config.n, seed, flow.config.precision.kind());
    let mut findings = Findings::default();
    returns(&runs, &data, seed, folder, &mut findings)?;
    noisy_samples::run(&runs, &data, seed, folder, &mut findings)?;
    fields(config, flow, &data, &mut findings)?;
    Ok(findings)
}

/// How far data come back from where they started, and where one point of them goes.
fn returns(
    runs: &Runs<'_>,
    data: &Tensor,
    seed: u64,
    folder: &RunFolder,
    findings: &mut Findings,
) -> Result<()> {
    let size = |x: &Tensor| {
        x.square().sum_dim_intlist(1i64, false, Kind::Double).mean(Kind::Double).double_value(&[])
    };
    let centred = |x: &Tensor| x - x.mean_dim(0i64, true, x.kind());
    let one = data.narrow(0, 0, 1).repeat([data.size()[0], 1]);
    let (mut rows, mut numbers, mut panels) = (Vec::new(), Vec::new(), Vec::new());
    for epsilon in runs.strengths() {
        let ends = runs.carry(epsilon, data, seed)?.0.to_kind(data.kind()).to_device(data.device());
        let distance = (size(&(&ends - data)) / size(&centred(data))).sqrt();
        let (a, b) = (centred(data), centred(&ends));
        let product =
            (&a * &b).sum_dim_intlist(1i64, false, Kind::Double).mean(Kind::Double).double_value(&[]);
        let correlation = product / (size(&a) * size(&b)).sqrt();
        rows.push(vec![noisy_samples::name(epsilon), format!("{distance:.4}"), format!("{correlation:.4}")]);
        numbers.push(json!({ "epsilon": epsilon, "distance": distance, "correlation": correlation }));
        panels.push(runs.panel(&noisy_samples::name(epsilon), &runs.carry(epsilon, &one, seed)?.0)?);
    }
    figure::save_png(&folder.figures().join("from_one_point.png"), &figure::sheet(&panels, 3))?;
    let header = ["sampler", "distance of end and start / data's deviation", "correlation of end and start"];
    findings.section(
        "Data to themselves; pictures: all from one point",
        &header,
        &rows,
        &["from_one_point.png"],
    );
    findings.result.insert("returns".into(), json!(numbers));
    Ok(())
}

/// The learned velocity against γ̇ times the learned denoiser.
fn fields(config: &MirrorConfig, flow: &Flow, data: &Tensor, findings: &mut Findings) -> Result<()> {
    let interpolant = flow.config.interpolant.build()?;
    let x1 = flow.admit(data)?;
    let z = Stream::new(flow.config.seed, Purpose::Validation).at(0).normal(&x1.size(), Kind::Float);
    let z = flow.admit(&z)?;
    let (first, last) = interpolant.regular_on();
    let (mut rows, mut numbers) = (Vec::new(), Vec::new());
    for &time in &config.times {
        let t = x1.select(1, 0).full_like(time.clamp(first, last));
        let x = interpolant.path(&t, &x1, &x1, Some(&z))?.x;
        let (Some(denoiser), Some(latent)) =
            (flow.velocity.denoiser(), interpolant.coefficients(&t.unsqueeze(1)).latent)
        else {
            bail!("the study mirror wants a [denoiser]");
        };
        let (v, expected) =
            tch::no_grad(|| (flow.velocity.value(&t, &x), denoiser.value(&t, &x) * latent.gamma_dot));
        let size = |x: &Tensor| x.square().mean(Kind::Double).sqrt().double_value(&[]);
        let (speed, distance) = (size(&expected), size(&(v - &expected)));
        rows.push(vec![time.to_string(), format!("{speed:.4}"), format!("{distance:.4}")]);
        numbers.push(json!({ "time": time, "speed": speed, "distance": distance }));
    }
    findings.section("The velocity is γ̇ η", &["t", "‖γ̇ η‖", "‖v − γ̇ η‖"], &rows, &[]);
    findings.result.insert("velocity_of_denoiser".into(), json!(numbers));
    Ok(())
}
