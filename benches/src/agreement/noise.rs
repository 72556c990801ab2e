//! The stochastic equation: every scheme and source of the score, steps by error, and the bound on the density.

use interflow_core::conversion::Conversion;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::{Gamma, Interpolant, Linear};
use interflow_solvers::{
    BrownianPath, Diffusion, DiffusionConfig, DiffusionShape, Scheme, ScoreSource, Sde, SdeConfig,
    log_density_bound,
};
use tch::Tensor;

use super::mathematics::from_normal;
use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("solvers/sde", schemes).within(Tolerance::Rounding(100.0)),
    Check::new("solvers/sde-with-a-denoiser", with_denoiser).within(Tolerance::Rounding(100.0)),
    Check::new("solvers/sde-by-error", by_error).within(Tolerance::Rounding(300.0)),
    Check::new("solvers/sde-bound", bound).within(Tolerance::Rounding(100.0)),
];

fn diffusion(interpolant: Interpolant, shape: DiffusionShape) -> anyhow::Result<Diffusion> {
    let conversion = Conversion::new(interpolant, StandardNormal { dim: 3 })?;
    Ok(DiffusionConfig { shape, strength: 0.7 }.build(&conversion)?)
}

fn points(place: Place) -> Tensor {
    place.normal(0, &[40, 3])
}

fn schemes(place: Place) -> Found {
    let path = from_normal(Interpolant::linear())?;
    let (velocity, score) = (path.velocity(), path.score());
    let diffusion = diffusion(Interpolant::linear(), DiffusionShape::Vanishing)?;
    let by_velocity = Sde { velocity: &velocity, score: ScoreSource::Velocity, diffusion: &diffusion };
    let by_field = Sde { score: ScoreSource::Field(&score), ..by_velocity };
    let mut values = Values::new();
    for scheme in [Scheme::EulerMaruyama, Scheme::Heun, Scheme::Shark] {
        let solver = SdeConfig { scheme, steps: 16, ..SdeConfig::default() }.build()?;
        let solve = |sde, from, to| solver.solve(sde, &BrownianPath::new(3, 0), &points(place), from, to);
        values = values
            .with(format!("{scheme:?}"), &solve(&by_velocity, 0.0, 1.0)?.x)
            .with(format!("{scheme:?} backwards"), &solve(&by_velocity, 0.9, 0.0)?.x)
            .with(format!("{scheme:?} with the score"), &solve(&by_field, 0.0, 0.9)?.x);
    }
    Ok(values)
}

fn with_denoiser(place: Place) -> Found {
    let interpolant = || Interpolant::new(Linear, Some(Gamma::Quadratic));
    let path = from_normal(interpolant())?;
    let velocity = path.velocity();
    let conversion = Conversion::new(interpolant(), StandardNormal { dim: 3 })?;
    let denoiser = conversion.denoiser(path.velocity())?;
    let diffusion = diffusion(interpolant(), DiffusionShape::Gamma)?;
    let sde = Sde { velocity: &velocity, score: ScoreSource::Denoiser(&denoiser), diffusion: &diffusion };
    let solver = SdeConfig { steps: 16, ..SdeConfig::default() }.build()?;
    let found = solver.solve(&sde, &BrownianPath::new(3, 0), &points(place), 0.0, 0.9)?;
    Ok(Values::new().with("the end", &found.x))
}

fn by_error(place: Place) -> Found {
    let path = from_normal(Interpolant::linear())?;
    let velocity = path.velocity();
    let diffusion = diffusion(Interpolant::linear(), DiffusionShape::Vanishing)?;
    let sde = Sde { velocity: &velocity, score: ScoreSource::Velocity, diffusion: &diffusion };
    let solver = SdeConfig { tolerance: Some(3e-2), ..SdeConfig::default() }.build()?;
    let found = solver.solve(&sde, &BrownianPath::new(3, 0), &points(place), 0.0, 0.9)?;
    Ok(Values::new().with("the end", &found.x))
}

fn bound(place: Place) -> Found {
    let path = from_normal(Interpolant::linear())?;
    let velocity = path.velocity();
    let diffusion = diffusion(Interpolant::linear(), DiffusionShape::Vanishing)?;
    let sde = Sde { velocity: &velocity, score: ScoreSource::Velocity, diffusion: &diffusion };
    let solver = SdeConfig { steps: 16, ..SdeConfig::default() }.build()?;
    let base = StandardNormal { dim: 3 };
    let found = log_density_bound(&solver, &sde, &base, &BrownianPath::new(3, 0), &points(place), 0.9)?;
    Ok(Values::new().with("the bound", &found.log_density).with("the base's points", &found.base_point))
}
