//! The columns of a flow's table.

use interflow::data::{self, Clock, Error, Form};
use interflow::tch::{Kind, Tensor};
use pyo3::prelude::*;

use crate::capsule::Shared;
use crate::error::raised;

/// What stands for a missing point of time, as in NumPy.
const MISSING: i64 = i64::MIN;

/// A column of the table that a flow was fitted to.
#[pyclass(frozen, module = "interflow", eq)]
#[derive(PartialEq)]
pub(crate) struct Column {
    /// Its name.
    #[pyo3(get)]
    name: String,
    /// Whether the flow is given it, instead of modelling it.
    #[pyo3(get)]
    given: bool,
    /// What its values are: `number`, `category`, `time`, or `integer` for integers too large for double precision.
    #[pyo3(get)]
    kind: &'static str,
    /// The texts of a category in their order, none for others.
    #[pyo3(get)]
    labels: Vec<String>,
    /// Whether each value has a probability of its own, as integers have.
    #[pyo3(get)]
    discrete: bool,
    /// How times are written; `None` for other columns.
    clock: Option<Clock>,
}

impl From<&data::Column> for Column {
    fn from(column: &data::Column) -> Self {
        let (kind, clock) = match &column.form {
            Form::Number => ("number", None),
            Form::Category { .. } => ("category", None),
            Form::Time(clock) => ("time", Some(clock.clone())),
            Form::Integer { .. } => ("integer", None),
            _ => ("other", None),
        };
        Self {
            name: column.name.clone(),
            given: column.given,
            kind,
            labels: column.form.labels().to_vec(),
            discrete: column.marginal.is_discrete(),
            clock,
        }
    }
}

#[pymethods]
impl Column {
    /// How times are written, in the notation of `strftime`; none for other columns.
    #[getter]
    fn format(&self) -> Option<&str> {
        self.clock.as_ref().map(|clock| &*clock.format)
    }

    /// Whether it is of dates without a time of day.
    #[getter]
    fn is_of_days(&self) -> bool {
        self.clock.as_ref().is_some_and(|clock| clock.unit() == "days")
    }

    /// Whether its times are written in universal time or with their offset from it.
    #[getter]
    fn has_zone(&self) -> bool {
        self.clock.as_ref().is_some_and(Clock::tells_offset)
    }

    /// The points of time of values `[N]`, in microseconds since 1970 began and as `NaT` of NumPy where they are none.
    fn moments(&self, values: Shared) -> PyResult<Shared> {
        let values = values.0;
        let values = Vec::<f64>::try_from(values.to_kind(Kind::Double).contiguous()).map_err(unreadable)?;
        let moment = |value: f64| {
            let present = self.clock.as_ref().filter(|_| !value.is_nan());
            present.and_then(|clock| clock.microseconds(value)).unwrap_or(MISSING)
        };
        let moments: Vec<i64> = values.into_iter().map(moment).collect();
        Ok(Shared(Tensor::from_slice(&moments)))
    }

    /// How points of time, which are as `moments` gives them, are written; empty where they are none.
    fn written(&self, moments: Shared) -> PyResult<Vec<String>> {
        let moments = moments.0;
        let moments = Vec::<i64>::try_from(moments.contiguous()).map_err(unreadable)?;
        moments.into_iter().map(|moment| self.text(moment)).collect()
    }

    fn __repr__(&self) -> String {
        let given = if self.given { ", given" } else { "" };
        format!("Column({:?}, {}{given})", self.name, self.kind)
    }
}

impl Column {
    fn text(&self, moment: i64) -> PyResult<String> {
        let Some(clock) = self.clock.as_ref().filter(|_| moment != MISSING) else { return Ok(String::new()) };
        clock.text_of_microseconds(moment).ok_or_else(|| {
            let found = Clock::new("%Y-%m-%d %H:%M:%S%.f").text_of_microseconds(moment).unwrap_or_default();
            let problem = format!("column `{}` needs {}, found: {found}", self.name, clock.format);
            raised(Error::Rows { problem })
        })
    }
}

fn unreadable(source: interflow::tch::TchError) -> PyErr {
    raised(Error::Torch { operation: "read a column", source })
}
