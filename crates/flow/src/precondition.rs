//! The Gaussian of the training data that a preconditioned network corrects.

use interflow_metrics::{Moments, RunningMoments};
use interflow_train::{AxesKind, PreconditionConfig, PrincipalAxes};

use crate::base::Base;
use crate::config::ExperimentConfig;
use crate::error::{During as _, Error, Result, refuse};
use crate::images::gaussian::{cosine_axes, dequantised};
use crate::target::Target;
use crate::work::Work;

/// The axes of the Gaussian with the moments of the target's training points; `None` if the config does not
/// precondition.
///
/// # Errors
/// [`Error::Refused`] unless the base is N(0, I), the flow has no conditions, and the target is a data set that suits
/// the kind of axes; [`Error::Cancelled`] if the work is stopped.
pub fn axes(
    config: &ExperimentConfig,
    base: &Base,
    target: &Target,
    work: &Work,
) -> Result<Option<PrincipalAxes>> {
    let Some(PreconditionConfig::Gaussian { axes }) = config.precondition else { return Ok(None) };
    if !base.law().is_standard_normal() || !target.space().given.is_nothing() {
        return refuse("[precondition] needs a base of kind = \"standard-normal\" and no conditions");
    }
    let axes = match axes {
        AxesKind::Cosine => target
            .images()
            .ok_or_else(|| Error::refused("axes = \"cosine\" needs a target of images\nhint: leave axes out"))
            .and_then(|images| cosine_axes(&images.train, config.seed, work)),
        _ => moments(target, config.seed, work).and_then(|m| Ok(PrincipalAxes::of(&m.mean, &m.covariance)?)),
    };
    axes.during("in [precondition]").map(Some)
}

/// Images per dimension that are enough for a covariance: 16 were (CIFAR-10), 1.6 were not (5000 of ImageNet-32).
const ENOUGH: i64 = 8;

/// Mean and covariance of the training points, in the flow's coordinates.
fn moments(target: &Target, seed: u64, work: &Work) -> Result<Moments> {
    if let Some(parts) = target.images() {
        let (n, dim) = (parts.train.n(), parts.train.shape().dim());
        if n < ENOUGH * dim {
            tracing::warn!(
                "{n} images are few for a covariance in {dim} dimensions\n\
                 hint: take [precondition] axes = \"cosine\", which needs fewer"
            );
        }
        let mut running = RunningMoments::default();
        for batch in dequantised(&parts.train, seed, work) {
            running.add(&batch?)?;
        }
        return Ok(running.most_likely()?);
    }
    match target.dataset().and_then(|data| data.training_points(seed)) {
        Some(points) => Ok(Moments::of(&points.x)?),
        None => refuse("the target is not a data set: its moments are not known"),
    }
}
