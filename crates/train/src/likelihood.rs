//! Maximum likelihood through the solver, as continuous flows were trained before interpolants (Grathwohl et
//! al. 2019): the same network, the same optimiser, another loss.

use interflow_core::Network;
use interflow_core::density::Density;
use interflow_core::rng::{Purpose, Stream};
use interflow_solvers::{
    Divergence, LikelihoodGradient, Sensitivity, Solver, SolverConfig, likelihood_gradient, log_density,
};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{Error, Estimate, Problem, Result};

/// How the likelihood and its gradient are computed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LikelihoodConfig {
    /// How the gradient travels back along the trajectories.
    pub sensitivity: Sensitivity,
    /// The solver of the trajectories.
    pub solver: SolverConfig,
}

/// A checked [`LikelihoodConfig`].
#[derive(Debug)]
pub(crate) struct Likelihood {
    sensitivity: Sensitivity,
    solver: Solver,
}

impl Likelihood {
    /// Checks the solver, and that the problem's base has a density.
    pub(crate) fn new(config: &LikelihoodConfig, problem: &Problem) -> Result<Self> {
        if problem.base_density.is_none() {
            return Err(Error::NoBaseDensity);
        }
        Ok(Self { sensitivity: config.sensitivity, solver: config.solver.build()? })
    }

    /// The mean negative log-likelihood of training batch `step` and its gradient.
    pub(crate) fn gradient(
        &self,
        network: &dyn Network,
        problem: &Problem,
        (seed, step): (u64, u64),
        batch: i64,
    ) -> Result<LikelihoodGradient> {
        let x = problem.target.batch(batch, step, &Stream::new(seed, Purpose::Target));
        let x = place(&x, network);
        let probes =
            place(&Stream::new(seed, Purpose::Probe).at(step).signs(&x.size(), Kind::Float), network);
        let base = density(problem)?;
        Ok(likelihood_gradient(&self.solver, network, base, &probes, &x, self.sensitivity)?)
    }

    /// The mean negative log-likelihood of `n ≥ 2` held-out points, the same ones at every call, by Hutchinson's
    /// estimate with one probe each.
    pub(crate) fn held_out(
        &self,
        network: &dyn Network,
        problem: &Problem,
        seed: u64,
        n: i64,
    ) -> Result<Estimate> {
        const BATCH: i64 = 1024;
        let seed = Stream::new(seed, Purpose::Validation).at(0).bits();
        let base = density(problem)?;
        let mut values = Vec::new();
        for (index, first) in (0..n.max(2)).step_by(BATCH as usize).enumerate() {
            let rows = BATCH.min(n.max(2) - first);
            let x = problem.held_out_target.batch(BATCH, index as u64, &Stream::new(seed, Purpose::Target));
            let x = place(&x.narrow(0, 0, rows), network);
            let probes = Stream::new(seed, Purpose::Probe).at(index as u64).signs(&x.size(), Kind::Float);
            let divergence = Divergence::Hutchinson { probes: place(&probes, network) };
            let found = log_density(&self.solver, &network, base, &divergence, &x, 1.0)?;
            values.push(-found.log_density.to_kind(Kind::Double).to_device(Device::Cpu));
        }
        Ok(Estimate::of(&Tensor::cat(&values, 0)))
    }
}

fn density(problem: &Problem) -> Result<&dyn Density> {
    problem.base_density.as_deref().ok_or(Error::NoBaseDensity)
}

fn place(x: &Tensor, network: &dyn Network) -> Tensor {
    let parameters = network.parameters();
    x.to_device(parameters.device()).to_kind(parameters.kind())
}
