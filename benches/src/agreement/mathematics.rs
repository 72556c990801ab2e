//! The mathematics of `interflow-core`: densities, paths, exact fields and what is made of a velocity.

use interflow_core::class_guidance::ClassGuided;
use interflow_core::conversion::Conversion;
use interflow_core::density::{Density, Gaussian, GaussianMixture, MixturePath, StandardNormal};
use interflow_core::guidance::{Observation, Observed};
use interflow_core::interpolant::{EncodingDecoding, Gamma, Interpolant, Linear, Trigonometric};
use interflow_core::target::DensityConfig;
use interflow_core::{GivenSpace, Space, VectorField, Velocity};
use interflow_models::{MlpConfig, ModelConfig};
use tch::{Kind, Tensor};

use super::place::draw;
use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("core/draws", draws),
    Check::new("core/densities", densities).within(Tolerance::Rounding(10.0)),
    Check::new("core/paths", paths),
    Check::new("core/exact-fields", exact_fields).within(Tolerance::Rounding(30.0)),
    Check::new("core/conversions", conversions).within(Tolerance::Rounding(30.0)),
    Check::new("core/guidance", guidance).within(Tolerance::Rounding(30.0)),
    Check::new("core/class-guidance", class_guidance),
];

/// Every kind of path: each schedule, and each latent on one of them.
pub(super) fn interpolants() -> Vec<(&'static str, Interpolant)> {
    vec![
        ("trigonometric", Interpolant::trigonometric()),
        ("linear", Interpolant::linear()),
        ("encoding-decoding", Interpolant::new(EncodingDecoding, None)),
        ("brownian", Interpolant::new(Linear, Some(Gamma::Brownian { strength: 1.0 }))),
        ("sine-squared", Interpolant::new(Trigonometric, Some(Gamma::SineSquared))),
        ("quadratic", Interpolant::new(Linear, Some(Gamma::Quadratic))),
    ]
}

/// The masks that networks drop by are made on the device, by a generator of its own: their law is compared, by the share
/// of a million numbers that are 1, which is 0.3 to 5e-4 and so to a relative 2e-3.
fn draws(place: Place) -> Found {
    let like = place.put(&Tensor::zeros([1000, 1000], (Kind::Double, tch::Device::Cpu)));
    let mask = interflow_libtorch::mask(&like, 0.3, 7)?;
    let share = mask.mean(Kind::Double).double_value(&[]);
    anyhow::ensure!((share - 0.3).abs() < 2.5e-3, "the share of a mask is {share} and not 0.3");
    let ones = mask.eq(0.0).logical_or(&mask.eq(1.0)).all();
    Ok(Values::new().with("zeros and ones only", &ones).with("numbers", &place.normal(0, &[100])))
}

/// A mixture of two Gaussians in three dimensions.
pub(super) fn mixture(shift: f64) -> anyhow::Result<GaussianMixture> {
    let means = Tensor::from_slice(&[1.0 + shift, 0.0, -1.0, -2.0, 0.5, shift]).view([2, 3]);
    let root = Tensor::from_slice(&[0.7, 0.0, 0.0, 0.2, 0.5, 0.0, -0.1, 0.3, 0.6]).view([3, 3]);
    let covariance = root.matmul(&root.tr());
    let covariances = Tensor::stack(&[&covariance, &(covariance.tr() * 1.5)], 0);
    Ok(GaussianMixture::new(&[0.3, 0.7], &means, &covariances)?)
}

fn densities(place: Place) -> Found {
    let x = place.normal(0, &[200, 3]) * 1.5;
    let of_mixture = mixture(0.0)?;
    let gaussian = Gaussian::new(&of_mixture.means().select(0, 0), &of_mixture.covariances().select(0, 0))?;
    let mut values = Values::new()
        .with("N(0, I)", &StandardNormal { dim: 3 }.log_density(&x)?)
        .with("a Gaussian", &gaussian.log_density(&x)?)
        .with("a mixture", &of_mixture.log_density(&x)?)
        .with("an observed mixture", &of_mixture.observed(1, 0.3, 0.5)?.log_density(&x)?);
    let flat = x.narrow(1, 0, 2);
    for config in [
        DensityConfig::Checkerboard {},
        DensityConfig::EightGaussians {},
        DensityConfig::Rings {},
        DensityConfig::TwoMoons {},
    ] {
        let law = config.build()?;
        let Some(density) = law.density() else { anyhow::bail!("{config:?} has no density") };
        values = values.with(format!("{config:?}"), &density.log_density(&flat)?);
    }
    Ok(values)
}

fn paths(place: Place) -> Found {
    let [x0, x1, z] = [0, 1, 2].map(|index| place.normal(index, &[100, 3]));
    let t = place.times(100);
    interpolants().iter().try_fold(Values::new(), |values, (name, interpolant)| {
        let point = interpolant.path(&t, &x0, &x1, Some(&z))?;
        let c = interpolant.schedule(&t);
        Ok(values
            .with(format!("{name}: the point"), &point.x)
            .with(format!("{name}: the derivative"), &point.path_derivative)
            .with(format!("{name}: the time"), &interpolant.time_at(&c.alpha, &c.beta)))
    })
}

