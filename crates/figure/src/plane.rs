//! The square panel in which two-dimensional states are shown, with room at its right for a colour bar or a legend.

use crate::axes::{Axis, Frame};
use crate::figure::Figure;
use crate::scene::{Area, Scene};
use crate::style::NEAR;

/// About the side of the square.
const SIDE: f64 = 192.0;
/// The room at its right.
pub(crate) const RIGHT: f64 = 72.0;

/// An empty panel that shows `[−extent, extent]²`, and its page. With `n_cells` in a row a cell has whole pixels, and all
/// cells are alike.
pub(crate) fn plane(extent: f64, n_cells: usize) -> (Scene, Frame) {
    let cell = (SIDE * Figure::SHARPNESS / n_cells as f64).round().max(1.0);
    let side = cell * n_cells as f64 / Figure::SHARPNESS;
    let axis = |name: &str| Axis::new((-extent, extent), name, 5);
    let (x, y) = (axis("x₁"), axis("x₂"));
    let (left, top) = (y.breadth().ceil(), NEAR + 1.0);
    let scene = Scene::new(left + side + RIGHT, (top + side + x.depth()).ceil());
    (scene, Frame { area: Area { left, top, width: side, height: side }, x, y })
}
