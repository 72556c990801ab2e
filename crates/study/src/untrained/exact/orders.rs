//! Strong and weak orders of the stochastic schemes on exact fields, against a fine solution along the same
//! Brownian paths.
//!
//! The strong order is measured on a mixture. Weak errors drown there in the sampling error, so the weak order is
//! measured by the second moment on the way from N(0, 1) to N(0, 4), up to a time before which they are largest.

use anyhow::Result;
use interflow_core::conversion::Conversion;
use interflow_core::density::{GaussianMixture, MixturePath, Sampler as _, StandardNormal};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_figure as figure;
use interflow_flow::{RunFolder, Work};
use interflow_metrics::Estimate;
use interflow_solvers::{BrownianPath, DiffusionConfig, DiffusionShape, Scheme, ScoreSource, Sde, SdeConfig};
use serde_json::{Map, json};
use tch::{Device, Kind, Tensor};

use super::{ExactConfig, ExactExperiment};
use crate::drawing::save;
use crate::findings::Findings;
use crate::scheme_name::scheme_name;

/// The schemes whose orders are measured.
const SCHEMES: [Scheme; 3] = [Scheme::EulerMaruyama, Scheme::Heun, Scheme::Shark];
/// Samples of the weak order, for each of the strong one's.
const WEAK_FACTOR: i64 = 20;

/// An equation with constant noise of strength 1, solved up to a time.
struct Problem {
    path: MixturePath,
    conversion: Conversion,
    x0: Tensor,
    seed: u64,
    end: f64,
    steps: [u32; 3],
    fine_steps: u32,
    /// The error of a solution against the fine one, by sample.
    error: fn(&Tensor, &Tensor) -> Tensor,
}

/// Measures the orders and adds a table and a figure.
pub(super) fn run(
    study: &ExactConfig,
    (experiment, work): (&ExactExperiment, &Work),
    folder: &RunFolder,
    findings: &mut Findings,
) -> Result<()> {
    let (mut rows, mut curves, mut orders) = (Vec::new(), Vec::new(), Map::new());
    for (name, problem) in [("strong", strong(study, experiment)?), ("weak", weak(study, experiment.seed)?)] {
        let fine = problem.solve(Scheme::Shark, problem.fine_steps)?;
        for scheme in SCHEMES {
            work.cancel().check()?;
            let errors = problem.errors(scheme, &fine)?;
            for (steps, error) in problem.steps.iter().zip(&errors) {
                let shown = format!("{:.2e} ± {:.0e}", error.mean.abs(), error.standard_error);
                rows.push(vec![
                    name.to_owned(),
                    scheme_name(scheme).to_owned(),
                    steps.to_string(),
                    shown,
                    "–".to_owned(),
                ]);
            }
            let order = (errors[0].mean / errors[2].mean).abs().log2() / 2.0;
            if let Some(order_cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                *order_cell = format!("{order:.2}");
            }
            orders.insert(format!("{scheme:?} {name}"), json!(order));
            let points = problem.steps.iter().zip(&errors);
            let points = points.map(|(&steps, error)| (f64::from(steps).log2(), error.mean.abs().log2()));
            curves.push((format!("{}, {name}", scheme_name(scheme)), points.collect::<Vec<_>>()));
        }
    }
    let picture = figure::curve_image(&curves, "log₂ steps", "log₂ error");
    save(folder, "orders.png", &picture)?;
    let header = ["error", "scheme", "steps", "E‖X − X*‖ or E[X² − X*²]", "order"];
    findings.section(
        "Orders of convergence",
        &header,
        &rows,
        &[("orders.png", "Errors by the number of steps")],
    );
    findings.results.insert("orders".into(), orders.into());
    Ok(())
}

/// The distance from the fine solution on the mixture, up to a time before the density has all its detail.
fn strong(study: &ExactConfig, experiment: &ExactExperiment) -> Result<Problem> {
    let [pair, _] = experiment.pairs(study.dims[0])?;
    let stream = Stream::new(experiment.seed, Purpose::Sampling);
    Ok(Problem {
        x0: pair.rho0.sample(study.n_order, &mut stream.at(1), Kind::Double),
        path: pair.path,
        conversion: pair.conversion,
        seed: experiment.seed,
        end: 0.8,
        steps: [32, 64, 128],
        fine_steps: 1024,
        error: |x, fine| (x - fine).square().sum_dim_intlist(1i64, false, Kind::Double).sqrt(),
    })
}

/// The difference of squares on the straight line from N(0, 1) to N(0, 4).
fn weak(study: &ExactConfig, seed: u64) -> Result<Problem> {
    let origin = Tensor::zeros([1, 1], (Kind::Double, Device::Cpu));
    let normal = |std| GaussianMixture::spherical(&origin, std);
    let n = WEAK_FACTOR * study.n_order;
    Ok(Problem {
        path: MixturePath::new(&normal(1.0)?, &normal(2.0)?, Interpolant::linear())?,
        conversion: Conversion::new(Interpolant::linear(), StandardNormal { dim: 1 })?,
        x0: Stream::new(seed, Purpose::Sampling).at(2).normal(&[n, 1], Kind::Double),
        seed,
        end: 0.4,
        steps: [4, 8, 16],
        fine_steps: 64,
        error: |x, fine| (x.square() - fine.square()).squeeze_dim(1),
    })
}

impl Problem {
    fn solve(&self, scheme: Scheme, steps: u32) -> Result<Tensor> {
        let constant = DiffusionConfig { shape: DiffusionShape::Constant, strength: 1.0 };
        let (velocity, diffusion) = (self.path.velocity(), constant.build(&self.conversion)?);
        let sde = Sde { velocity: &velocity, score: ScoreSource::Velocity, diffusion: &diffusion };
        let solver = SdeConfig { scheme, steps, ..SdeConfig::default() }.build()?;
        Ok(solver.solve(&sde, &BrownianPath::new(self.seed, 0), &self.x0, 0.0, self.end)?.x)
    }

    fn errors(&self, scheme: Scheme, fine: &Tensor) -> Result<Vec<Estimate>> {
        let error = |&steps| Ok(Estimate::from_values(&(self.error)(&self.solve(scheme, steps)?, fine)));
        self.steps.iter().map(error).collect()
    }
}
