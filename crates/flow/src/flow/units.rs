//! Between the data's units and the flow's coordinates.

use std::borrow::Cow;

use interflow_core::guidance::{Observation, Observed};
use interflow_core::{Given, GivenSpace, Points, Space, known};
use interflow_data::Columns;
use tch::{Device, Kind, Tensor};

use super::Flow;
use super::draws::Draw;
use crate::error::{Result, refuse};
use crate::images::{Levels, check_states};
use crate::sample::SampleOptions;

impl Flow {
    /// The conditions of samples in the flow's coordinates.
    pub(super) fn given_of_samples(&self, n: u64, options: &SampleOptions) -> Result<Given> {
        match (self.rows_space().given, &options.given) {
            (GivenSpace::Class { n_classes }, Given::Nothing) => {
                let first = options.first as i64;
                let numbers = Tensor::arange_start(first, first + n as i64, (Kind::Int64, Device::Cpu));
                Ok(Given::Class(numbers.remainder(n_classes)))
            }
            (GivenSpace::Numbers { .. }, Given::Nothing) => {
                let names = self.columns().map_or_else(Vec::new, Columns::given_names);
                refuse(format!("the flow's samples need conditions: {}", names.join(", ")))
            }
            (GivenSpace::Nothing {}, Given::Nothing) => self.standardise_given(&Given::Nothing, n as i64),
            (space, given) => {
                given.check("the conditions of samples", space, n as i64)?;
                self.standardise_given(given, n as i64)
            }
        }
    }

    /// The dimension of its points in the data's units and what they are given.
    fn rows_space(&self) -> Space {
        self.columns().map_or_else(|| self.space(), Columns::rows_space)
    }

    /// Conditions of `n` points in the data's units as the flow's own; refuses numbers that are no classes. Of a flow that can be
    /// told coordinates, none are.
    pub(super) fn standardise_given(&self, given: &Given, n: i64) -> Result<Given> {
        let own = match (self.columns(), given, self.space().given) {
            (Some(columns), Given::Numbers(numbers), _) => {
                columns.check_given(numbers)?;
                columns.standardise_given(numbers)?
            }
            (_, Given::Class(class), GivenSpace::Class { n_classes }) => {
                check_classes(class, n_classes)?;
                given.shallow_clone()
            }
            _ => given.shallow_clone(),
        };
        if !self.manifest().target.fill {
            return Ok(own);
        }
        Ok(known::nothing(&own, &Tensor::zeros([n, self.space().dim], (Kind::Double, Device::Cpu))))
    }

    pub(super) fn restore_given(&self, given: &Given) -> Result<Given> {
        match (self.columns(), given) {
            (Some(columns), Given::Numbers(_)) if columns.given().next().is_none() => Ok(Given::Nothing),
            (Some(columns), Given::Numbers(numbers)) => Ok(Given::Numbers(columns.restore_given(numbers)?)),
            _ => Ok(given.shallow_clone()),
        }
    }

    /// Observations in the data's units as ones of the flow's coordinates.
    pub(super) fn observed(&self, observations: &[Observation]) -> Result<Observed> {
        let dim = self.space().dim;
        let scaled = |one: &Observation| -> Result<Observation> {
            if !(0..dim).contains(&one.coordinate) {
                return refuse(format!("the flow has {dim} coordinates, observed: {}", one.coordinate));
            }
            if !(one.std > 0.0 && one.std.is_finite() && one.value.is_finite()) {
                return refuse(format!(
                    "an observation needs a finite value and a positive deviation, found: {} ~ {}",
                    one.value, one.std
                ));
            }
            let Some(columns) = self.columns() else { return Ok(*one) };
            // Near the value a column's map is its tangent.
            let (value, slope) = columns.tangent(one.coordinate, one.value)?;
            Ok(Observation { coordinate: one.coordinate, value, std: one.std * slope })
        };
        Ok(Observed(observations.iter().map(scaled).collect::<Result<_>>()?))
    }

    /// The levels that points of time `t` are: images at t = 1. Before it they are states.
    pub(super) fn levels_at(&self, t: f64) -> Option<Levels> {
        self.manifest().target.images.filter(|_| t >= 1.0).map(Levels::new)
    }

