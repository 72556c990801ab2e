//! What the coordinates of a flow's ends mean: names and scales of columns, where an end is a table.
//!
//! Training stores them with the flow. They act at the program's edge: what comes in is standardised, what goes out
//! is restored, and log-densities get the Jacobian; the flow itself only sees standardised numbers.

use std::path::Path;

use anyhow::{Context, Result, bail};
use interflow_data::{Columns, Sheet, Table};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::output::column_names;

/// The columns of both ends, where they have any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Units {
    /// The base's columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<Columns>,
    /// The target's columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Columns>,
}

impl Units {
    /// How many of the first coordinates are conditions.
    pub(crate) fn n_given(&self) -> i64 {
        self.target.as_ref().map_or(0, |columns| columns.n_given() as i64)
    }

    /// Whether no end has columns.
    pub(crate) fn is_empty(&self) -> bool {
        self.base.is_none() && self.target.is_none()
    }

    /// Refuses data whose columns are not `self`, those that a checkpoint was trained on.
    pub(crate) fn check_same(&self, found: &Self) -> Result<()> {
        let same = |a: &Option<Columns>, b: &Option<Columns>| match (a, b) {
            (Some(a), Some(b)) => a.agrees_with(b),
            // Checkpoints of POWER had no columns once; they are still good.
            (None, _) => true,
            (Some(_), None) => false,
        };
        if !same(&self.base, &found.base) || !same(&self.target, &found.target) {
            bail!(
                "the data are not those that the flow was trained on: names or scales of the columns differ\n\
                 hint: has the file changed?"
            );
        }
        Ok(())
    }
}

/// Points of an end as they are written: the columns' names and the values in their units.
pub(crate) fn written(columns: Option<&Columns>, points: &Tensor) -> Result<(Vec<String>, Tensor)> {
    match columns {
        Some(columns) => Ok((columns.names(), columns.restore(points)?)),
        None => Ok((column_names(points.size().get(1).copied().unwrap_or(1)), points.shallow_clone())),
    }
}

/// Rows of a file as points of an end.
pub(crate) struct RowsOfFile {
    /// The flow's coordinates `[N, D]`.
    pub(crate) points: Tensor,
    /// The file, where the end has columns.
    pub(crate) sheet: Option<Sheet>,
    /// The chosen values `[N, D]` as they stand in the file.
    pub(crate) values: Tensor,
}

impl RowsOfFile {
    /// Reads `file` as points of an end with `columns`.
    pub(crate) fn read(file: &Path, columns: Option<&Columns>) -> Result<Self> {
        let Some(columns) = columns else {
            let values = Table::read(file)?.values;
            return Ok(Self { points: values.shallow_clone(), sheet: None, values });
        };
        let sheet = Sheet::read(file)?;
        let places = sheet.places_of(&columns.names()).context("the flow wants the columns of its table")?;
        let values = sheet.complete_numbers(&places)?;
        Ok(Self { points: columns.standardise(&values)?, sheet: Some(sheet), values })
    }
}
