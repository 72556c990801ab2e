//! Between the data's units and the flow's coordinates.

use std::borrow::Cow;

use interflow_core::guidance::{Observation, Observed};
use interflow_core::{Given, GivenSpace, Points};
use interflow_data::{Column, Columns};
use tch::{Device, Kind, Tensor};

use super::Flow;
use crate::error::{Error, Result, refuse};
use crate::images::Levels;
use crate::sample::SampleOptions;

impl Flow {
    /// The conditions of samples in the flow's coordinates.
    pub(super) fn given_of_samples(&self, n: u64, options: &SampleOptions) -> Result<Given> {
        match (self.space().given, &options.given) {
            (GivenSpace::Class { n_classes }, Given::Nothing) => {
                let first = options.first as i64;
                let numbers = Tensor::arange_start(first, first + n as i64, (Kind::Int64, Device::Cpu));
                Ok(Given::Class(numbers.remainder(n_classes)))
            }
            (GivenSpace::Numbers { .. }, Given::Nothing) => {
                let names = self.columns().map_or_else(Vec::new, Columns::given_names);
                refuse(format!("the flow's samples need conditions: {}", names.join(", ")))
            }
            (GivenSpace::Nothing {}, Given::Nothing) => Ok(Given::Nothing),
            (space, given) => {
                given.check("the conditions of samples", space, n as i64)?;
                self.standardise_given(given)
            }
        }
    }

    /// Conditions in the data's units as the flow's own; refuses numbers that are no classes.
    pub(super) fn standardise_given(&self, given: &Given) -> Result<Given> {
        match (self.columns(), given, self.space().given) {
            (Some(columns), Given::Numbers(numbers), _) => Ok(columns.standardise_given(numbers)?),
            (_, Given::Class(class), GivenSpace::Class { n_classes }) => {
                check_classes(class, n_classes)?;
                Ok(given.shallow_clone())
            }
            _ => Ok(given.shallow_clone()),
        }
    }

    pub(super) fn restore_given(&self, given: &Given) -> Result<Given> {
        match (self.columns(), given) {
            (Some(columns), Given::Numbers(numbers)) => Ok(Given::Numbers(columns.restore_given(numbers)?)),
            _ => Ok(given.shallow_clone()),
        }
    }

    /// Observations in the data's units as ones of the flow's coordinates.
    pub(super) fn observed(&self, observations: &[Observation]) -> Result<Observed> {
        let dim = self.space().dim;
        let scales: Vec<(f64, f64)> = self.columns().map_or_else(
            || vec![(0.0, 1.0); dim as usize],
            |columns| columns.states().map(|column| (column.mean, column.deviation)).collect(),
        );
        let scaled = |one: &Observation| -> Result<Observation> {
            let place = usize::try_from(one.coordinate).ok().and_then(|place| scales.get(place));
            let (mean, deviation) = place.ok_or_else(|| {
                Error::refused(format!("the flow has {dim} coordinates, observed: {}", one.coordinate))
            })?;
            if !(one.std > 0.0 && one.std.is_finite() && one.value.is_finite()) {
                return refuse(format!(
                    "an observation wants a finite value and a positive deviation, found: {} ~ {}",
                    one.value, one.std
                ));
            }
            let value = (one.value - mean) / deviation;
            Ok(Observation { coordinate: one.coordinate, value, std: one.std / deviation })
        };
        Ok(Observed(observations.iter().map(scaled).collect::<Result<_>>()?))
    }

    /// The levels that points of time `t` are: images at t = 1. Before it they are states.
    pub(super) fn levels_at(&self, t: f64) -> Option<Levels> {
        self.manifest().target.images.filter(|_| t >= 1.0).map(Levels::new)
    }

    /// What turns log-densities at time `t` in the flow's coordinates into those in the data's units.
    pub(super) fn log_jacobian_at(&self, t: f64) -> f64 {
        match self.levels_at(t) {
            Some(levels) => levels.log_jacobian(),
            None => self.columns_at(t).map_or(0.0, |columns| columns.log_jacobian()),
        }
    }

    /// The columns of the states at time `t`: the base's, the target's or, in between, the target's without a quantum,
    /// since states on the path are multiples of nothing.
    pub(super) fn columns_at(&self, t: f64) -> Option<Cow<'_, Columns>> {
        if t <= 0.0 {
            return self.manifest().base_columns().map(Cow::Borrowed);
        }
        let columns = self.columns()?;
        if t >= 1.0 {
            return Some(Cow::Borrowed(columns));
        }
        let smooth = columns.iter().map(|column| Column { quantum: None, ..column.clone() });
        Columns::new(smooth.collect()).ok().map(Cow::Owned)
    }

    /// Points of time `t` in the data's units as the flow's coordinates.
    pub(super) fn enter(&self, points: &Points, t: f64) -> Result<Points> {
        if let Some(levels) = self.levels_at(t) {
            let x = levels.dequantise(&points.x, self.engine.seed())?;
            return Ok(Points { x, given: self.standardise_given(&points.given)? });
        }
        self.space().check("the flow", &points.x, &points.given)?;
        let given = self.standardise_given(&points.given)?;
        let Some(columns) = self.columns_at(t) else {
            return Ok(Points { x: points.x.shallow_clone(), given });
        };
        let x = points.x.to_device(Device::Cpu).to_kind(Kind::Double);
        let rows = match &points.given {
            Given::Numbers(numbers) if t > 0.0 => {
                Tensor::cat(&[&numbers.to_device(Device::Cpu).to_kind(Kind::Double), &x], 1)
            }
            _ => x,
        };
        Ok(Points { x: columns.standardise(&rows)?.x, given })
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
