//! What an experiment wants of the machine's memory, before any of it is made.

use interflow_core::{Space, memory};
use interflow_transport::CouplingConfig;

use crate::config::ExperimentConfig;
use crate::error::{During as _, Result};

/// Refuses an experiment on points of `space` whose batches, pairings or weights cannot be held in memory. It is the least
/// that they take: what passes may still be too much, what is refused is so on this machine in any case.
///
/// # Errors
/// A refusal that names the key, its value, and both sizes.
pub(super) fn check(config: &ExperimentConfig, space: Space) -> Result<()> {
    let number = config.precision.kind().elt_size_in_bytes() as f64;
    let dim = space.dim;
    // Both ends, the point between them and its derivative.
    let points = |n: i64| 4.0 * n as f64 * dim as f64 * number;
    let batch = config.train.batch;
    memory::check(format!("train.batch = {batch} of dimension {dim}"), points(batch))?;
    if let Some(path) = &config.path {
        memory::check(format!("path.batch = {} of dimension {dim}", path.batch), points(path.batch))?;
        let n = path.n_samples;
        memory::check(format!("path.n_samples = {n}, all distances between them"), square(2 * n))?;
    }
    if let CouplingConfig::Exact { block } | CouplingConfig::Sinkhorn { block, .. } = config.coupling {
        let n = block.map_or(batch, |block| block.min(batch));
        memory::check(format!("[coupling] of {n} pairs at a time, all costs between them"), square(n))?;
    }
    for (table, model) in [("[model]", Some(&config.model)), ("[denoiser]", config.denoiser.as_ref())] {
        let Some(model) = model else { continue };
        let n = model.n_scalars(space).during(format!("in {table}"))?;
        // The weights, their gradient and the optimiser's two moments; and the average.
        let copies = if config.train.ema_decay.is_some() { 5.0 } else { 4.0 };
        memory::check(format!("{table}, {n:.1e} weights in training"), copies * n * number)?;
    }
    Ok(())
}

/// The bytes of a matrix of all pairs of `n` points, in double precision.
fn square(n: i64) -> f64 {
    8.0 * (n as f64).powi(2)
}
