//! The trait of data sets.

use std::fmt;

use interflow_core::source::Source;
use interflow_core::{Points, Space};
use tch::Tensor;

use crate::columns::Columns;
use crate::image::ImageParts;
use crate::whitening::Whitening;

/// Data to train and evaluate a flow, split into training, validation and test points.
///
/// A data set of your own implements the four methods without a default; [`crate::TableDataset`] and
/// [`crate::ImageDataset`] do so for rows and for images. Sources yield points in the flow's coordinates. If a data
/// set is whitened ([`Dataset::whitening`]), its test points are the rows before whitening, so that results are in
/// the units of the rows.
pub trait Dataset: Send {
    /// The dimension D of the flow's points and their conditions.
    fn space(&self) -> Space;

    /// The source from which training draws.
    fn training(&self) -> Box<dyn Source>;

    /// The source of validation points, which watch training and are never trained on.
    fn held_out(&self) -> Box<dyn Source>;

    /// The first `n` test points, or all if there are fewer. They are the same at every call with the same `seed`.
    fn test(&self, n: i64, seed: u64) -> Points;

    /// All training points once, states `[N, D]`, in the flow's coordinates and in an order that depends on `seed`;
    /// `None` if there are too many to hold at once.
    fn training_points(&self, _seed: u64) -> Option<Points> {
        None
    }

    /// The names and scales of the columns, if the points are standardised rows of a table.
    fn columns(&self) -> Option<&Columns> {
        None
    }

    /// The map from the test points to the flow's points, if these are whitened.
    fn whitening(&self) -> Option<&Whitening> {
        None
    }

    /// The images with their labels, if the data are images.
    fn images(&self) -> Option<&ImageParts> {
        None
    }

    /// What to add to the log-density of each point of [`Dataset::test`] to get the one that is reported, in nats:
    /// one number for all, or `[n]`. For a table, the densities of the rows as they are in the file are reported.
    fn log_jacobian(&self, _n: i64, _seed: u64) -> Tensor {
        Tensor::from(0.0)
    }

    /// As [`Dataset::training_points`], but in the units of the test points.
    fn training_rows(&self, seed: u64) -> Option<Points> {
        let points = self.training_points(seed)?;
        Some(match self.whitening() {
            Some(whitening) => Points { x: whitening.restore(&points.x), given: points.given },
            None => points,
        })
    }
}

impl fmt::Debug for dyn Dataset + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("space", &self.space())
            .field("columns", &self.columns())
            .finish_non_exhaustive()
    }
}
