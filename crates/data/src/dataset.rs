//! What a flow wants of a data set.

use interflow_core::source::Source;
use interflow_core::{Points, Space};
use tch::Tensor;

use crate::columns::Columns;
use crate::image::ImageParts;
use crate::whitening::Whitening;

/// Data that a flow is trained and judged on, split into training, validation and test points.
///
/// A data set of one's own implements the four methods without a default; [`crate::TableDataset`] and
/// [`crate::ImageDataset`] do so for rows and for images. Sources yield *the flow's points*. Where a data set is whitened
/// ([`Dataset::whitening`]), its test points are the rows before whitening, so that what is reported of them is
/// reported in the units of the rows.
pub trait Dataset: Send {
    /// The dimension D of the flow's points and what they are given.
    fn space(&self) -> Space;

    /// The source that training draws from.
    fn training(&self) -> Box<dyn Source>;

    /// The source of the points that training is watched by and never sees.
    fn held_out(&self) -> Box<dyn Source>;

    /// The first `n` test points, or all where there are fewer. They are the same at every call with the same `seed`.
    fn test(&self, n: i64, seed: u64) -> Points;

    /// All training points once, `[N, D]`, as the flow sees them, in an order that `seed` decides on; nothing where
    /// they are too many to be held at once.
    fn training_points(&self, _seed: u64) -> Option<Points> {
        None
    }

    /// The names and scales of the columns, where the points are standardised rows of a table.
    fn columns(&self) -> Option<&Columns> {
        None
    }

    /// The map from the test points to the flow's points, where these are whitened.
    fn whitening(&self) -> Option<&Whitening> {
        None
    }

    /// The images with their labels, where the data set is one of images.
    fn images(&self) -> Option<&ImageParts> {
        None
    }

    /// What is added to a log-density of each of the points of [`Dataset::test`] to get the one that is reported, in nats: one
    /// number for all, or one for each, `[n]`. A table's densities are reported for the rows as they stand in the file.
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
