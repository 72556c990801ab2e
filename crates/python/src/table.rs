//! Tables from Python.

use interflow::Result;
use interflow::data::sheet::ColumnValues;
use interflow::data::{Sheet, Table};
use interflow::tch::Tensor;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::capsule::Shared;

/// A table as the package's Python side hands it over: an array with the names of its columns, where these have some, as a
/// pair; or a dict of columns, each a tensor of numbers or a list of texts.
pub(crate) enum Rows {
    /// Numbers, `[N, W]`.
    Array(Tensor, Option<Vec<String>>),
    /// Columns by their titles.
    Columns(Vec<(String, ColumnValues)>),
}

impl<'py> FromPyObject<'_, 'py> for Rows {
    type Error = PyErr;

    fn extract(rows: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Ok(columns) = rows.cast::<PyDict>() else {
            let (array, names): (Shared, Option<Vec<String>>) = rows.extract()?;
            return Ok(Self::Array(array.0, names));
        };
        let column = |(title, values): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
            let values = match values.extract::<Vec<String>>() {
                Ok(texts) => ColumnValues::Texts(texts),
                Err(_) => ColumnValues::Numbers(values.extract::<Shared>()?.0),
            };
            Ok((title.extract()?, values))
        };
        Ok(Self::Columns(columns.iter().map(column).collect::<PyResult<_>>()?))
    }
}

impl Rows {
    /// The table as a file of the same would be read.
    pub(crate) fn sheet(self) -> Result<Sheet> {
        match self {
            Self::Array(values, columns) => Ok(Sheet::from(&Table { columns, values })),
            Self::Columns(columns) => Ok(Sheet::of_columns(columns)?),
        }
    }

    /// The numbers of a table without texts, `[N, W]`.
    pub(crate) fn numbers(self) -> Result<Tensor> {
        match self {
            Self::Array(values, _) => Ok(values),
            columns @ Self::Columns(_) => Ok(columns.sheet()?.table()?.values),
        }
    }
}
