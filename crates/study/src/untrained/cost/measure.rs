//! The measurements of `cost`.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use interflow_core::coupling::Independent;
use interflow_core::density::{Sampler as _, StandardNormal};
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::target::Target;
use interflow_core::{Given, Network};
use interflow_flow::{Cancel, Work};
use interflow_metrics::Estimate;
use interflow_solvers::{Divergence, Sensitivity, TrainableFlow, likelihood_gradient, log_density};
use interflow_train::{
    MaximumLikelihood, Objective, Observer, Problem, TrainConfig, Trainer, VelocityMatching,
};
use tch::{Device, Kind, Tensor};

use super::{CostExperiment, LikelihoodConfig};

/// Where all is measured.
const PLACE: (Kind, Device) = (Kind::Float, Device::Cpu);

/// What was measured.
pub(super) struct Found {
    /// Costs of an iteration at the start.
    pub(super) start: Costs,
    /// The same after the interpolant's training.
    pub(super) late: Costs,
    /// The test NLL in the course of the interpolant's training.
    pub(super) interpolant: Vec<Mark>,
    /// The same of maximum likelihood.
    pub(super) likelihood: Vec<Mark>,
}

/// Milliseconds per iteration and calls of the network.
pub(super) struct Costs {
    pub(super) interpolant: f64,
    pub(super) direct: Gradient,
    pub(super) adjoint: Gradient,
}

/// The cost of a likelihood's gradient.
pub(super) struct Gradient {
    pub(super) milliseconds: f64,
    pub(super) nfe: (u64, u64),
}

/// A point of a curve.
pub(super) struct Mark {
    pub(super) step: u64,
    pub(super) seconds: f64,
    pub(super) nll: f64,
    pub(super) standard_error: f64,
}

/// The experiment under measurement.
pub(super) struct Measurement<'a> {
    pub(super) experiment: &'a CostExperiment,
    pub(super) work: &'a Work,
}

