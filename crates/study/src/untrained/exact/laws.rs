//! The laws that samplers reach on exact fields, and the densities that the flow assigns.

use anyhow::Result;
use interflow_core::density::{Density as _, GaussianMixture, Sampler as _};
use interflow_core::rng::{Purpose, Stream};
use interflow_figure::{self as figure, Figure};
use interflow_flow::{RunFolder, Work};
use interflow_metrics::energy_distance_test;
use interflow_solvers::{
    BrownianPath, DiffusionConfig, Divergence, Scheme, ScoreSource, Sde, SdeConfig, SolverConfig, log_density,
};
use serde_json::json;
use tch::{Kind, Tensor};

use super::{ExactConfig, ExactExperiment, Pair};
use crate::calls::steps_for;
use crate::drawing::{numbers, points_2d, save};
use crate::findings::Findings;
use crate::report;
use crate::scheme_name::scheme_name;

/// Standard errors that the worst of some dozens of moments may be off by.
const MOST_STANDARD_ERRORS: f64 = 5.0;
/// Permutations of a two-sample test, and the p-value below which a sampler fails it.
const N_PERMUTATIONS: usize = 999;
const LEAST_P_VALUE: f64 = 0.002;
/// The window and the cells of the pictures.
const EXTENT: f64 = 5.0;
const N_CELLS: usize = 96;

/// A way to sample: the flow, or a stochastic method with a strength.
#[derive(Clone, Copy)]
enum Method {
    Flow,
    Noise(Scheme, f64),
}

/// What one sampler reached.
struct Outcome {
    samples: Tensor,
    nfe: u64,
    worst_moment: f64,
    p_value: f64,
}

/// Measures all pairs and adds tables, numbers and a figure.
pub(super) fn run(
    study: &ExactConfig,
    (experiment, work): (&ExactExperiment, &Work),
    folder: &RunFolder,
    findings: &mut Findings,
) -> Result<()> {
    let methods = methods(study);
    let task = work.begin("samplers", (study.dims.len() * 2 * methods.len()) as u64);
    let (mut rows, mut densities, mut panels) = (Vec::new(), Vec::new(), Vec::new());
    let (mut worst_moment, mut least_p, mut worst_density) = (0.0f64, 1.0f64, 0.0f64);
    for &dim in &study.dims {
        for pair in experiment.pairs(dim)? {
            for &method in &methods {
                task.check()?;
                let outcome = sample(study, experiment.seed, &pair, method)?;
                worst_moment = worst_moment.max(outcome.worst_moment);
                least_p = least_p.min(outcome.p_value);
                rows.push(row(&pair, method, &outcome));
                if dim == 2 {
                    panels.extend(panel(&pair, method, &outcome)?);
                }
                task.advance(1);
            }
            for &time in &study.times {
                let error = density_error(study, experiment.seed, &pair, time)?;
                worst_density = worst_density.max(error);
                densities.push(vec![pair.name.clone(), time.to_string(), format!("{error:.1e}")]);
            }
        }
    }
    if !panels.is_empty() {
        save(folder, "samples.png", &figure::sheet(&panels, study.epsilons.len() + 1))?;
    }
    let header = ["path", "method", "ε", "NFE", "worst moment (standard errors)", "two-sample p"];
    findings.section(
        "Laws at t = 1",
        &header,
        &rows,
        &[("samples.png", "Samples by each method in two dimensions")],
    );
    findings.section("Log-densities", &["path", "t", "largest error (nats)"], &densities, &[]);
    for (name, value) in [
        ("n_samplers", json!(rows.len())),
        ("worst_moment_standard_errors", json!(worst_moment)),
        ("least_p_value", json!(least_p)),
        ("laws_agree", json!(worst_moment < MOST_STANDARD_ERRORS && least_p >= LEAST_P_VALUE)),
        ("worst_log_density_error", json!(worst_density)),
    ] {
        findings.results.insert(name.into(), value);
    }
    Ok(())
}

/// The flow, and each scheme with each strength.
fn methods(study: &ExactConfig) -> Vec<Method> {
    let schemes = [Scheme::EulerMaruyama, Scheme::Heun, Scheme::Shark];
    let noise =
        schemes.iter().flat_map(|&scheme| study.epsilons.iter().map(move |&e| Method::Noise(scheme, e)));
    std::iter::once(Method::Flow).chain(noise).collect()
}

