//! The columns of a flow's table.

use interflow::data::{self, Form};
use pyo3::prelude::*;

/// A column of the table that a flow was fitted to.
#[pyclass(frozen, get_all, module = "interflow", eq)]
#[derive(PartialEq)]
pub(crate) struct Column {
    /// Its name.
    name: String,
    /// Whether the flow is given it, instead of modelling it.
    given: bool,
    /// What its values are: `number`, `category`, `time`, or `integer` for integers too large for double precision.
    kind: &'static str,
    /// The texts of a category in their order, none for others.
    labels: Vec<String>,
    /// Whether each value has a probability of its own, as integers have.
    discrete: bool,
}

impl From<&data::Column> for Column {
    fn from(column: &data::Column) -> Self {
        let kind = match column.form {
            Form::Number => "number",
            Form::Category { .. } => "category",
            Form::Time(_) => "time",
            Form::Integer { .. } => "integer",
            _ => "other",
        };
        Self {
            name: column.name.clone(),
            given: column.given,
            kind,
            labels: column.form.labels().to_vec(),
            discrete: column.marginal.is_discrete(),
        }
    }
}

#[pymethods]
impl Column {
    fn __repr__(&self) -> String {
        let given = if self.given { ", given" } else { "" };
        format!("Column({:?}, {}{given})", self.name, self.kind)
    }
}
