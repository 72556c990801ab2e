//! Flow maps: a velocity on the diagonal, and jumps along its own trajectories off it (\[BAV25\], \[A25\]).

mod config;
mod jumps;
mod residuals;

use interflow_core::Network;
use interflow_core::flow_map::{FlowMap, Jump};
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::Draw;
use interflow_metrics::Estimate;
use tch::{Device, Kind, Tensor};

pub use self::config::{DivergenceTarget, FlowMapMatchingConfig, MapCondition};
pub use self::jumps::JumpTimes;
use self::jumps::Jumps;
use self::residuals::{Divergences, Residuals, Velocity as Field};
use super::Objective;
use super::form::ObjectiveForm;
use super::held_out::HeldOut;
use super::regression::Regression;
use super::setting::Setting;
use super::step::{Gradient, TrainingStep};
use super::velocity::VelocityMatching;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::self_check::TermCheck;

/// The velocity's objective on the diagonal, `E[|u_{t,t}|² − 2 ẋ_t·u_{t,t}]` at the points `x_t`, plus the squared
/// residual of a [`MapCondition`] off it. The minimiser is the flow map of the velocity. For a network that learns
/// the average divergence, both terms include the corresponding condition for it.
///
/// The network has to be a [`FlowMap`]. Without a teacher, the velocity in the condition is the network's own
/// diagonal.
#[derive(Debug)]
pub struct FlowMapMatching {
    config: FlowMapMatchingConfig,
    teacher: Option<Box<dyn Network>>,
}

/// The stream of a step's jumps, of any process.
const STREAM: &str = "flow-map/0";

impl FlowMapMatching {
    /// The objective's name in a config.
    pub const NAME: &'static str = "flow-map";

    /// The objective with the settings `config` and, for distillation, the velocity `teacher`. The caller loads the
    /// teacher that the config names.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a number out of range; [`Error::Objective`] if the config names a teacher and none
    /// is given, or if the condition cannot use one.
    pub fn new(config: FlowMapMatchingConfig, teacher: Option<Box<dyn Network>>) -> Result<Self> {
        config.check()?;
        let refuse =
            |part: &str, hint| Err(Error::Objective { objective: Self::NAME, part: part.into(), hint });
        if config.teacher.is_some() && teacher.is_none() {
            return refuse(
                "a teacher that nobody loaded",
                "give the teacher's network, or leave teacher out",
            );
        }
        let without = matches!(config.condition, MapCondition::Progressive | MapCondition::MeanFlow);
        if without && teacher.is_some() {
            return refuse(
                "a teacher in a condition without a velocity",
                "take condition = \"lagrangian\" or \"eulerian\", or leave teacher out",
            );
        }
        Ok(Self { config, teacher })
    }

    /// What is drawn for a step of `rows` rows: the same in every process, of which each takes what its rows have.
    fn draws(&self, sight: &Sight<'_>, rows: i64, draw: &mut Draw) -> Draws {
        let n = self.n_jumps(rows);
        let times = self.config.times.draw(n, sight.interpolant.regular_on(), draw);
        let dim = sight.network.space().dim;
        let divergence = self.config.divergence.unwrap_or_else(|| DivergenceTarget::usual(dim));
        let is_probed = sight.map.has_divergence() && divergence == DivergenceTarget::Hutchinson;
        let n_probes = if self.config.condition == MapCondition::Progressive { rows } else { n };
        let probes = is_probed.then(|| draw.signs(&[n_probes, dim], Kind::Float));
        Draws { n, times, probes }
    }

    /// The velocity in the condition, at the points that have these numbers among those that probes were drawn for.
    fn velocity<'a>(&'a self, sight: &Sight<'a>, draws: &Draws, numbers: &[i64]) -> Field<'a> {
        let divergence = sight.map.has_divergence().then(|| match &draws.probes {
            None => Divergences::Exact,
            Some(probes) => Divergences::Probed(selected(probes, numbers)),
        });
        Field { network: self.teacher.as_deref().unwrap_or(sight.network), divergence }
    }

    /// The weights of the divergences' squared errors at times `t`, `[B]`.
    fn divergence_weights(&self, interpolant: &Interpolant, t: &Tensor) -> Tensor {
        (interpolant.schedule(t).alpha + self.config.divergence_floor) * self.config.divergence_weight
    }

    /// How many jumps go with the rows of a batch.
    fn n_jumps(&self, rows: i64) -> i64 {
        let wanted = (rows as f64 * (1.0 / self.config.diagonal_share - 1.0)).round();
        (wanted as i64).clamp(1, rows.max(1))
    }

    /// What is left of the condition off the diagonal, between the ends of those of a batch's rows that have a jump,
    /// divergences weighted; none where no row has one.
    fn jump_residuals(
        &self,
        sight: &Sight<'_>,
        batch: &Batch,
        (rows, draws): (&Rows, &Draws),
    ) -> Result<Option<Residuals>> {
        let (numbers, picked) = rows.spread(draws.n);
        if numbers.is_empty() {
            return Ok(None);
        }
        let times = draws.times.each_ref().map(|times| selected(times, &numbers));
        let jumps = Jumps::new(batch, &picked, times, sight.interpolant)?;
        let velocity = self.velocity(sight, draws, &numbers);
        let found = self.config.condition.residuals(sight.map, &velocity, &jumps)?;
        let weights = self.divergence_weights(sight.interpolant, jumps.jump().to);
        Ok(Some(Residuals { divergence: found.divergence.map(|square| square * weights), ..found }))
    }

