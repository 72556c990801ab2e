//! The Gaussian that preconditions a network, from the training data.

use anyhow::{Context, Result, bail};
use interflow_metrics::{Moments, RunningMoments};
use interflow_train::PrincipalAxes;

use crate::config::ExperimentConfig;
use crate::end::End;
use crate::images::dequantised;

/// The principal axes of the target's training points, where the config wants them.
pub(crate) fn axes(config: &ExperimentConfig, base: &End, target: &End) -> Result<Option<PrincipalAxes>> {
    if config.precondition.is_none() {
        return Ok(None);
    }
    if !matches!(base, End::Normal(_)) || target.n_given() > 0 {
        bail!("[precondition] wants a base of kind = \"standard-normal\" and no conditions");
    }
    let moments = moments(target, config.seed).context("in [precondition]")?;
    Ok(Some(PrincipalAxes::of(&moments.mean, &moments.covariance)?))
}

/// Mean and covariance of the training points, in the flow's coordinates.
fn moments(target: &End, seed: u64) -> Result<Moments> {
    if let Some(parts) = target.images() {
        let mut running = RunningMoments::default();
        for batch in dequantised(&parts.train, seed) {
            running.add(&batch?)?;
        }
        return Ok(running.most_likely()?);
    }
    match target.training_points(seed) {
        Some(points) => Ok(Moments::of(&points)?),
        None => bail!("the target is no data set: its moments are not known"),
    }
}
