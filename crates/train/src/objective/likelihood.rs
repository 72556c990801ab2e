//! Maximum likelihood through the solver, as continuous flows were trained before interpolants (Grathwohl et
//! al. 2019): the same network, the same optimiser, another loss.

use interflow_core::Given;
use interflow_core::density::Density;
use interflow_core::rng::Purpose;
use interflow_metrics::Estimate;
use interflow_models::VelocityAndDenoiser;
use interflow_solvers::{
    Divergence, Sensitivity, Solver, SolverConfig, TrainableFlow, likelihood_gradient, log_density,
};
use tch::{Device, Kind, Tensor};

use super::Objective;
use super::held_out::HeldOut;
use super::setting::Setting;
use super::step::{Gradient, TrainingStep};
use crate::accumulate::Accumulate;
use crate::batches::place;
use crate::error::{Error, Result};
use crate::problem::Problem;
use crate::self_check::TermCheck;

/// The mean of `−log ρ1(x)` in nats over target points x, where ρ1 is the density that the network's flow makes of
/// the base. The interpolant has no effect.
#[derive(Debug)]
pub struct MaximumLikelihood {
    sensitivity: Sensitivity,
    solver: Solver,
}

impl MaximumLikelihood {
    /// The objective's name in a config.
    pub const NAME: &'static str = "likelihood";

    /// The objective with trajectories by this solver, and gradients along them as `sensitivity` says.
    ///
    /// # Errors
    /// [`Error::Solver`] for settings of the solver that make no sense.
    pub fn new(sensitivity: Sensitivity, solver: &SolverConfig) -> Result<Self> {
        Ok(Self { sensitivity, solver: solver.build()? })
    }
}

impl Objective for MaximumLikelihood {
    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        let Setting { config, problem, network, has_companion, processes } = setting;
        let (parts, jitter) = (config.accumulate, config.jitter);
        let denoiser = network.part(VelocityAndDenoiser::DENOISER);
        let refused = [
            (
                parts != Accumulate::Parts(1),
                format!("batches in parts, accumulate: {parts}"),
                "leave accumulate out",
            ),
            (jitter > 0.0, format!("noise on the target's points, jitter: {jitter}"), "leave jitter out"),
            (!network.space().given.is_nothing(), "points that are given conditions".to_owned(), ON_A_PATH),
            (*has_companion, "a path that is learned".to_owned(), ON_A_PATH),
            // The solver's steps depend on all points that it carries.
            (*processes > 1, format!("{processes} processes"), "take one process"),
            (denoiser.is_some(), "a network that holds a denoiser".to_owned(), "leave the denoiser out"),
        ];
        match refused.into_iter().find(|(found, ..)| *found) {
            Some((_, part, hint)) => setting.refuse(Self::NAME, part, hint),
            None => base(problem).map(drop),
        }
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        let points = step.problem.target.batch(step.config.batch, step.step, &step.stream(Purpose::Target));
        let x = place(&points.x, step.placement())?;
        let probes = step.stream(Purpose::Probe).at(step.step).signs(&x.size(), Kind::Float);
        let flow = TrainableFlow {
            field: &step.network.at(&Given::Nothing),
            parameters: step.network.parameters(),
            base: base(step.problem)?,
            probes: &place(&probes, step.placement())?,
        };
        let found = likelihood_gradient(&self.solver, &flow, &x, self.sensitivity)?;
        Ok(Gradient { loss: found.nll, of_weights: found.gradient })
    }

    /// By Hutchinson's estimate with one probe for each point.
    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        let HeldOut { network, problem, .. } = held_out;
        let field = network.at(&Given::Nothing);
        let mut values = Vec::new();
        for (index, rows) in (0..).zip(held_out.sizes()) {
            let points =
                problem.held_out_target.batch(held_out.drawn(), index, &held_out.stream(Purpose::Target));
            let x = place(&points.x.narrow(0, 0, rows), held_out.placement())?;
            let probes = held_out.stream(Purpose::Probe).at(index).signs(&x.size(), Kind::Float);
            let divergence = Divergence::Hutchinson { probes: place(&probes, held_out.placement())? };
            let found = log_density(&self.solver, &field, base(problem)?, &divergence, &x, 1.0)?;
            values.push(-found.log_density.to_kind(Kind::Double).to_device(Device::Cpu));
        }
        let objective = Estimate::from_values(&Tensor::cat(&values, 0));
        Ok(vec![TermCheck { name: "negative-log-likelihood", objective, balance: None }])
    }
}

/// What to do where only an objective on the path will do.
const ON_A_PATH: &str = "take the objective velocity";

/// The base's density, which has to be there.
fn base(problem: &Problem) -> Result<&dyn Density> {
    problem.base_density.as_deref().ok_or_else(|| Error::Objective {
        objective: MaximumLikelihood::NAME,
        part: "a base that is known by its samples alone".to_owned(),
        hint: "take a base with a density in closed form",
    })
}