    /// The squared errors of the average divergence on the diagonal, weighted, `[B]`, where there is one that the condition
    /// says nothing of: two short jumps fall by as much as one, whatever that is.
    fn diagonal_divergence(&self, sight: &Sight<'_>, batch: &Batch, draws: &Draws) -> Result<Option<Tensor>> {
        if !sight.map.has_divergence() || self.config.condition != MapCondition::Progressive {
            return Ok(None);
        }
        let Batch { t, x, given, .. } = batch;
        let target = self.velocity(sight, draws, &batch.rows.numbers()).at(t, x, given)?.divergence;
        let found = sight.map.average(&Jump { from: t, to: t, x, given }).divergence;
        let weights = self.divergence_weights(sight.interpolant, t);
        Ok(found.zip(target).map(|(found, target)| (found - target).square() * weights))
    }
}

/// What is drawn for the jumps of a step, one for each.
struct Draws {
    /// How many jumps there are.
    n: i64,
    /// Where they start, where they land, and times between, `[n]` each.
    times: [Tensor; 3],
    /// Probes of divergences: of the jumps, or of all rows where it is on the diagonal that divergences are learned.
    probes: Option<Tensor>,
}

/// These of the rows of `all`.
fn selected(all: &Tensor, numbers: &[i64]) -> Tensor {
    all.index_select(0, &Tensor::from_slice(numbers))
}

/// A network that is looked at as a flow map along a path.
struct Sight<'a> {
    network: &'a dyn Network,
    map: &'a dyn FlowMap,
    interpolant: &'a Interpolant,
}

impl<'a> Sight<'a> {
    fn new(network: &'a dyn Network, interpolant: &'a Interpolant) -> Result<Self> {
        Ok(Self { network, map: map(network)?, interpolant })
    }
}

impl Objective for FlowMapMatching {
    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        map(setting.network)?;
        if setting.has_companion {
            let hint = "train the velocity along the path first, and take it as the teacher of a flow map";
            return setting.refuse(Self::NAME, "a path that is learned", hint);
        }
        let space = setting.network.space();
        if self.teacher.as_ref().is_some_and(|teacher| teacher.space() != space) {
            return setting.refuse(Self::NAME, "a teacher of other points", "take one of the same data");
        }
        Ok(())
    }

    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
        let sight = Sight::new(step.network, &step.problem.interpolant)?;
        let ramp = self.config.ramp(step.step);
        let draw = &mut step.named_stream(STREAM).at(step.step);
        let kind = step.placement().0;
        let mut draws = None;
        step.gradient_of(|part, dropout| {
            let velocity = step.value_of(step.network, part, dropout)?;
            let loss = ObjectiveForm::G.loss(&velocity, &part.path_derivative);
            let Some(ramp) = ramp else { return Ok(loss) };
            let whole = part.rows.whole();
            let draws = &*draws.get_or_insert_with(|| self.draws(&sight, whole, draw));
            let off_diagonal =
                step.in_precision(|| self.jump_residuals(&sight, part, (&part.rows, draws)))??;
            let on_diagonal = step.in_precision(|| self.diagonal_divergence(&sight, part, draws))??;
            // A part's share of the mean over all jumps: parts may differ by one jump.
            let share = whole as f64 / part.rows.len() as f64 / draws.n as f64;
            let sum = |squares: Tensor| squares.to_kind(kind).sum(kind);
            let loss = match off_diagonal {
                None => loss,
                Some(Residuals { map, divergence }) => {
                    let squares = std::iter::once(map).chain(divergence).map(sum).sum::<Tensor>();
                    loss + squares * (share * ramp * self.config.weight)
                }
            };
            Ok(match on_diagonal {
                None => loss,
                Some(divergence) => loss + divergence.to_kind(kind).mean(kind),
            })
        })
    }

    /// The velocity's objective, then the mean squared residuals of the map, `jump`, and of the average divergence,
    /// `divergence` off the diagonal and `diagonal-divergence` on it, weighted as at the end of training.
    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
        let HeldOut { network, problem, .. } = held_out;
        let sight = Sight::new(*network, &problem.interpolant)?;
        let mut velocity = Regression::new(VelocityMatching::NAME);
        let (mut map, mut divergence, mut diagonal) = (Vec::new(), Vec::new(), Vec::new());
        let stream = held_out.named_stream("flow-map");
        for (index, batch) in (0..).zip(held_out.batches()) {
            let batch = batch?;
            velocity.add(&batch.value_of(*network), &batch.path_derivative, &batch);
            // Each process jumps between its own rows, at times that depend on how many these are.
            let rows = Rows::new(0..batch.rows.len(), batch.rows.len());
            let draws = self.draws(&sight, rows.whole(), &mut stream.at(index));
            let found = self.jump_residuals(&sight, &batch, (&rows, &draws))?;
            if let Some(found) = found {
                map.push(found.map * self.config.weight);
                divergence.extend(found.divergence.map(|square| square * self.config.weight));
            }
            diagonal.extend(self.diagonal_divergence(&sight, &Batch { rows, ..batch }, &draws)?);
        }
        let mut terms = vec![velocity.check(), term("jump", &map)];
        let divergences = [("divergence", divergence), ("diagonal-divergence", diagonal)];
        terms
            .extend(divergences.iter().filter(|(_, all)| !all.is_empty()).map(|(name, all)| term(name, all)));
        Ok(terms)
    }
}

/// A term that is the mean of these numbers.
fn term(name: &'static str, parts: &[Tensor]) -> TermCheck {
    let all = Tensor::cat(parts, 0).to_kind(Kind::Double).to_device(Device::Cpu);
    TermCheck { name, objective: Estimate::from_values(&all), balance: None }
}

/// The network as a flow map, which it has to be.
fn map(network: &dyn Network) -> Result<&dyn FlowMap> {
    network.flow_map().ok_or_else(|| Error::Objective {
        objective: FlowMapMatching::NAME,
        part: "a network of one time".to_owned(),
        hint: "give [model] a table flow_map, or take the objective velocity",
    })
}
