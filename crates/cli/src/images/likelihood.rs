//! Bits per dimension on test images, beside those of a Gaussian.

use anyhow::Result;
use interflow_data::{ImageParts, Images};
use interflow_metrics::bits_per_dim;
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use super::gaussian::{axes_to_compare, log_density_of_gaussian};
use super::space::{ImageSpace, spread, test_noise};
use crate::config::DivergenceConfig;
use crate::end::End;
use crate::evaluation::mean;
use crate::flow::Flow;
use crate::observer::progress_bar;

/// Bits/dim of the flow and of a Gaussian fitted to the training images on the same dequantised test images,
/// [`Value::Null`] where none fits; all errors are over images.
pub(crate) fn evaluate(
    flow: &Flow,
    base: &End,
    images: &ImageParts,
    result: &mut Map<String, Value>,
) -> Result<()> {
    let space = flow.image_space()?;
    let n = flow.config.evaluation.n_test.min(images.test.n());
    let n_dequantise = i64::from(flow.config.evaluation.images().n_dequantise);
    let points = test_points(&space, &images.test, n, n_dequantise, flow.config.seed);
    let bar = progress_bar(points.size()[0] as u64, "test bits/dim");
    let (log_density, nfe) = flow.log_density(base, &points, 1.0, |n| bar.inc(n))?;
    bar.finish_and_clear();
    let bits = |log_density: Tensor| {
        let log_density = log_density.to_kind(Kind::Double).to_device(tch::Device::Cpu);
        let bits = bits_per_dim(&log_density, space.shape().dim(), space.n_levels);
        bits.view([n_dequantise, n]).mean_dim(0i64, false, Kind::Double)
    };
    let own = bits(log_density);
    result.insert("bits_per_dim".into(), mean(&own));
    let axes = axes_to_compare(&flow.config, &images.train);
    let x = points.narrow(1, space.n_given(), space.shape().dim());
    result.insert("gaussian_axes".into(), json!(axes));
    match log_density_of_gaussian(axes, &images.train, &x, flow.config.seed) {
        Ok(log_density) => {
            let gaussian = bits(log_density);
            result.insert("gaussian_bits_per_dim".into(), mean(&gaussian));
            result.insert("bits_per_dim_below_gaussian".into(), mean(&(gaussian - own)));
        }
        Err(error) => {
            crate::interrupt::check()?;
            tracing::warn!("no Gaussian to compare with: {error}");
            result.insert("gaussian_bits_per_dim".into(), Value::Null);
        }
    }
    result.insert("bits_per_dim_settings".into(), settings(flow));
    result.insert("n_train".into(), json!(images.train.n()));
    result.insert("n_test".into(), json!(n));
    result.insert("nfe".into(), json!(nfe));
    Ok(())
}

/// The points of `n` test images, all of them for each draw of the noise.
fn test_points(space: &ImageSpace, test: &Images, n: i64, n_dequantise: i64, seed: u64) -> Tensor {
    let (chosen, noise) = (spread(test.n(), n), test_noise(seed));
    let draws = (0..n_dequantise).map(|draw| space.points(test, &chosen, (draw * n) as u64, &noise));
    Tensor::cat(&draws.collect::<Vec<_>>(), 0)
}

/// How the likelihood was measured.
fn settings(flow: &Flow) -> Value {
    let evaluation = &flow.config.evaluation;
    let n_probes = match evaluation.divergence(flow.velocity.dim()) {
        DivergenceConfig::Exact {} => Value::Null,
        DivergenceConfig::Hutchinson { n_probes } => json!(n_probes),
    };
    let solver = &flow.config.solver;
    json!({
        "n_dequantise": evaluation.images().n_dequantise,
        "n_probes": n_probes,
        "method": solver.method,
        "steps": solver.steps,
        "rtol": solver.rtol,
        "atol": solver.atol,
    })
}
