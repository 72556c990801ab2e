//! A flow's points of tables from Python.

use interflow::core::{Given, GivenSpace, Points};
use interflow::data::Columns;
use interflow::flow::TableRows;
use interflow::tch::{Kind, Tensor};
use interflow::{Error, Flow, Result};
use pyo3::prelude::*;

use crate::capsule::Shared;
use crate::table::Rows;

/// What points are given: rows of numbers or of a table's columns, or classes, `[N]`; one row may stand for all.
#[derive(Default)]
pub(crate) struct Conditions(Option<Condition>);

enum Condition {
    Rows(Rows),
    Classes(Tensor),
}

impl<'py> FromPyObject<'_, 'py> for Conditions {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if given.is_none() {
            return Ok(Self(None));
        }
        let condition = match given.extract::<Shared>() {
            Ok(classes) => Condition::Classes(classes.0),
            Err(_) => Condition::Rows(given.extract()?),
        };
        Ok(Self(Some(condition)))
    }
}

impl Conditions {
    /// As the flow takes them, in the data's units.
    pub(crate) fn of(self, flow: &Flow) -> Result<Given> {
        let space = flow.columns().map_or(flow.space(), Columns::rows_space).given;
        match (self.0, space) {
            (None, _) => Ok(Given::Nothing),
            (Some(Condition::Classes(classes)), GivenSpace::Class { .. }) => {
                Ok(Given::Class(classes.to_kind(Kind::Int64)))
            }
            (Some(Condition::Rows(rows)), GivenSpace::Numbers { .. }) => {
                Ok(Given::Numbers(match flow.columns() {
                    Some(columns) => rows.sheet()?.values_of(columns.given())?,
                    None => rows.numbers()?,
                }))
            }
            (Some(_), GivenSpace::Nothing {}) => refuse("the flow is given nothing\nhint: leave out given"),
            (Some(_), GivenSpace::Class { .. }) => {
                refuse("the flow is given a class, which is a whole number")
            }
            (Some(_), _) => refuse("the flow is given columns of its table\nhint: name them, as in a dict"),
        }
    }
}

/// The rows of a table, whose own columns say what they are given unless `conditions` do.
pub(crate) fn table_rows(flow: &Flow, rows: Rows, conditions: Conditions) -> Result<TableRows> {
    let given = conditions.of(flow)?;
    let Some(columns) = flow.columns() else {
        let values = rows.numbers()?;
        let given = expanded(given, values.size().first().copied().unwrap_or(0));
        return Ok(TableRows { points: Points { x: values.shallow_clone(), given }, values });
    };
    let sheet = rows.sheet()?;
    let values = match expanded(given, sheet.n_rows() as i64) {
        Given::Numbers(given) => {
            let states = sheet.values_of(columns.states())?;
            if given.size()[0] != states.size()[0] {
                let (rows, found) = (states.size()[0], given.size()[0]);
                return refuse(format!(
                    "expected what each of {rows} rows is given, found rows of it: {found}"
                ));
            }
            Tensor::cat(&[given, states], 1)
        }
        _ => sheet.values_of(columns.iter())?,
    };
    let n_given = columns.given().count() as i64;
    let n_states = values.size()[1] - n_given;
    let given = if n_given > 0 { Given::Numbers(values.narrow(1, 0, n_given)) } else { Given::Nothing };
    Ok(TableRows { points: Points { x: values.narrow(1, n_given, n_states), given }, values })
}

/// One condition for all `n` points, where there is one.
pub(crate) fn expanded(given: Given, n: i64) -> Given {
    match given {
        Given::Numbers(numbers) if numbers.size().first() == Some(&1) => {
            Given::Numbers(numbers.expand([n, -1], false))
        }
        Given::Class(classes) if classes.size() == [1] => Given::Class(classes.expand([n], false)),
        given => given,
    }
}

/// Each condition `n` times.
pub(crate) fn repeated(given: Given, n: i64) -> Given {
    match given {
        Given::Numbers(numbers) => Given::Numbers(numbers.repeat_interleave_self_int(n, 0, None)),
        Given::Class(classes) => Given::Class(classes.repeat_interleave_self_int(n, 0, None)),
        Given::Nothing => Given::Nothing,
    }
}

/// Refuses what was asked for.
pub(crate) fn refuse<T>(problem: impl Into<String>) -> Result<T> {
    Err(Error::Refused { problem: problem.into() })
}
