//! Bits per dimension on test images, beside those of a Gaussian.

use interflow_data::ImageParts;
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::values::{Results, mean};
use crate::config::EvaluationConfig;
use crate::divergence::DivergenceConfig;
use crate::engine::Engine;
use crate::ensemble;
use crate::error::Result;
use crate::images::gaussian::{axes_to_compare, log_density_of_gaussian};
use crate::images::{ImageSpace, spread, test_noise};

/// Bits/dim of the flow and of a Gaussian fitted to the training images on the same dequantised test images,
/// [`Value::Null`] where none fits; all errors are over images.
pub(super) fn evaluate(
    engines: &[&Engine],
    config: &EvaluationConfig,
    images: &ImageParts,
) -> Result<Results> {
    let engine = engines[0];
    let space = ImageSpace::of(engine.manifest())?;
    let n_dequantise = i64::from(config.images().n_dequantise);
    let chosen = spread(images.test.n(), config.n_test);
    let n = chosen.len() as i64;
    // All images for the first draw of the noise, then all for the second, and so on.
    let points =
        space.points(&images.test, &chosen.repeat(n_dequantise as usize), 0, &test_noise(engine.seed()));
    let task = engine.work().begin("test bits/dim", (engines.len() * points.len() as usize) as u64);
    let found = ensemble::log_density(engines, &points, &task)?;
    drop(task);
    let bits = |log_density: Tensor| space.bits_per_dim(&log_density, &points.x).view([n_dequantise, n]);
    let over_draws = |bits: &Tensor| bits.mean_dim(0i64, false, Kind::Double);
    let draws = bits(found.rows);
    let own = over_draws(&draws);
    let mut results = Results::new();
    results.insert("bits_per_dim".into(), mean(&own));
    // Noise of probes would make the mean over draws larger than it is, and the bits fewer.
    let exact = engines.iter().all(|engine| engine.manifest().divergence == DivergenceConfig::Exact {});
    if n_dequantise > 1 && exact {
        results.insert(
            "bits_per_dim_importance".into(),
            mean(&importance_weighted(&draws, space.shape().dim())),
        );
    }
    let axes = axes_to_compare(engine.manifest().precondition, &images.train);
    results.insert("gaussian_axes".into(), json!(axes));
    match log_density_of_gaussian(axes, &images.train, &points.x, engine.seed(), engine.work()) {
        Ok(log_density) => {
            let gaussian = over_draws(&bits(log_density));
            results.insert("gaussian_bits_per_dim".into(), mean(&gaussian));
            results.insert("bits_per_dim_below_gaussian".into(), mean(&(gaussian - own)));
        }
        Err(error) if error.is_cancelled() => return Err(error),
        Err(error) => {
            tracing::warn!("no Gaussian to compare with: {error}");
            results.insert("gaussian_bits_per_dim".into(), Value::Null);
        }
    }
    results.insert("bits_per_dim_settings".into(), settings(engine, n_dequantise));
    results.insert("n_train".into(), json!(images.train.n()));
    results.insert("n_test".into(), json!(n));
    results.insert("nfe".into(), json!(found.nfe));
    Ok(results)
}

/// The tighter bound by several draws of the noise at once: minus the logarithm of the mean over them of what
/// `draws`, `[K, N]` in bits per dimension, are the minus logarithms of \[BGS16\].
fn importance_weighted(draws: &Tensor, dim: i64) -> Tensor {
    let nats = dim as f64 * std::f64::consts::LN_2;
    let n_draws = draws.size()[0] as f64;
    ((draws * -nats).logsumexp(0i64, false) - n_draws.ln()) / -nats
}

/// How the likelihood was measured.
fn settings(engine: &Engine, n_dequantise: i64) -> Value {
    let manifest = engine.manifest();
    let n_probes = match manifest.divergence {
        DivergenceConfig::Exact {} => Value::Null,
        DivergenceConfig::Hutchinson { n_probes } => json!(n_probes),
    };
    let solver = &manifest.solver;
    json!({
        "dequantise": engine.manifest().target.images.map(|images| images.dequantise),
        "n_dequantise": n_dequantise,
        "n_probes": n_probes,
        "method": solver.method,
        "steps": solver.steps,
        "rtol": solver.rtol,
        "atol": solver.atol,
    })
}
