//! The exact path to eight Gaussians, and held-out points on it: what learned fields are compared with.

use anyhow::{Result, bail};
use interflow_core::density::{GaussianMixture, MixturePath, Sampler, StandardNormal};
use interflow_core::interpolant::PathPoint;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::target::{DensityConfig, eight_gaussians};
use interflow_flow::config::TargetConfig;
use interflow_flow::{Engine, ExperimentConfig};
use tch::{Device, Kind, Tensor};

/// Refuses other targets than eight Gaussians, and times beyond the path.
pub(super) fn check(experiment: &ExperimentConfig, times: &[f64]) -> Result<()> {
    let known = match &experiment.target {
        TargetConfig::Synthetic(law) => matches!(law.density, DensityConfig::EightGaussians {}),
        _ => false,
    };
    if !known {
        bail!("the exact score is known for the target eight-gaussians only");
    }
    check_times(times)
}

/// Refuses times beyond the path.
pub(super) fn check_times(times: &[f64]) -> Result<()> {
    match times.iter().find(|time| !(0.0..=1.0).contains(*time)) {
        Some(time) => bail!("times lie in [0, 1], found: {time}"),
        None => Ok(()),
    }
}

/// The exact path of a flow from N(0, I) to eight Gaussians.
pub(super) fn exact_path(engine: &Engine) -> Result<MixturePath> {
    let origin = Tensor::zeros([1, 2], (Kind::Double, Device::Cpu));
    let rho0 = GaussianMixture::spherical(&origin, 1.0)?;
    Ok(MixturePath::new(&rho0, &eight_gaussians()?, engine.interpolant()?)?)
}

/// The times, `[n]`, and `n` points of an exact path at one time, in f64, the same ones under a seed.
pub(super) fn points(exact: &MixturePath, n: i64, seed: u64, time: f64) -> Result<(Tensor, PathPoint)> {
    let draw = |law: &dyn Sampler, index| {
        law.sample(n, &mut Stream::new(seed, Purpose::Validation).at(index), Kind::Double)
    };
    let normal = StandardNormal { dim: 2 };
    let t = Tensor::full([n], time, (Kind::Double, Device::Cpu));
    let (x0, x1, z) = (draw(&normal, 0), draw(&eight_gaussians()?, 1), draw(&normal, 2));
    let point = exact.interpolant().path(&t, &x0, &x1, Some(&z))?;
    Ok((t, point))
}
