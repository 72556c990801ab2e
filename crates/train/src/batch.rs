//! One batch on the path: times, points and path derivatives as functions of (seed, index).

use interflow_core::coupling::Coupling;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use tch::{Device, Kind, Tensor};

use crate::{Problem, Result, TimeSampler};

/// Where batches come from: the training or the held-out side of a problem.
pub(crate) struct Batches<'a> {
    interpolant: &'a Interpolant,
    coupling: &'a dyn Coupling,
    base: &'a dyn Source,
    target: &'a dyn Source,
    seed: u64,
    jitter: f64,
}

/// Points on the path. With antithetic latents the second half repeats the first half's ends with −z.
#[derive(Debug)]
#[non_exhaustive]
pub struct Batch {
    /// The times, `[B]`.
    pub t: Tensor,
    /// The points, `[B, D]`.
    pub x: Tensor,
    /// Their path derivatives, `[B, D]`.
    pub path_derivative: Tensor,
    /// The latents, `[B, D]`, where the path has them.
    pub latent: Option<Tensor>,
}

impl Batch {
    /// The same rows in `n` parts of as many rows each.
    pub(crate) fn parts(self, n: i64) -> Vec<Self> {
        let (t, x, derivative) = (self.t.chunk(n, 0), self.x.chunk(n, 0), self.path_derivative.chunk(n, 0));
        let mut latents = self.latent.map(|z| z.chunk(n, 0).into_iter());
        let points = t.into_iter().zip(x).zip(derivative);
        points
            .map(|((t, x), path_derivative)| {
                let latent = latents.as_mut().and_then(Iterator::next);
                Self { t, x, path_derivative, latent }
            })
            .collect()
    }
}

impl<'a> Batches<'a> {
    /// The training batches.
    pub(crate) fn training(problem: &'a Problem, seed: u64) -> Self {
        let Problem { interpolant, coupling, base, target, .. } = problem;
        Self { interpolant, coupling: &**coupling, base: &**base, target: &**target, seed, jitter: 0.0 }
    }

    /// The same with normal noise of this deviation on the target's points.
    pub(crate) fn jittered(self, jitter: f64) -> Self {
        Self { jitter, ..self }
    }

    /// Batches of the training side that no step of the velocity sees.
    pub(crate) fn companion(problem: &'a Problem, seed: u64) -> Self {
        Self::training(problem, Stream::new(seed, Purpose::Path).at(0).bits())
    }

    /// The held-out batches, the same ones at every check, with a seed of their own.
    pub(crate) fn held_out(problem: &'a Problem, seed: u64) -> Self {
        let Problem { interpolant, coupling, held_out_base, held_out_target, .. } = problem;
        let seed = Stream::new(seed, Purpose::Validation).at(0).bits();
        let (base, target) = (&**held_out_base, &**held_out_target);
        Self { interpolant, coupling: &**coupling, base, target, seed, jitter: 0.0 }
    }

    /// Whether latents come in pairs ±z, which a singular γ̇ needs for a finite variance.
    pub(crate) fn antithetic(&self) -> bool {
        let (low, high) = self.interpolant.regular_on();
        self.interpolant.has_latent() && (low > 0.0 || high < 1.0)
    }

    fn jitter(&self, x1: Tensor, index: u64) -> Tensor {
        if self.jitter == 0.0 {
            return x1;
        }
        let noise = Stream::new(self.seed, Purpose::Jitter).at(index).normal(&x1.size(), x1.kind());
        // Conditions stay as they are.
        let _ = noise.narrow(1, 0, self.interpolant.n_given()).zero_();
        x1 + noise * self.jitter
    }

