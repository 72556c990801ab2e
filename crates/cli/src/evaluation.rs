//! What is measured on a trained flow.

use anyhow::Result;
use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::{Estimate, GaussianFit, energy_distance_test};
use serde_json::{Map, Value, json};
use tch::Tensor;

use crate::end::End;
use crate::flow::Flow;
use crate::flow_path::{FlowPath, NoiseConfig};
use crate::images;
use crate::observer::progress_bar;

/// Permutations of a two-sample test: the smallest p-value it can report is 1/500.
const N_PERMUTATIONS: usize = 499;

/// A mean and its standard error as JSON.
pub(crate) fn estimate(mean: f64, standard_error: f64) -> Value {
    json!({ "mean": mean, "standard_error": standard_error })
}

/// The mean of `values`, `[B]`, with its standard error, as JSON.
pub(crate) fn mean(values: &Tensor) -> Value {
    let Estimate { mean, standard_error } = Estimate::from_values(values);
    estimate(mean, standard_error)
}

/// The held-out numbers of a flow: test NLL beside the true density's where the base has a density, and
/// two-sample tests in both directions where the base is not Gaussian; bits/dim of images.
pub(crate) fn evaluate(flow: &Flow, base: &End, target: &End) -> Result<Map<String, Value>> {
    let mut result = Map::new();
    if let Some(images) = target.images() {
        images::evaluate(flow, base, images, &mut result)?;
        return Ok(result);
    }
    if base.density().is_some() {
        evaluate_likelihood(flow, base, target, &mut result)?;
    }
    if !matches!(base, End::Normal(_)) {
        evaluate_samples(flow, base, target, &mut result)?;
    }
    Ok(result)
}

/// The mean negative bound on the log-density of the stochastic equation's samples at the test points, with its
/// standard error.
pub(crate) fn noisy_nll(
    path: &FlowPath<'_>,
    noise: &NoiseConfig,
    flow: &Flow,
    base: &End,
    target: &End,
) -> Result<Value> {
    let (n, seed) = (flow.config.evaluation.n_test, flow.config.seed);
    let points = target.test_points(n, seed, flow.config.precision.kind());
    let bar = progress_bar(points.size()[0] as u64, "bound on the NLL");
    let (bound, _) = path.log_density_bound(base, noise, seed, &points, |n| bar.inc(n))?;
    bar.finish_and_clear();
    Ok(mean(&-(bound + target.log_jacobian())))
}

fn evaluate_likelihood(flow: &Flow, base: &End, target: &End, result: &mut Map<String, Value>) -> Result<()> {
    let points =
        target.test_points(flow.config.evaluation.n_test, flow.config.seed, flow.config.precision.kind());
    let bar = progress_bar(points.size()[0] as u64, "test NLL");
    let (log_density, nfe) = flow.log_density(base, &points, 1.0, |n| bar.inc(n))?;
    bar.finish_and_clear();
    result.insert("test_nll".into(), mean(&-(&log_density + target.log_jacobian())));
    if let Some(rows) = target.training_rows(flow.config.seed) {
        if target.log_jacobian() != 0.0 {
            result.insert("test_nll_standardised".into(), mean(&-log_density));
        }
        result.insert("gaussian_nll".into(), gaussian_nll(&rows, &points, target));
        result.insert("n_train".into(), json!(rows.size()[0]));
    }
    result.insert("n_test".into(), json!(points.size()[0]));
    result.insert("nfe".into(), json!(nfe));
    if let Some(density) = target.density() {
        let own = -density.log_density(&points.to_kind(tch::Kind::Double));
        result.insert("true_nll".into(), mean(&own));
    }
    Ok(())
}

/// The NLL of `points` under the Gaussian with full covariance that fits `rows`, null where none does.
fn gaussian_nll(rows: &Tensor, points: &Tensor, target: &End) -> Value {
    match gaussian_log_density(rows, points, target.n_given()) {
        Ok(log_density) => mean(&-(log_density + target.log_jacobian())),
        Err(error) => {
            tracing::warn!("no Gaussian to compare with: {error}");
            Value::Null
        }
    }
}

/// The fitted Gaussian's log-density of all columns, less that of the first `n_given`: the one given these.
fn gaussian_log_density(rows: &Tensor, points: &Tensor, n_given: i64) -> Result<Tensor> {
    let joint = GaussianFit::fit(rows)?.log_density(points);
    if n_given == 0 {
        return Ok(joint);
    }
    let given = |x: &Tensor| x.narrow(1, 0, n_given);
    Ok(joint - GaussianFit::fit(&given(rows))?.log_density(&given(points)))
}

fn evaluate_samples(flow: &Flow, base: &End, target: &End, result: &mut Map<String, Value>) -> Result<()> {
    let (n, seed, kind) =
        (flow.config.evaluation.n_two_sample, flow.config.seed, flow.config.precision.kind());
    // Two disjoint halves of held-out points at each end: one is carried, the other compared with.
    let halves = |end: &End| -> (Tensor, Tensor) {
        let points = end.test_points(2 * n, seed, kind);
        let half = points.size()[0] / 2;
        (points.narrow(0, 0, half), points.narrow(0, half, half))
    };
    let (x0, other_x0) = halves(base);
    let (x1, other_x1) = halves(target);
    let (forward, nfe) = flow.carry(&x0, 0.0, 1.0, |_| {})?;
    let (backward, nfe_backward) = flow.carry(&x1, 1.0, 0.0, |_| {})?;
    let stream = Stream::new(seed, Purpose::Resample);
    let tests = [("two_sample_forward", forward, other_x1), ("two_sample_backward", backward, other_x0)];
    for (index, (name, carried, data)) in tests.into_iter().enumerate() {
        let test = energy_distance_test(&carried, &data, N_PERMUTATIONS, &mut stream.at(index as u64))?;
        result.insert(
            name.into(),
            json!({ "energy_distance": test.statistic, "p_value": test.p_value, "n": carried.size()[0] }),
        );
    }
    result.entry("test_nll").or_insert(Value::Null);
    result.entry("nfe").or_insert(json!(nfe.max(nfe_backward)));
    Ok(())
}