fn sample(study: &ExactConfig, seed: u64, pair: &Pair, method: Method) -> Result<Outcome> {
    let stream = Stream::new(seed, Purpose::Sampling);
    let x0 = pair.rho0.sample(study.n, &mut stream.at(0), Kind::Double);
    let (velocity, score) = (pair.path.velocity(), pair.path.score());
    let solution = match method {
        Method::Flow => SolverConfig::default().build()?.solve(&velocity, &x0, 0.0, 1.0)?,
        Method::Noise(scheme, strength) => {
            let diffusion = DiffusionConfig { shape: study.diffusion, strength }.build(&pair.conversion)?;
            let score = if pair.known_score { ScoreSource::Field(&score) } else { ScoreSource::Velocity };
            let sde = Sde { velocity: &velocity, score, diffusion: &diffusion };
            let steps = steps_for(scheme, study.nfe);
            let solver = SdeConfig { scheme, steps, ..SdeConfig::default() }.build()?;
            solver.solve(&sde, &BrownianPath::new(seed, 0), &x0, 0.0, 1.0)?
        }
    };
    let n = study.n_two_sample.min(study.n);
    let data = pair.rho1.sample(n, &mut Stream::new(seed, Purpose::Test).at(0), Kind::Double);
    let mut draw = Stream::new(seed, Purpose::Resample).at(0);
    let test = energy_distance_test(&solution.x.narrow(0, 0, n), &data, N_PERMUTATIONS, &mut draw)?;
    Ok(Outcome {
        worst_moment: worst_moment(&solution.x, &pair.rho1),
        p_value: test.p_value,
        nfe: solution.statistics.nfe,
        samples: solution.x,
    })
}

/// The largest error of a mean or of a mean product of two coordinates, in its standard errors.
fn worst_moment(x: &Tensor, law: &GaussianMixture) -> f64 {
    let (n, dim) = (x.size()[0] as f64, x.size()[1]);
    let weights = Tensor::from_slice(law.weights());
    let means = law.means();
    let outer = means.unsqueeze(2) * means.unsqueeze(1) + law.covariances();
    let exact_mean = weights.unsqueeze(1) * &means;
    let exact_product = weights.view([-1, 1, 1]) * outer;
    let worst = |values: &Tensor, exact: &Tensor| {
        let error = values.std_dim(0i64, true, false) / n.sqrt();
        ((values.mean_dim(0i64, false, Kind::Double) - exact) / error).abs().max().double_value(&[])
    };
    let products = (x.unsqueeze(2) * x.unsqueeze(1)).view([-1, dim * dim]);
    let sum = |x: Tensor| x.sum_dim_intlist(0i64, false, Kind::Double);
    worst(x, &sum(exact_mean)).max(worst(&products, &sum(exact_product).view(-1)))
}

fn row(pair: &Pair, method: Method, outcome: &Outcome) -> Vec<String> {
    let (name, strength) = described(method);
    vec![
        pair.name.clone(),
        name,
        strength,
        outcome.nfe.to_string(),
        format!("{:.2}", outcome.worst_moment),
        format!("{:.3}", outcome.p_value),
    ]
}

fn described(method: Method) -> (String, String) {
    match method {
        Method::Flow => ("flow, dopri5".to_owned(), "–".to_owned()),
        Method::Noise(scheme, strength) => (scheme_name(scheme).to_owned(), strength.to_string()),
    }
}

/// The target beside the samples of the flow and of the best scheme.
fn panel(pair: &Pair, method: Method, outcome: &Outcome) -> Result<Vec<(String, Figure)>> {
    let samples = figure::histogram_image(&points_2d(&outcome.samples)?, EXTENT, N_CELLS / 2);
    Ok(match method {
        Method::Flow => {
            let grid = report::grid(N_CELLS, EXTENT, Kind::Double);
            let density =
                figure::density_image(&numbers(&pair.rho1.log_density(&grid)?.exp())?, N_CELLS, EXTENT);
            vec![(format!("{}, density", pair.name), density)]
        }
        Method::Noise(Scheme::Shark, strength) => vec![(format!("ε = {strength}"), samples)],
        Method::Noise(..) => Vec::new(),
    })
}

/// The largest difference between the flow's log-density and the exact one at points of the path.
fn density_error(study: &ExactConfig, seed: u64, pair: &Pair, time: f64) -> Result<f64> {
    let draw = |law: &GaussianMixture, index| {
        law.sample(study.n_density, &mut Stream::new(seed, Purpose::Validation).at(index), Kind::Double)
    };
    let t = Tensor::full([study.n_density], time, (Kind::Double, tch::Device::Cpu));
    let z =
        Stream::new(seed, Purpose::Latent).at(0).normal(&[study.n_density, pair.path.dim()], Kind::Double);
    let x = pair.path.interpolant().path(&t, &draw(&pair.rho0, 0), &draw(&pair.rho1, 1), Some(&z))?.x;
    let tight = SolverConfig { rtol: 1e-10, atol: 1e-10, ..SolverConfig::default() }.build()?;
    let found = log_density(&tight, &pair.path.velocity(), &pair.rho0, &Divergence::Exact, &x, time)?;
    Ok((found.log_density - pair.path.log_density(&t, &x)?).abs().max().double_value(&[]))
}
