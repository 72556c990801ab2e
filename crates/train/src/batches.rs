//! Where batches on the path come from: each is a function of (seed, index).

use std::ops::Range;

use interflow_core::Points;
use interflow_core::coupling::Coupling;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use interflow_libtorch::{Share, upload};
use tch::{Device, Kind, Tensor};

use crate::batch::Batch;
use crate::error::Result;
use crate::host_batch::HostBatch;
use crate::problem::Problem;
use crate::rows::Rows;
use crate::time::TimeSampler;

/// Where batches come from: the training or the held-out side of a problem.
pub(crate) struct Batches<'a> {
    interpolant: &'a Interpolant,
    coupling: &'a dyn Coupling,
    base: &'a dyn Source,
    target: &'a dyn Source,
    seed: u64,
    jitter: f64,
    /// How many points the sources are asked for, of which a batch has the first; as many as it has, if none are named.
    drawn: Option<i64>,
}

impl<'a> Batches<'a> {
    /// The training batches.
    pub(crate) fn training(problem: &'a Problem, seed: u64) -> Self {
        let Problem { interpolant, coupling, base, target, .. } = problem;
        Self {
            interpolant,
            coupling: &**coupling,
            base: &**base,
            target: &**target,
            seed,
            jitter: 0.0,
            drawn: None,
        }
    }

    /// The same with normal noise of this deviation on the target's points.
    pub(crate) fn jittered(self, jitter: f64) -> Self {
        Self { jitter, ..self }
    }

    /// The same from batches of the sources of this size, at least that of a batch: where the last batch is smaller than the
    /// others, sources then go on where the one before has ended.
    pub(crate) fn drawing(self, n: i64) -> Self {
        Self { drawn: Some(n), ..self }
    }

    /// Batches of the training side that no step of the velocity sees.
    pub(crate) fn companion(problem: &'a Problem, seed: u64) -> Self {
        Self::training(problem, Stream::new(seed, Purpose::Path).at(0).bits())
    }

    /// The held-out batches, the same ones at every check of a run with this seed.
    pub(crate) fn held_out(problem: &'a Problem, seed: u64) -> Self {
        let Problem { interpolant, coupling, held_out_base, held_out_target, .. } = problem;
        let (base, target) = (&**held_out_base, &**held_out_target);
        let seed = held_out_seed(seed);
        Self { interpolant, coupling: &**coupling, base, target, seed, jitter: 0.0, drawn: None }
    }

    /// Whether latents come in pairs ±z, which a singular γ̇ needs for a finite variance.
    fn antithetic(&self) -> bool {
        let (low, high) = self.interpolant.regular_on();
        self.interpolant.has_latent() && (low > 0.0 || high < 1.0)
    }

    fn stream(&self, purpose: Purpose) -> Stream {
        Stream::new(self.seed, purpose)
    }

    /// Moves the states, which are these rows of `n`, by noise; conditions stay as they are.
    fn jitter(&self, x1: Points, index: u64, (n, rows): (i64, Range<i64>)) -> Points {
        if self.jitter == 0.0 {
            return x1;
        }
        let (dim, kind) = (x1.x.size()[1], x1.x.kind());
        let noise = self.stream(Purpose::Jitter).at(index).normal_part(n, dim, rows, kind);
        Points { x: x1.x + noise * self.jitter, given: x1.given }
    }

    /// What the host makes of batch `index` of `n` pairs, the rows of a share of it: a function of (seed, index) alone, on
    /// whatever thread.
    pub(crate) fn on_host(
        &self,
        n: i64,
        index: u64,
        (times, share): (&TimeSampler, Share),
    ) -> Result<HostBatch> {
        let rows = share.rows(n);
        let own = |x: Tensor| x.narrow(0, rows.start, rows.end - rows.start);
        let (x0, x1) = self.ends(n, index, rows.clone())?;
        let t = own(times.sample(n, &mut self.stream(Purpose::Time).at(index)));
        let latent = || {
            let mut draw = self.stream(Purpose::Latent).at(index);
            draw.normal_part(n, x0.size()[1], rows.clone(), Kind::Float)
        };
        let z = self.interpolant.has_latent().then(latent);
        Ok(HostBatch { t, x0, x1: x1.x, given: x1.given, z, rows: Rows::new(rows, n) })
    }

    /// The paired ends of these rows of batch `index` of `n` pairs. Where pairs depend on other rows, all are drawn and paired.
    fn ends(&self, n: i64, index: u64, rows: Range<i64>) -> Result<(Tensor, Points)> {
        let all = self.drawn.map_or(n, |drawn| drawn.max(n));
        let drawn = if self.coupling.is_row_by_row() { rows.clone() } else { 0..all };
        let of = |source: &dyn Source, purpose| source.rows(all, index, &self.stream(purpose), drawn.clone());
        let (x0, x1) = (of(self.base, Purpose::Base).x, of(self.target, Purpose::Target));
        let x1 = self.jitter(x1, index, (all, drawn.clone()));
        let (x0, x1) = self.coupling.pair(x0, x1, &mut self.stream(Purpose::Coupling).at(index))?;
        let (first, length) = (rows.start - drawn.start, rows.end - rows.start);
        Ok((x0.narrow(0, first, length), x1.narrow(first, length)))
    }

