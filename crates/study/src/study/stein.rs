//! Integrals of the score whose values are known for every density, on held-out points of the path.
//!
//! Integration by parts gives, for a density ρ that vanishes at infinity,
//!
//! ```text
//! E[s] = 0,    E[x · s] = −D,    E|s|² = −E[∇·s]   (the Fisher information).
//! ```
//!
//! The expectations are over `ρ_t` itself, that is over points of the path, and s is the learned score. A deviation
//! beyond the standard error is an error of the score.

use anyhow::{Result, bail};
use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::{Given, Points, VectorField as _};
use interflow_figure as figure;
use interflow_flow::evaluation::estimate;
use interflow_flow::{ExperimentConfig, FlowPath, Task};
use interflow_metrics::Estimate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Kind, Tensor};

use super::mixture;
use crate::findings::Findings;
use crate::subject::Subject;

/// The times and points at which the integrals are estimated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteinConfig {
    /// The times.
    pub times: Vec<f64>,
    /// The number of held-out points at each time.
    pub n: i64,
}

impl SteinConfig {
    /// Rejects times beyond the path.
    pub(super) fn check(&self) -> Result<()> {
        if self.n < 2 {
            bail!("n must be at least 2, found: {}", self.n);
        }
        mixture::check_times(&self.times)
    }
}

/// The integrals at one time.
struct Integrals {
    time: f64,
    /// The largest mean of a coordinate of s in its standard errors, and in relation to its root mean square.
    mean: (f64, f64),
    /// `E[x · s]`.
    product: Estimate,
    /// `E|s|²`.
    information: Estimate,
    /// `E|s|² + E[∇·s]`.
    gap: Estimate,
}

/// Takes the integrals and adds a table, numbers and a figure.
pub(super) fn run(config: &SteinConfig, subject: &Subject<'_>) -> Result<Findings> {
    if subject.engine.whitening().is_some() {
        bail!("the path of whitened rows is not in the rows' units, and neither is its score");
    }
    let task = subject.engine.work().begin("integrals of the score", config.times.len() as u64);
    let mut all = Vec::new();
    for &time in &config.times {
        all.push(integrals(config, subject, time, &task)?);
        task.advance(1);
    }
    let mut findings = Findings::default();
    let line =
        |which: fn(&Integrals) -> f64| all.iter().map(|i| (i.time, which(i).log10())).collect::<Vec<_>>();
    let curves = [
        ("E|s|²".to_owned(), line(|i| i.information.mean)),
        ("−E[∇·s]".to_owned(), line(|i| i.information.mean - i.gap.mean)),
    ];
    let chart = figure::curve_image(&curves, "t", "log₁₀ Fisher information");
    subject.save("fisher.png", &chart)?;
    let rows: Vec<Vec<String>> = all.iter().map(Integrals::row).collect();
    let header = [
        "t",
        "worst coordinate of E[s] / standard error",
        "/ root mean square",
        "E[x · s]",
        "E|s|²",
        "E|s|² + E[∇·s]",
    ];
    let title = format!(
        "Integrals of the score on {} held-out points (E[x · s] = −{})",
        config.n,
        subject.base.dim()
    );
    findings.section(
        &title,
        &header,
        &rows,
        &[("fisher.png", "The Fisher information E|s|², and the same as −E[∇·s], by time")],
    );
    let numbers: Vec<_> = all.iter().map(Integrals::json).collect();
    findings.results.insert("stein".into(), json!(numbers));
    Ok(findings)
}

