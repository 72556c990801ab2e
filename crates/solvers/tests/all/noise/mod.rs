//! Paths to blobs and helpers for the stochastic equation's tests.
#![allow(dead_code, reason = "every test file uses its own share")]

use interflow_core::VectorField;
use interflow_core::conversion::Conversion;
use interflow_core::density::{GaussianMixture, StandardNormal};
use interflow_core::interpolant::Interpolant;
use interflow_solvers::{
    BrownianPath, Diffusion, DiffusionConfig, DiffusionShape, Scheme, ScoreSource, Sde, SdeConfig,
};
use tch::{Kind, Tensor};

use crate::fields::points;

#[allow(clippy::unwrap_used)]
pub(crate) fn diffusion(
    interpolant: Interpolant,
    dim: i64,
    shape: DiffusionShape,
    strength: f64,
) -> Diffusion {
    let conversion = Conversion::new(interpolant, StandardNormal { dim }).unwrap();
    DiffusionConfig { shape, strength }.build(&conversion).unwrap()
}

#[allow(clippy::unwrap_used)]
pub(crate) fn solve(
    (scheme, steps): (Scheme, u32),
    velocity: &dyn VectorField,
    diffusion: &Diffusion,
    x: &Tensor,
    (from, to): (f64, f64),
) -> Tensor {
    let solver = SdeConfig { scheme, steps, ..SdeConfig::default() }.build().unwrap();
    solver
        .solve(
            &Sde { velocity, score: ScoreSource::Velocity, diffusion },
            &BrownianPath::new(3, 0),
            x,
            from,
            to,
        )
        .unwrap()
        .x
}

/// From N(0, I) to three equal blobs of one width: the closed form of \[AV23\] for a spherical mixture.
pub(crate) struct Blobs {
    interpolant: Interpolant,
    means: Tensor,
}

/// The blobs' standard deviation.
pub(crate) const WIDTH: f64 = 0.7;

impl Blobs {
    pub(crate) fn new(interpolant: Interpolant) -> Self {
        Self { interpolant, means: points(&[1.5, 0.0, 0.0, -1.0, -2.0, 0.3], 2) }
    }
}

impl VectorField for Blobs {
    fn dim(&self) -> i64 {
        2
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let c = self.interpolant.coefficients(&t.view([-1, 1, 1]));
        let (path, latent) = (&c.schedule, c.latent.as_ref());
        let (square, product) = latent.map_or_else(
            || (t.view([-1, 1, 1]) * 0.0, t.view([-1, 1, 1]) * 0.0),
            |g| (g.gamma.square(), g.gamma_gamma_dot.copy()),
        );
        let variance = path.alpha.square() + path.beta.square() * (WIDTH * WIDTH) + square;
        let slope = &path.alpha * &path.alpha_dot + &path.beta * &path.beta_dot * (WIDTH * WIDTH) + product;
        let off = x.unsqueeze(1) - &path.beta * &self.means;
        let weight =
            (off.square().sum_dim_intlist(2i64, true, Kind::Double) * -0.5 / &variance).softmax(1, x.kind());
        let each = &path.beta_dot * &self.means + slope / variance * off;
        (each * weight).sum_dim_intlist(1i64, false, x.kind())
    }
}

#[allow(clippy::unwrap_used)]
pub(crate) fn ends() -> (GaussianMixture, GaussianMixture) {
    let origin = Tensor::zeros([1, 2], (Kind::Double, tch::Device::Cpu));
    let blobs = Blobs::new(Interpolant::linear());
    let mixture = |means: &Tensor, std| GaussianMixture::spherical(means, std).unwrap();
    (mixture(&origin, 1.0), mixture(&blobs.means, WIDTH))
}

/// The mean length of rows.
pub(crate) fn mean_length(x: &Tensor) -> f64 {
    x.square().sum_dim_intlist(1i64, false, Kind::Double).sqrt().mean(Kind::Double).double_value(&[])
}

/// The velocity of the straight line from N(0, 1) to N(0, 4), in each component.
pub(crate) struct Widening;

impl VectorField for Widening {
    fn dim(&self) -> i64 {
        100
    }
    fn value(&self, t: &Tensor, x: &Tensor) -> Tensor {
        let rest: Tensor = 1.0 - t;
        let rate = (t * 4.0 - &rest) / (rest.square() + t.square() * 4.0);
        x * rate.unsqueeze(1)
    }
}

/// n = 2000 samples; first and second moments within 5σ/√n.
pub(crate) fn check_moments(x: &Tensor, law: &GaussianMixture, name: &str) {
    let mean = |x: &Tensor| x.mean_dim(0i64, false, Kind::Double);
    let variance = law.covariances().select(0, 0).diagonal(0, 0, 1);
    let second = mean(&law.means().square()) + variance;
    for (power, exact) in [(1.0, mean(&law.means())), (2.0, second)] {
        let found = x.pow_tensor_scalar(power);
        let error = found.std_dim(0i64, true, false) / (x.size()[0] as f64).sqrt();
        let off = ((mean(&found) - exact) / error).abs().max().double_value(&[]);
        assert!(off < 5.0, "{name}: moment {power} is off by {off} standard errors");
    }
}