    /// Batch `index` of `n` pairs.
    pub(crate) fn get(&self, n: i64, index: u64, times: &TimeSampler, to: (Kind, Device)) -> Result<Batch> {
        self.on_path(self.on_host(n, index, (times, Share::WHOLE))?, to)
    }

    /// The points between what the host has made.
    pub(crate) fn on_path(&self, batch: HostBatch, to: (Kind, Device)) -> Result<Batch> {
        let n_independent = batch.t.size()[0];
        let mut batch = batch.place(to)?;
        if self.antithetic() {
            batch = batch.antithetic();
        }
        let HostBatch { t, x0, x1, given, z, rows } = batch;
        let point = self.interpolant.path_at_known_times(&t, &x0, &x1, z.as_ref())?;
        let (x, path_derivative) = (point.x, point.path_derivative);
        Ok(Batch { t, x, path_derivative, given, latent: z, x0, x1, n_independent, rows })
    }
}

/// The seed of all held-out draws of a run with this seed.
pub(crate) fn held_out_seed(seed: u64) -> u64 {
    Stream::new(seed, Purpose::Validation).at(0).bits()
}

/// The same numbers, which are on the CPU, in a kind on a device.
pub(crate) fn place(x: &Tensor, (kind, device): (Kind, Device)) -> Result<Tensor> {
    Ok(upload(&x.to_kind(kind), device)?)
}

#[cfg(test)]
mod tests {
    use interflow_core::coupling::Independent;
    use interflow_core::density::StandardNormal;
    use interflow_core::interpolant::{Gamma, Linear};
    use interflow_core::source::Fresh;
    use interflow_core::{Given, GivenSpace, Space};

    use super::*;
    use crate::time::TimeConfig;

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
        let x0 = problem.base.batch(32, 4, &Stream::new(3, Purpose::Base)).x.to_kind(Kind::Double);
        let x1 = problem.target.batch(32, 4, &Stream::new(3, Purpose::Target)).x.to_kind(Kind::Double);
        assert!((mean - (x1 - x0)).abs().max().double_value(&[]) < 1e-9);
    }

    /// Normal points of dimension 2 given two numbers each.
    struct Numbered;

    impl Source for Numbered {
        fn space(&self) -> Space {
            Space { dim: 2, given: GivenSpace::Numbers { n: 2 } }
        }

        fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
            let mut draw = stream.at(step);
            let x = draw.normal(&[n, 2], Kind::Float);
            Points { x, given: Given::Numbers(draw.uniform(&[n, 2], Kind::Float)) }
        }
    }

    #[test]
    fn jitter_moves_the_targets_points_by_its_deviation_and_leaves_conditions() {
        let problem = Problem {
            interpolant: Interpolant::linear(),
            target: Box::new(Numbered),
            held_out_target: Box::new(Numbered),
            ..problem(Gamma::Quadratic)
        };
        let times = TimeConfig::default().build(&problem.interpolant).unwrap();
        let at = |jitter: f64| {
            let batches = Batches::training(&problem, 3).jittered(jitter);
            batches.get(4000, 0, &times, (Kind::Double, Device::Cpu)).unwrap()
        };
        let (plain, jittered) = (at(0.0), at(0.5));
        // The linear path's derivative is x1 − x0.
        let moved = jittered.path_derivative - plain.path_derivative;
        let deviation = moved.square().mean(Kind::Double).sqrt().double_value(&[]);
        assert!((deviation - 0.5).abs() < 0.02, "{deviation}");
        assert!(jittered.given.tensor().unwrap().equal(plain.given.tensor().unwrap()));
    }

    /// Rows enough for four blocks of normal numbers.
    #[test]
    fn a_share_of_the_rows_is_that_of_the_whole_batch() {
        let problem = problem(Gamma::Quadratic);
        let batches = Batches::training(&problem, 3).jittered(0.5);
        let n = 100_000;
        let (x0, x1) = batches.ends(n, 4, 0..n).unwrap();
        for rows in [0..10, 32_760..32_780, 40_000..n] {
            let (start, length) = (rows.start, rows.end - rows.start);
            let (own0, own1) = batches.ends(n, 4, rows).unwrap();
            assert!(own0.equal(&x0.narrow(0, start, length)));
            assert!(own1.x.equal(&x1.x.narrow(0, start, length)));
        }
    }

    #[test]
    fn parts_and_antithetic_rows_keep_their_conditions() {
        let problem = Problem {
            target: Box::new(Numbered),
            held_out_target: Box::new(Numbered),
            ..problem(Gamma::Brownian { strength: 1.0 })
        };
        let times = TimeConfig::default().build(&problem.interpolant).unwrap();
        let batch = Batches::training(&problem, 3).get(12, 0, &times, (Kind::Double, Device::Cpu)).unwrap();
        let given = batch.given.tensor().unwrap();
        assert_eq!((given.size(), batch.n_independent), (vec![24, 2], 12));
        assert!(given.narrow(0, 0, 12).equal(&given.narrow(0, 12, 12)));
        let parts = batch.parts(3);
        assert_eq!(parts.len(), 3);
        let rows: Vec<_> = parts.iter().map(|part| part.given.tensor().unwrap().shallow_clone()).collect();
        assert!(Tensor::cat(&rows, 0).equal(given));
        let x1: Vec<_> = parts.iter().map(|part| &part.x1).collect();
        assert!(Tensor::cat(&x1, 0).equal(&batch.x1));
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
