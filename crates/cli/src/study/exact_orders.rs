//! Strong and weak orders of the stochastic schemes on an exact field, against a fine solution along the same
//! Brownian paths.

use anyhow::Result;
use interflow_core::density::Sampler as _;
use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::Estimate;
use interflow_solvers::{BrownianPath, DiffusionConfig, DiffusionShape, Scheme, Sde, SdeConfig};
use serde_json::json;
use tch::{Kind, Tensor};

use super::Findings;
use super::exact::{ExactConfig, ExactExperiment, Pair};
use crate::figure;
use crate::run_folder::RunFolder;

/// Steps of the solutions that are compared, and of the one they are compared with.
const STEPS: [u32; 4] = [8, 16, 32, 64];
const FINE_STEPS: u32 = 512;
/// The constant strength, and the end, which lies before the density has all its detail.
const STRENGTH: f64 = 1.0;
const END: f64 = 0.8;

/// The errors of one scheme with one number of steps.
struct Errors {
    strong: Estimate,
    weak: Estimate,
}

/// Measures the orders in the first dimension and adds a table and a figure.
pub(super) fn run(
    study: &ExactConfig,
    experiment: &ExactExperiment,
    folder: &RunFolder,
    findings: &mut Findings,
) -> Result<()> {
    let [pair, _] = experiment.pairs(study.dims[0])?;
    let x0 = pair.rho0.sample(
        study.n_order,
        &mut Stream::new(experiment.seed, Purpose::Sampling).at(1),
        Kind::Double,
    );
    let end = |scheme, steps| end(&pair, experiment.seed, &x0, scheme, steps);
    let fine = end(Scheme::Shark, FINE_STEPS)?;
    let (mut rows, mut curves, mut orders) = (Vec::new(), Vec::new(), serde_json::Map::new());
    for scheme in [Scheme::EulerMaruyama, Scheme::Heun, Scheme::Shark] {
        let errors: Vec<Errors> =
            STEPS.iter().map(|&steps| Ok(compare(&end(scheme, steps)?, &fine))).collect::<Result<_>>()?;
        for (steps, error) in STEPS.iter().zip(&errors) {
            let shown = |e: Estimate| format!("{:.2e} ± {:.0e}", e.mean, e.standard_error);
            rows.push(vec![format!("{scheme:?}"), steps.to_string(), shown(error.strong), shown(error.weak)]);
        }
        let (strong, weak) = (order(&errors, |e| e.strong), order(&errors, |e| e.weak));
        rows.push(vec![format!("{scheme:?}"), "order".into(), format!("{strong:.2}"), format!("{weak:.2}")]);
        orders.insert(format!("{scheme:?}"), json!({ "strong": strong, "weak": weak }));
        curves.push((format!("{scheme:?}, strong"), curve(&errors, |e| e.strong)));
        curves.push((format!("{scheme:?}, weak"), curve(&errors, |e| e.weak)));
    }
    let picture = figure::curve_image(&curves, "log2 steps", "log2 error");
    figure::save_png(&folder.figures().join("orders.png"), &picture)?;
    let header = ["scheme", "steps", "strong error E‖X − X*‖", "weak error of E‖X‖²"];
    findings.section("Orders of convergence", &header, &rows, &["orders.png"]);
    findings.result.insert("orders".into(), orders.into());
    Ok(())
}

fn end(pair: &Pair, seed: u64, x0: &Tensor, scheme: Scheme, steps: u32) -> Result<Tensor> {
    let constant = DiffusionConfig { shape: DiffusionShape::Constant, strength: STRENGTH };
    let (velocity, diffusion) = (pair.path.velocity(), constant.build(&pair.conversion)?);
    let sde = Sde { velocity: &velocity, score: None, diffusion: &diffusion };
    Ok(SdeConfig { scheme, steps }.build()?.solve(&sde, &BrownianPath::new(seed, 0), x0, (0.0, END))?.x)
}

fn compare(found: &Tensor, fine: &Tensor) -> Errors {
    let squares = |x: &Tensor| x.square().sum_dim_intlist(1i64, false, Kind::Double);
    let weak = Estimate::from_values(&(squares(found) - squares(fine)));
    Errors {
        strong: Estimate::from_values(&squares(&(found - fine)).sqrt()),
        weak: Estimate { mean: weak.mean.abs(), ..weak },
    }
}

/// The slope of log error against log step, over all steps.
fn order(errors: &[Errors], which: impl Fn(&Errors) -> Estimate) -> f64 {
    let (first, last) = (which(&errors[0]).mean, which(&errors[errors.len() - 1]).mean);
    (first / last).log2() / (errors.len() - 1) as f64
}

fn curve(errors: &[Errors], which: impl Fn(&Errors) -> Estimate) -> Vec<(f64, f64)> {
    STEPS
        .iter()
        .zip(errors)
        .map(|(&steps, error)| (f64::from(steps).log2(), which(error).mean.log2()))
        .collect()
}