fn exact_fields(place: Place) -> Found {
    let (t, x, u) = (place.times(60), place.normal(0, &[60, 3]), place.normal(1, &[60, 3]).sign());
    interpolants().into_iter().try_fold(Values::new(), |values, (name, interpolant)| {
        let path = MixturePath::new(&mixture(0.0)?, &mixture(0.5)?, interpolant)?;
        let (velocity, divergence) = path.velocity().value_and_divergence(&t, &x);
        let (score, form) = path.score().value_and_quadratic_form(&t, &x, &u);
        let same_time = t.full_like(0.4);
        Ok(values
            .with(format!("{name}: the velocity"), &velocity)
            .with(format!("{name}: its divergence"), &divergence)
            .with(format!("{name}: the velocity at one time"), &path.velocity().value(&same_time, &x))
            .with(format!("{name}: the score"), &score)
            .with(format!("{name}: its quadratic form"), &form)
            .with(format!("{name}: the log-density"), &path.log_density(&t, &x)?))
    })
}

/// N(0, I) to a mixture along a path.
pub(super) fn from_normal(interpolant: Interpolant) -> anyhow::Result<MixturePath> {
    let origin = Tensor::zeros([1, 3], (Kind::Double, tch::Device::Cpu));
    Ok(MixturePath::new(&GaussianMixture::spherical(&origin, 1.0)?, &mixture(0.5)?, interpolant)?)
}

fn conversions(place: Place) -> Found {
    let (t, x) = (place.times(60), place.normal(0, &[60, 3]));
    let mut values = Values::new();
    for ((name, interpolant), (_, own)) in interpolants().into_iter().zip(interpolants()) {
        // The straight way there and back has no score along the way.
        if name == "encoding-decoding" {
            continue;
        }
        let path = from_normal(own)?;
        let latent = interpolant.has_latent();
        let conversion = Conversion::new(interpolant, StandardNormal { dim: 3 })?;
        let v = path.velocity().value(&t, &x);
        let means = conversion.posterior_means(&path.velocity(), 0.4, &x)?;
        values = values
            .with(format!("{name}: the score"), &conversion.score(path.velocity()).value(&t, &x))
            .with(format!("{name}: the velocity"), &conversion.velocity(path.score()).value(&t, &x))
            .with(format!("{name}: the score's weight"), &conversion.score_weight(&t))
            .with(format!("{name}: the weighted score"), &conversion.weighted_score(&t, &x, &v))
            .with(format!("{name}: the base's mean"), &means.base)
            .with(format!("{name}: the target's mean"), &means.target);
        if latent {
            let denoiser = conversion.denoiser(path.velocity())?;
            values = values.with(format!("{name}: the denoiser"), &denoiser.value(&t, &x));
            let score = conversion.score_of_denoiser(denoiser)?;
            values = values.with(format!("{name}: its score"), &score.value(&t, &x));
        }
    }
    let path = from_normal(Interpolant::trigonometric())?;
    let rescaled = path.velocity().rescaled(Interpolant::trigonometric(), Interpolant::linear())?;
    let (value, divergence) = rescaled.value_and_divergence(&t, &x);
    Ok(values.with("the rescaled velocity", &value).with("its divergence", &divergence))
}

fn guidance(place: Place) -> Found {
    let (t, x) = (place.times(60), place.normal(0, &[60, 3]));
    let path = from_normal(Interpolant::trigonometric())?;
    let conversion = Conversion::new(Interpolant::trigonometric(), StandardNormal { dim: 3 })?;
    let observed = Observed(vec![
        Observation { coordinate: 0, value: 0.5, std: 0.2 },
        Observation { coordinate: 2, value: -1.0, std: 0.4 },
    ]);
    let guided = conversion.guided(path.velocity(), observed)?;
    let (value, divergence) = guided.value_and_divergence(&t, &x);
    Ok(Values::new().with("the velocity", &value).with("its divergence", &divergence))
}

fn class_guidance(place: Place) -> Found {
    let model = ModelConfig::Mlp(MlpConfig::new(vec![32, 32]));
    let space = Space { dim: 3, given: GivenSpace::Class { n_classes: 4 } };
    let network = place.network(&model, space)?;
    let classes = draw(3).integers(60, 4).to_device(place.device);
    let guided: Velocity<_> = ClassGuided::new(&*network, &classes, 2.5)?;
    let (t, x) = (place.times(60), place.normal(0, &[60, 3]));
    let (value, divergence) = guided.value_and_divergence(&t, &x);
    let rows = Tensor::from_slice(&[3i64, 17, 40]).to_device(place.device);
    let Some(few) = guided.for_rows(&rows) else { anyhow::bail!("no field for some of the rows") };
    let [t, x] = [&t, &x].map(|of| of.index_select(0, &rows));
    Ok(Values::new()
        .with("the velocity", &value)
        .with("its divergence", &divergence)
        .with("the velocity of three rows", &few.value(&t, &x)))
}