    /// Batch `index` of `n` pairs.
    pub(crate) fn get(&self, n: i64, index: u64, times: &TimeSampler, to: (Kind, Device)) -> Result<Batch> {
        let stream = |purpose| Stream::new(self.seed, purpose);
        let x0 = self.base.batch(n, index, &stream(Purpose::Base));
        let x1 = self.jitter(self.target.batch(n, index, &stream(Purpose::Target)), index);
        let (x0, x1) = self.coupling.pair(x0, x1, &mut stream(Purpose::Coupling).at(index))?;
        let t = times.sample(n, &mut stream(Purpose::Time).at(index));
        let place = |x: Tensor| x.to_device(to.1).to_kind(to.0);
        let (t, x0, x1) = (place(t), place(x0), place(x1));
        if !self.interpolant.has_latent() {
            let point = self.interpolant.path(&t, &x0, &x1, None)?;
            return Ok(Batch { t, x: point.x, path_derivative: point.path_derivative, latent: None });
        }
        let z = place(stream(Purpose::Latent).at(index).normal(&x0.size(), Kind::Float));
        if !self.antithetic() {
            let point = self.interpolant.path(&t, &x0, &x1, Some(&z))?;
            return Ok(Batch { t, x: point.x, path_derivative: point.path_derivative, latent: Some(z) });
        }
        let twice = |x: &Tensor| Tensor::cat(&[x, x], 0);
        let (t, z) = (twice(&t), Tensor::cat(&[&z, &z.neg()], 0));
        let point = self.interpolant.path(&t, &twice(&x0), &twice(&x1), Some(&z))?;
        Ok(Batch { t, x: point.x, path_derivative: point.path_derivative, latent: Some(z) })
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::coupling::Independent;
    use interflow_core::density::StandardNormal;
    use interflow_core::interpolant::{Gamma, Linear};
    use interflow_core::source::Fresh;

    use super::*;
    use crate::TimeConfig;

    fn problem(gamma: Gamma) -> Problem {
        let source = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim: 2 })) };
        Problem {
            interpolant: Interpolant::new(Linear, Some(gamma)),
            coupling: Box::new(Independent),
            base: source(),
            target: source(),
            base_density: None,
            held_out_base: source(),
            held_out_target: source(),
        }
    }

    #[test]
    fn singular_latents_come_in_pairs() {
        let problem = problem(Gamma::Brownian { strength: 1.0 });
        let times = TimeConfig::default().build(&problem.interpolant).unwrap();
        let batches = Batches::training(&problem, 3);
        let batch = batches.get(32, 4, &times, (Kind::Double, Device::Cpu)).unwrap();
        assert_eq!((batch.x.size(), batch.t.size()), (vec![64, 2], vec![64]));
        // Without the latent the path is linear: (ẋ + ẋ')/2 = x1 − x0, the same at every time.
        let halves = batch.path_derivative.chunk(2, 0);
        let mean = (&halves[0] + &halves[1]) * 0.5;
        let x0 = problem.base.batch(32, 4, &Stream::new(3, Purpose::Base)).to_kind(Kind::Double);
        let x1 = problem.target.batch(32, 4, &Stream::new(3, Purpose::Target)).to_kind(Kind::Double);
        assert!((mean - (x1 - x0)).abs().max().double_value(&[]) < 1e-9);
    }

    #[test]
    fn jitter_moves_the_targets_points_by_its_deviation_and_leaves_conditions() {
        let source = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim: 3 })) };
        let problem = Problem {
            interpolant: Interpolant::linear().holding(1),
            base: source(),
            target: source(),
            held_out_base: source(),
            held_out_target: source(),
            ..problem(Gamma::Quadratic)
        };
        let times = TimeConfig::default().build(&problem.interpolant).unwrap();
        let at = |jitter: f64| {
            let batches = Batches::training(&problem, 3).jittered(jitter);
            batches.get(4000, 0, &times, (Kind::Double, Device::Cpu)).unwrap()
        };
        let (plain, jittered) = (at(0.0), at(0.5));
        // The linear path's derivative is x1 − x0, and a condition's is zero.
        let moved = jittered.path_derivative - plain.path_derivative;
        assert!(moved.select(1, 0).abs().max().double_value(&[]) < 1e-12);
        let deviation = moved.narrow(1, 1, 2).square().mean(Kind::Double).sqrt().double_value(&[]);
        assert!((deviation - 0.5).abs() < 0.02, "{deviation}");
        assert!((jittered.x.select(1, 0) - plain.x.select(1, 0)).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn held_out_batches_are_not_the_training_ones() {
        let problem = problem(Gamma::Quadratic);
        let times = TimeConfig::default().build(&problem.interpolant).unwrap();
        let get = |batches: Batches<'_>| batches.get(8, 0, &times, (Kind::Float, Device::Cpu)).unwrap().x;
        let (training, held_out) = (get(Batches::training(&problem, 3)), get(Batches::held_out(&problem, 3)));
        assert!(!training.equal(&held_out));
        assert!(held_out.equal(&get(Batches::held_out(&problem, 3))));
        assert_eq!(training.size(), [8, 2]);
    }
}
