//! Measurements of a trained flow on held-out data.
//!
//! The negative log-likelihood (NLL) of test points, which training never saw, stands beside that of the true
//! density, where it is known, and of a fitted Gaussian. Two-sample tests compare samples with data. The results are
//! the keys of a run's `result.json`.

mod bits_per_dim;
mod likelihood;
mod two_sample;
mod values;

use interflow_core::memory;

pub use self::likelihood::noisy_nll;
pub use self::values::{Results, estimate, mean};
use crate::base::{Base, BaseLaw};
use crate::config::EvaluationConfig;
use crate::engine::Engine;
use crate::ensemble::Ensemble;
use crate::error::Result;
use crate::target::Target;

/// Measures a flow on held-out points. If the base has a density, this is the test NLL in nats, beside that of the
/// true density where it is known; if the base is not N(0, I), two-sample tests in both directions too. For images it
/// is bits/dim instead.
///
/// # Errors
/// If the target's points do not fit the flow, a solver fails, or the work is cancelled.
pub fn evaluate(engine: &Engine, config: &EvaluationConfig, base: &Base, target: &Target) -> Result<Results> {
    let mut results = likelihoods(&[engine], config, base, target)?;
    if target.images().is_none() && !base.law().is_standard_normal() {
        two_sample::evaluate(engine, config.n_two_sample, (base, target), &mut results)?;
    }
    Ok(results)
}

/// Measures the held-out likelihoods of an ensemble, that is of the mean of its flows' densities.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_together(
    ensemble: &Ensemble,
    config: &EvaluationConfig,
    base: &Base,
    target: &Target,
) -> Result<Results> {
    likelihoods(&ensemble.engines(), config, base, target)
}

/// The numbers that the mean density of `engines` decides on. What else there is to know, as the seed, is the first one's.
fn likelihoods(
    engines: &[&Engine],
    config: &EvaluationConfig,
    base: &Base,
    target: &Target,
) -> Result<Results> {
    check_memory(config, base, target)?;
    if let Some(images) = target.images() {
        return bits_per_dim::evaluate(engines, config, images);
    }
    let mut results = Results::new();
    if engines.iter().all(|engine| engine.base().density().is_some()) {
        likelihood::evaluate(engines, config, target, &mut results)?;
    }
    Ok(results)
}

/// Refuses more points than memory can hold. Data sets bound theirs themselves.
///
/// # Errors
/// A refusal that names the key, its value, and both sizes.
pub(crate) fn check_memory(config: &EvaluationConfig, base: &Base, target: &Target) -> Result<()> {
    if !matches!(target, Target::Synthetic(_)) {
        return Ok(());
    }
    let (n, dim) = (config.n_test, target.space().dim);
    memory::check(format!("evaluation.n_test = {n} of dimension {dim}"), 8.0 * n as f64 * dim as f64)?;
    if matches!(base.law(), BaseLaw::Synthetic(_)) {
        let n = config.n_two_sample;
        let what = format!("evaluation.n_two_sample = {n}, all distances between them");
        memory::check(what, 8.0 * (2.0 * n as f64).powi(2))?;
    }
    Ok(())
}
