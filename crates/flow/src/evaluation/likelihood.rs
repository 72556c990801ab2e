//! The negative log-likelihood (NLL) of test points, in nats.

use interflow_core::{Given, Points};
use interflow_metrics::GaussianFit;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use super::values::{Results, mean};
use crate::config::EvaluationConfig;
use crate::engine::Engine;
use crate::ensemble;
use crate::error::Result;
use crate::path::{FlowPath, NoiseConfig};
use crate::target::Target;

/// The NLL of the flow, or of the mean density of several, beside those of the true density and of a Gaussian, where there are such.
pub(super) fn evaluate(
    engines: &[&Engine],
    config: &EvaluationConfig,
    target: &Target,
    results: &mut Results,
) -> Result<()> {
    let engine = engines[0];
    let points = test_points(engine, config, target);
    let task = engine.work().begin("test NLL", (engines.len() * points.len() as usize) as u64);
    let found = ensemble::log_density(engines, &points, &task)?;
    drop(task);
    let log_density = found.rows.to_device(Device::Cpu).to_kind(Kind::Double);
    let log_jacobian = target.log_jacobian(points.len(), engine.seed());
    results.insert("test_nll".into(), mean(&-(&log_density + &log_jacobian)));
    if let Some(rows) = target.dataset().and_then(|data| data.training_rows(engine.seed())) {
        if log_jacobian.count_nonzero(None::<i64>).int64_value(&[]) != 0 {
            results.insert("test_nll_standardised".into(), mean(&-log_density));
        }
        results.insert("gaussian_nll".into(), gaussian_nll(&rows, &points, &log_jacobian));
        results.insert("n_train".into(), json!(rows.len()));
    }
    results.insert("n_test".into(), json!(points.len()));
    results.insert("nfe".into(), json!(found.nfe));
    if let Some(density) = target.density() {
        let own = -density.log_density(&points.x.to_kind(Kind::Double))?;
        results.insert("true_nll".into(), mean(&own));
    }
    Ok(())
}

/// A bound on the test NLL of sampling with noise, as JSON with its standard error, in nats: the mean over the test
/// points of the negative lower bound on their log-density. `path` is a path of `engine`.
///
/// # Errors
/// As [`FlowPath::log_density_bound`].
pub fn noisy_nll(
    path: &FlowPath<'_>,
    noise: &NoiseConfig,
    engine: &Engine,
    config: &EvaluationConfig,
    target: &Target,
) -> Result<Value> {
    let points = test_points(engine, config, target);
    let task = engine.work().begin("bound on the NLL", points.len() as u64);
    let bound = path.log_density_bound(&points, noise, engine.seed(), &task)?.rows;
    let bound = bound.to_device(Device::Cpu).to_kind(Kind::Double);
    Ok(mean(&-(bound + target.log_jacobian(points.len(), engine.seed()))))
}

fn test_points(engine: &Engine, config: &EvaluationConfig, target: &Target) -> Points {
    target.test(config.n_test, engine.seed(), engine.manifest().precision.kind())
}

/// The NLL of `points` under the Gaussian with full covariance that fits `rows`, null where none does.
fn gaussian_nll(rows: &Points, points: &Points, log_jacobian: &Tensor) -> Value {
    match gaussian_log_density(rows, points) {
        Ok(log_density) => mean(&-(log_density.to_kind(Kind::Double) + log_jacobian)),
        Err(error) => {
            tracing::warn!("no Gaussian to compare with: {error}");
            Value::Null
        }
    }
}

/// The fitted Gaussian's log-density `[B]` in nats; of points that are given numbers, the conditional one: that of
/// numbers and states together less that of the numbers.
fn gaussian_log_density(rows: &Points, points: &Points) -> Result<Tensor> {
    let (Given::Numbers(known), Given::Numbers(given)) = (&rows.given, &points.given) else {
        return Ok(GaussianFit::fit(&rows.x)?.log_density(&points.x)?);
    };
    // Numbers that are the same everywhere, as those that say that no coordinate is known, tell nothing.
    let differ = (known.amax(0i64, false) - known.amin(0i64, false)).gt(0.0).nonzero().view(-1);
    if differ.numel() == 0 {
        return Ok(GaussianFit::fit(&rows.x)?.log_density(&points.x)?);
    }
    let (known, given) = (&known.index_select(1, &differ), &given.index_select(1, &differ));
    let joint = |given: &Tensor, x: &Tensor| Tensor::cat(&[&given.to_kind(x.kind()), x], 1);
    let of_both = GaussianFit::fit(&joint(known, &rows.x))?.log_density(&joint(given, &points.x))?;
    Ok(of_both - GaussianFit::fit(known)?.log_density(given)?)
}