impl Measurement<'_> {
    /// Measures all.
    pub(super) fn run(&self) -> Result<Found> {
        let study = self.experiment.study();
        let mut trainer = self.trainer(self.network()?, Box::new(VelocityMatching::default()))?;
        let start = self.costs(trainer.network())?;
        let interpolant = self.curve(&mut trainer, &study.interpolant_marks, "interpolant")?;
        let late = self.costs(trainer.network())?;
        let mut trainer = self.trainer(self.network()?, Box::new(self.likelihood()?))?;
        let likelihood = self.curve(&mut trainer, &study.likelihood_marks, "maximum likelihood")?;
        Ok(Found { start, late, interpolant, likelihood })
    }

    fn target(&self) -> Result<Arc<Target>> {
        Ok(Arc::new(self.experiment.target.build()?))
    }

    fn network(&self) -> Result<Box<dyn Network>> {
        let dim = self.target()?.dim();
        Ok(self.experiment.model.init(
            dim,
            &mut Stream::new(self.experiment.seed, Purpose::Init).at(0),
            PLACE,
        )?)
    }

    fn likelihood(&self) -> Result<MaximumLikelihood> {
        let LikelihoodConfig { sensitivity, solver } = &self.experiment.likelihood;
        Ok(MaximumLikelihood::new(*sensitivity, solver)?)
    }

    fn trainer(&self, network: Box<dyn Network>, objective: Box<dyn Objective>) -> Result<Trainer> {
        let (target, base) = (self.target()?, StandardNormal { dim: network.space().dim });
        let fresh = || -> Box<dyn Source> { Box::new(Fresh(target.clone())) };
        let problem = Problem {
            interpolant: self.experiment.interpolant.build()?,
            coupling: Box::new(Independent),
            base: Box::new(Fresh(base)),
            base_density: Some(Arc::new(base)),
            target: fresh(),
            held_out_base: Box::new(Fresh(base)),
            held_out_target: fresh(),
        };
        let config = TrainConfig {
            steps: u64::MAX,
            log_every: 0,
            checkpoint_every: 0,
            validate_every: 0,
            ..self.experiment.train.clone()
        };
        Ok(Trainer::new(config, problem, network, objective, self.experiment.seed)?)
    }

    /// Times one iteration of each kind at the network's present weights.
    fn costs(&self, network: &dyn Network) -> Result<Costs> {
        let n = self.experiment.study().n_interpolant;
        let mut trainer = self.trainer(network.duplicate()?, Box::new(VelocityMatching::default()))?;
        // The first steps allocate.
        self.advance(&mut trainer, 3)?;
        let seconds = self.advance(&mut trainer, u64::from(n))?;
        Ok(Costs {
            interpolant: 1e3 * seconds / f64::from(n),
            direct: self.gradient_cost(network, Sensitivity::Direct)?,
            adjoint: self.gradient_cost(network, Sensitivity::Adjoint)?,
        })
    }

    fn gradient_cost(&self, network: &dyn Network, sensitivity: Sensitivity) -> Result<Gradient> {
        let (n, solver) = (self.experiment.study().n_likelihood, self.experiment.likelihood.solver.build()?);
        let base = StandardNormal { dim: network.space().dim };
        let x = self.points(Purpose::Target, self.experiment.train.batch)?;
        let probes = Stream::new(self.experiment.seed, Purpose::Probe).at(0).signs(&x.size(), PLACE.0);
        let mut nfe = (0, 0);
        let field = network.at(&Given::Nothing);
        let flow =
            TrainableFlow { field: &field, parameters: network.parameters(), base: &base, probes: &probes };
        // The first one allocates.
        likelihood_gradient(&solver, &flow, &x, sensitivity)?;
        let start = Instant::now();
        for _ in 0..n {
            self.work.cancel().check()?;
            let found = likelihood_gradient(&solver, &flow, &x, sensitivity)?;
            nfe = (found.forward.nfe, found.backward.nfe);
        }
        Ok(Gradient { milliseconds: 1e3 * start.elapsed().as_secs_f64() / f64::from(n), nfe })
    }

    fn points(&self, purpose: Purpose, n: i64) -> Result<Tensor> {
        Ok(self.target()?.sample(n, &mut Stream::new(self.experiment.seed, purpose).at(1), PLACE.0))
    }

    /// Trains from mark to mark; the time is that of training alone.
    fn curve(&self, trainer: &mut Trainer, marks: &[u64], name: &'static str) -> Result<Vec<Mark>> {
        let task = self.work.begin(name, marks.last().copied().unwrap_or(0));
        let mut seconds = 0.0;
        let mut curve = Vec::new();
        for &mark in marks {
            let before = trainer.step();
            seconds += self.advance(trainer, mark - before)?;
            let Estimate { mean: nll, standard_error } = self.test_nll(trainer.ema_network())?;
            tracing::info!(
                "{name}, step {mark}: test NLL {nll:.3} ± {standard_error:.3} after {seconds:.1} s"
            );
            task.advance(mark - before);
            curve.push(Mark { step: mark, seconds, nll, standard_error });
        }
        Ok(curve)
    }

    fn test_nll(&self, network: &dyn Network) -> Result<Estimate> {
        let x = self.points(Purpose::Test, self.experiment.study().n_test)?;
        let probes = Stream::new(self.experiment.seed, Purpose::Probe).at(1).signs(&x.size(), PLACE.0);
        let (solver, base) =
            (self.experiment.likelihood.solver.build()?, StandardNormal { dim: network.space().dim });
        let divergence = Divergence::Hutchinson { probes };
        let found = log_density(&solver, &network.at(&Given::Nothing), &base, &divergence, &x, 1.0)?;
        Ok(Estimate::from_values(&-found.log_density))
    }

    /// Takes `steps` steps and returns the seconds they took.
    fn advance(&self, trainer: &mut Trainer, steps: u64) -> Result<f64> {
        let start = Instant::now();
        trainer.run(&mut Limit { left: Cell::new(steps), cancel: self.work.cancel().clone() })?;
        self.work.cancel().check()?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Stops a training after a number of steps, and when the work is cancelled.
struct Limit {
    left: Cell<u64>,
    cancel: Cancel,
}

impl Observer for Limit {
    fn interrupted(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left == 0 || self.cancel.requested()
    }
}