    /// The columns of the states at time `t`: the base's, the target's or, in between, the target's without a quantum, since
    /// states on the path are multiples of nothing. Where more than mean and deviation makes their coordinates, these are all that
    /// states in between are.
    pub(super) fn columns_at(&self, t: f64) -> Option<Cow<'_, Columns>> {
        if t <= 0.0 {
            return self.manifest().base_columns().map(Cow::Borrowed);
        }
        let columns = self.columns()?;
        if t >= 1.0 {
            return Some(Cow::Borrowed(columns));
        }
        columns.scales().is_some().then(|| Cow::Owned(columns.without_quanta()))
    }

    /// Points of time `t` in the data's units as the flow's coordinates, with what turns a log-density of these into one in the
    /// data's units, in nats: one number, or one for each, `[N]`.
    pub(super) fn enter(&self, points: &Points, t: f64) -> Result<(Points, Tensor)> {
        self.enter_at(points, t, &Draw::first(self.space().dim))
    }

    /// As [`Flow::enter`], with values that have cells placed in them by `draw`.
    pub(super) fn enter_at(&self, points: &Points, t: f64, draw: &Draw) -> Result<(Points, Tensor)> {
        if let Some(levels) = self.levels_at(t) {
            let x = levels.draw(&points.x, self.engine.seed(), draw.number)?;
            let log_jacobian = levels.log_jacobian(&x);
            let entered = Points { x, given: self.standardise_given(&points.given, points.len())? };
            return Ok((entered, log_jacobian));
        }
        if self.manifest().target.images.is_some() {
            check_states(&points.x, t)?;
        }
        self.rows_space().check("the flow", &points.x, &points.given)?;
        let given = self.standardise_given(&points.given, points.len())?;
        let Some(columns) = self.columns_at(t) else {
            return Ok((Points { x: points.x.shallow_clone(), given }, Tensor::from(0.0)));
        };
        let share = draw.place.unsqueeze(0).expand(points.x.size(), false);
        let found = columns.standardise_by(&rows(points, t), &share)?;
        Ok((Points { x: found.points.x, given }, found.log_jacobian))
    }

    /// As [`Flow::enter`], but a row that cannot be is refused: the coordinates that it would get are no row's.
    pub(super) fn enter_possible(&self, points: &Points, t: f64) -> Result<Points> {
        let (entered, _) = self.enter(points, t)?;
        if let Some(columns) = self.columns_at(t) {
            columns.check_possible(&points.x)?;
        }
        Ok(entered)
    }

    /// A score in the flow's coordinates at points of time `t` in the data's units as one in these units.
    pub(super) fn score_in_units(&self, score: Tensor, points: &Points, t: f64) -> Result<Tensor> {
        let Some(columns) = self.columns_at(t) else { return Ok(score) };
        let (slope, bend) = columns.slopes(&rows(points, t))?;
        Ok(score * slope + bend)
    }

    /// The flow's states at time `t` in the data's units, on the CPU.
    pub(super) fn leave(&self, x: &Tensor, t: f64) -> Result<Tensor> {
        match (self.columns_at(t), self.levels_at(t)) {
            (Some(columns), _) => Ok(columns.restore(x)?),
            (None, Some(levels)) => Ok(levels.quantise(x)),
            (None, None) => Ok(x.to_device(Device::Cpu)),
        }
    }
}

impl Flow {
    /// The flow's states at time 1 in the data's units with what is added to their log-densities there, `[N]` or one number. Where
    /// values are cells, a state counts at its own place in its cell.
    pub(super) fn leave_with_log_jacobian(&self, z: &Tensor) -> Result<(Tensor, Tensor)> {
        let x = self.leave(z, 1.0)?;
        let log_jacobian = match (self.columns_at(1.0), self.levels_at(1.0)) {
            (Some(columns), _) => columns.log_jacobian_of(z, &x)?,
            (None, Some(levels)) => levels.log_jacobian(z),
            (None, None) => Tensor::from(0.0),
        };
        Ok((x, log_jacobian))
    }
}

/// States of time `t` behind what they are given, as the rows of a table have them.
fn rows(points: &Points, t: f64) -> Tensor {
    let double = |x: &Tensor| x.to_device(Device::Cpu).to_kind(Kind::Double);
    match &points.given {
        Given::Numbers(numbers) if t > 0.0 => Tensor::cat(&[double(numbers), double(&points.x)], 1),
        _ => double(&points.x),
    }
}

/// Refuses a number that is no class: `n_classes` itself stands for no class.
fn check_classes(class: &Tensor, n_classes: i64) -> Result<()> {
    if class.numel() == 0 {
        return Ok(());
    }
    let (least, greatest) = (class.min().int64_value(&[]), class.max().int64_value(&[]));
    if least >= 0 && greatest <= n_classes {
        return Ok(());
    }
    let found = if least < 0 { least } else { greatest };
    refuse(format!("the flow's classes are the numbers below {n_classes}, found: {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_classes_are_refused() {
        let of = |numbers: &[i64]| check_classes(&Tensor::from_slice(numbers), 3);
        assert!(of(&[]).is_ok() && of(&[0, 2, 3]).is_ok());
        for (numbers, found) in [([1, 4], "found: 4"), ([-1, 2], "found: -1")] {
            let error = of(&numbers).unwrap_err();
            assert!(error.to_string().ends_with(found), "{error}");
        }
    }
}