impl Integrals {
    fn row(&self) -> Vec<String> {
        let shown = |e: Estimate| format!("{:.4} ± {:.4}", e.mean, e.standard_error);
        vec![
            self.time.to_string(),
            format!("{:.2}", self.mean.0),
            format!("{:.4}", self.mean.1),
            shown(self.product),
            shown(self.information),
            shown(self.gap),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let shown = |e: Estimate| estimate(e.mean, e.standard_error);
        json!({
            "time": self.time,
            "mean_standard_errors": self.mean.0,
            "mean_relative": self.mean.1,
            "product": shown(self.product),
            "information": shown(self.information),
            "information_gap": shown(self.gap),
        })
    }
}

/// Points of the path at one time.
struct Sample {
    points: Points,
    /// The time, `[N]`.
    t: Tensor,
    /// Signs, `[N, D]`.
    probes: Tensor,
}

/// Held-out points of the path at `time`, on the flow's device.
fn sample(config: &SteinConfig, subject: &Subject<'_>, time: f64) -> Result<Sample> {
    let (seed, engine) = (subject.seed(), subject.engine);
    let x1 = engine.admit(&subject.target.test(config.n, seed, Kind::Float))?;
    let x0 = subject.base.points(x1.len(), seed, Kind::Float).to_kind(x1.x.kind()).to_device(engine.device());
    let mut draw = Stream::new(seed, Purpose::Coupling).at(0);
    let (x0, Points { x: x1, given }) = paired(subject.config, &x0, &x1, &mut draw)?;
    let place = |x: Tensor| x.to_kind(x1.kind()).to_device(x1.device());
    let z = place(Stream::new(seed, Purpose::Validation).at(0).normal(&x1.size(), Kind::Float));
    let probes = place(Stream::new(seed, Purpose::Probe).at(0).signs(&x1.size(), Kind::Float));
    let t = x1.select(1, 0).full_like(time);
    let x = engine.interpolant()?.path(&t, &x0, &x1, Some(&z))?.x;
    Ok(Sample { points: Points { x, given }, t, probes })
}

/// The points paired as in training: in batches of its size, where pairs depend on which rows there are.
fn paired(config: &ExperimentConfig, x0: &Tensor, x1: &Points, draw: &mut Draw) -> Result<(Tensor, Points)> {
    let (coupling, n) = (config.coupling.build()?, x1.len());
    let most = if coupling.is_row_by_row() { n } else { config.train.batch };
    let pairs = (0..n).step_by(most.max(1) as usize).map(|first| {
        let rows = most.min(n - first);
        Ok(coupling.pair(x0.narrow(0, first, rows), x1.narrow(first, rows), draw)?)
    });
    let (x0, x1): (Vec<Tensor>, Vec<Points>) = pairs.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let of_each = |part: fn(&Points) -> Option<&Tensor>| {
        Tensor::cat(&x1.iter().filter_map(part).collect::<Vec<_>>(), 0)
    };
    let given = x1.first().map_or(Given::Nothing, |x1| x1.given.map(|_| of_each(|x1| x1.given.tensor())));
    Ok((Tensor::cat(&x0, 0), Points { x: of_each(|x1| Some(&x1.x)), given }))
}

fn integrals(config: &SteinConfig, subject: &Subject<'_>, time: f64, task: &Task) -> Result<Integrals> {
    let path = FlowPath::new(subject.engine, None)?;
    let Sample { points, t, probes } = sample(config, subject, time)?;
    let (n, batch) = (points.len(), subject.config.evaluation.batch);
    let (mut s, mut traces) = (Vec::new(), Vec::new());
    for first in (0..n).step_by(batch as usize) {
        task.check()?;
        let rows = batch.min(n - first);
        let Points { x, given } = points.narrow(first, rows);
        let part = |x: &Tensor| x.narrow(0, first, rows);
        let score = path.score(time, &given)?;
        let (value, trace) = score.value_and_quadratic_form(&part(&t), &x, &part(&probes));
        traces.push(trace.to_kind(Kind::Double));
        s.push(value);
    }
    let x = points.x;
    let (s, traces) = (Tensor::cat(&s, 0).to_kind(Kind::Double), Tensor::cat(&traces, 0));
    let square = rows_sum(&s.square());
    let (mean, spread) = (s.mean_dim(0i64, false, Kind::Double), s.std_dim(0i64, true, false));
    let root = s.square().mean_dim(0i64, false, Kind::Double).sqrt();
    let worst = |x: Tensor| x.abs().max().double_value(&[]);
    Ok(Integrals {
        time,
        mean: (worst(&mean / spread * (n as f64).sqrt()), worst(mean / root)),
        product: Estimate::from_values(&rows_sum(&(&s * &x))),
        information: Estimate::from_values(&square),
        gap: Estimate::from_values(&(square + traces)),
    })
}

/// Sums over coordinates, `[B]`, in f64.
fn rows_sum(x: &Tensor) -> Tensor {
    x.to_kind(Kind::Double).sum_dim_intlist(1i64, false, Kind::Double)
}
