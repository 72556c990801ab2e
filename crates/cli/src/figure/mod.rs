//! Figures as PNG files: densities, samples, trajectories and curves, drawn from plain slices.
//!
//! Everything is drawn here, letters included (an 8×8 bitmap font), so that figures need no font library and
//! come out the same, pixel for pixel, on every machine. Points are `[x, y]` with y upwards; a square figure
//! of extent `e` shows `[−e, e]²` and leaves out what lies beyond, as well as numbers that aren't finite.

mod axes;
mod canvas;
mod colormap;
mod curve;
mod density;
mod file;
mod histogram;
mod image_grid;
mod marginals;
mod pairs;
mod sheet;
mod table_column;
mod ticks;
mod trajectory;

pub(crate) use curve::curve_image;
pub(crate) use density::density_image;
pub(crate) use file::save_png;
pub(crate) use histogram::histogram_image;
pub(crate) use image_grid::{Pixels, image_grid};
pub(crate) use marginals::marginals_image;
pub(crate) use pairs::pairs_image;
pub(crate) use sheet::sheet;
pub(crate) use table_column::TableColumn;
pub(crate) use trajectory::trajectories_image;
