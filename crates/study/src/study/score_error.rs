//! The score of the learned velocity compared with the exact one, for a target that is a Gaussian mixture.

use anyhow::Result;
use interflow_core::density::MixturePath;
use interflow_core::{Given, VectorField, Velocity};
use interflow_figure as figure;
use interflow_flow::{ExperimentConfig, FlowPath};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::mixture;
use crate::findings::Findings;
use crate::subject::Subject;

/// The times and points at which scores are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreErrorConfig {
    /// The times.
    pub times: Vec<f64>,
    /// The number of points on the path at each time.
    pub n: i64,
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
pub(super) fn run(config: &ScoreErrorConfig, subject: &Subject<'_>) -> Result<Findings> {
    let exact = mixture::exact_path(subject.engine)?;
    let errors: Vec<Errors> =
        config.times.iter().map(|&time| compare(config, subject, &exact, time)).collect::<Result<_>>()?;
    let (_, last) = FlowPath::new(subject.engine, None)?.conversion_of_velocity()?.score_regular_on();
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
    let chart = figure::curve_image(&curves, "t", "log₁₀ relative error");
    subject.save("score_error.png", &chart)?;
    let title = format!("Errors of the learned fields (scores beyond t = {last:.4} are those of that time)");
    let header = ["t", "score s / ‖s‖", "weighted score κ s / ‖ẋ‖", "velocity v / ‖ẋ‖"];
    findings.section(
        &title,
        &header,
        &rows,
        &[("score_error.png", "Relative errors of the learned fields by time")],
    );
    let numbers: Vec<_> = errors.iter().map(|e| json!({ "time": e.time, "score": e.score })).collect();
    findings.results.insert("score_error".into(), json!(numbers));
    findings.results.insert("score_regular_until".into(), json!(last));
    Ok(findings)
}

impl ScoreErrorConfig {
    /// Rejects times beyond the path and targets without an exact score.
    pub(super) fn check(&self, experiment: &ExperimentConfig) -> Result<()> {
        mixture::check(experiment, &self.times)
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
    subject: &Subject<'_>,
    exact: &MixturePath,
    time: f64,
) -> Result<Errors> {
    let path = FlowPath::new(subject.engine, None)?;
    let conversion = path.conversion_of_velocity()?;
    let velocity = path.velocity(&Given::Nothing)?;
    let (t, point) = mixture::points(exact, config.n, subject.seed(), time)?;
    let x = point.x;
    let (s, v) = (exact.score().value(&t, &x), exact.velocity().value(&t, &x));
    let near = subject.admit(&x)?;
    let times = near.select(1, 0).full_like(time);
    let double = |x: Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double);
    tch::no_grad(|| {
        let learned_v = velocity.value(&times, &near);
        let learned_s = double(conversion.score(Velocity(velocity)).value(&times, &near));
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
