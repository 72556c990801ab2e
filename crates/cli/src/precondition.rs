//! The Gaussian that preconditions a network, from the training data.

use anyhow::{Context, Result, bail};
use interflow_metrics::{Moments, RunningMoments};
use interflow_train::{AxesKind, PreconditionConfig, PrincipalAxes};

use crate::config::ExperimentConfig;
use crate::end::End;
use crate::images::{cosine_axes, dequantised};

/// The Gaussian of the target's training points, where the config wants one.
pub(crate) fn axes(config: &ExperimentConfig, base: &End, target: &End) -> Result<Option<PrincipalAxes>> {
    let Some(PreconditionConfig::Gaussian { axes }) = config.precondition else { return Ok(None) };
    if !matches!(base, End::Normal(_)) || target.n_given() > 0 {
        bail!("[precondition] wants a base of kind = \"standard-normal\" and no conditions");
    }
    let axes = match axes {
        AxesKind::Cosine => target.images().map_or_else(
            || bail!("axes = \"cosine\" wants a target of images\nhint: leave axes out"),
            |images| cosine_axes(&images.train, config.seed),
        ),
        _ => moments(target, config.seed).and_then(|m| Ok(PrincipalAxes::of(&m.mean, &m.covariance)?)),
    };
    axes.context("in [precondition]").map(Some)
}

/// Images per dimension that are enough for a covariance: 16 were (CIFAR-10), 1.6 were not (5000 of ImageNet-32).
const ENOUGH: i64 = 8;

/// Mean and covariance of the training points, in the flow's coordinates.
fn moments(target: &End, seed: u64) -> Result<Moments> {
    if let Some(parts) = target.images() {
        let (n, dim) = (parts.train.n(), parts.train.shape().dim());
        if n < ENOUGH * dim {
            tracing::warn!(
                "{n} images are few for a covariance in {dim} dimensions\n\
                 hint: take [precondition] axes = \"cosine\", which needs fewer"
            );
        }
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
