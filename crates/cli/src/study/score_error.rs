//! The learned velocity's score against the exact one, where the target is a Gaussian mixture.

use anyhow::{Result, bail};
use interflow_core::density::{GaussianMixture, MixturePath};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::{TargetConfig, eight_gaussians};
use interflow_core::{VectorField, Velocity};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::Findings;
use crate::config::EndConfig;
use crate::end::End;
use crate::figure;
use crate::flow::Flow;
use crate::flow_path::FlowPath;
use crate::run_folder::RunFolder;

/// Where the scores are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreErrorConfig {
    /// Times.
    pub(crate) times: Vec<f64>,
    /// Points of the path at each time.
    pub(crate) n: i64,
}

/// Root-mean-square errors at one time: of the score in relation to the score, of the others to the path's speed
/// √E|ẋ|², for both may vanish at an end.
struct Errors {
    time: f64,
    score: f64,
    weighted: f64,
    velocity: f64,
}

/// Compares the scores and adds a table, numbers and a figure.
pub(super) fn run(
    config: &ScoreErrorConfig,
    folder: &RunFolder,
    flow: &Flow,
    base: &End,
) -> Result<Findings> {
    config.check(&flow.config.target)?;
    let origin = Tensor::zeros([1, 2], (Kind::Double, Device::Cpu));
    let rho0 = GaussianMixture::spherical(&origin, 1.0)?;
    let exact = MixturePath::new(&rho0, &eight_gaussians()?, flow.config.interpolant.build()?)?;
    let errors: Vec<Errors> =
        config.times.iter().map(|&time| compare(config, flow, base, &exact, time)).collect::<Result<_>>()?;
    let (_, last) = FlowPath::new(flow, None)?.conversion(base)?.score_regular_on();
    let mut findings = Findings::default();
    let rows: Vec<Vec<String>> = errors.iter().map(Errors::row).collect();
    let curve = |name: &str, which: fn(&Errors) -> f64| {
        (name.to_owned(), errors.iter().map(|e| (e.time, which(e).log10())).collect::<Vec<_>>())
    };
    let curves = [
        curve("score", |e| e.score),
        curve("weighted score", |e| e.weighted),
        curve("velocity", |e| e.velocity),
    ];
    let chart = figure::curve_image(&curves, "t", "log10 relative error");
    figure::save_png(&folder.figures().join("score_error.png"), &chart)?;
    let title = format!("Errors of the learned fields (scores beyond t = {last:.4} are those of that time)");
    let header = ["t", "score s / ‖s‖", "weighted score κ s / ‖ẋ‖", "velocity v / ‖ẋ‖"];
    findings.section(&title, &header, &rows, &["score_error.png"]);
    let numbers: Vec<_> = errors.iter().map(|e| json!({ "time": e.time, "score": e.score })).collect();
    findings.result.insert("score_error".into(), json!(numbers));
    findings.result.insert("score_regular_until".into(), json!(last));
    Ok(findings)
}

impl ScoreErrorConfig {
    /// Rejects times beyond the path and targets without an exact score.
    pub(super) fn check(&self, target: &EndConfig) -> Result<()> {
        if !matches!(target, EndConfig::Synthetic { density: TargetConfig::EightGaussians {}, .. }) {
            bail!("the exact score is known for the target eight-gaussians only");
        }
        match self.times.iter().find(|time| !(0.0..=1.0).contains(*time)) {
            Some(time) => bail!("times lie in [0, 1], found: {time}"),
            None => Ok(()),
        }
    }
}

impl Errors {
    fn row(&self) -> Vec<String> {
        let shown = |error: f64| format!("{error:.4}");
        vec![self.time.to_string(), shown(self.score), shown(self.weighted), shown(self.velocity)]
    }
}

fn compare(
    config: &ScoreErrorConfig,
    flow: &Flow,
    base: &End,
    exact: &MixturePath,
    time: f64,
) -> Result<Errors> {
    let path = FlowPath::new(flow, None)?;
    let conversion = path.conversion(base)?;
    let draw = |law: &dyn interflow_core::density::Sampler, index| {
        law.sample(config.n, &mut Stream::new(flow.config.seed, Purpose::Validation).at(index), Kind::Double)
    };
    let noise = draw(&interflow_core::density::StandardNormal { dim: 2 }, 2);
    let x0 = draw(&interflow_core::density::StandardNormal { dim: 2 }, 0);
    let t = Tensor::full([config.n], time, (Kind::Double, Device::Cpu));
    let point = exact.interpolant().path(&t, &x0, &draw(&eight_gaussians()?, 1), Some(&noise))?;
    let x = point.x;
    let (s, v) = (exact.score().value(&t, &x), exact.velocity().value(&t, &x));
    let near = flow.admit(&x)?;
    let times = near.select(1, 0).full_like(time);
    let double = |x: Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double);
    tch::no_grad(|| {
        let learned_v = path.velocity().value(&times, &near);
        let learned_s = double(conversion.score(Velocity(path.velocity())).value(&times, &near));
        let weighted = double(conversion.weighted_score(&times, &near, &learned_v));
        let weight = conversion.score_weight(&t).unsqueeze(1);
        let size = |x: &Tensor| x.square().mean(Kind::Double).sqrt().double_value(&[]);
        let speed = size(&point.path_derivative);
        Ok(Errors {
            time,
            score: size(&(learned_s - &s)) / size(&s),
            weighted: size(&(weighted - weight * &s)) / speed,
            velocity: size(&(double(learned_v) - &v)) / speed,
        })
    })
}
