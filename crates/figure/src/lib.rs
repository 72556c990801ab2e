//! Figures from plain numbers: densities, samples, trajectories, curves and tables, as SVG, PNG and PDF.
//!
//! Every function takes plain `f64` slices (images: bytes) and returns a [`Figure`], which gives the bytes of its files.
//! A figure is drawn once, as a list of lines, areas, discs, pictures and letters; SVG writes the list down, and PNG fills
//! the same outlines by `tiny-skia`. Letters are outlines of a font that is part of the program, so that figures need no
//! font of the system, neither where they are drawn nor where they are seen, and come out the same each time. Points are
//! `[x₁, x₂]` with x₂ upwards; a panel of extent `e` shows `[−e, e]²` and leaves out what lies beyond, as well as numbers
//! that aren't finite. Colours stay apart for colour-blind readers, and legends lie beside the data.
//!
//! ```
//! use interflow_figure::curve_image;
//!
//! # fn main() -> interflow_figure::Result<()> {
//! let losses = (0..100).map(|step| (f64::from(step), (-0.05 * f64::from(step)).exp()));
//! let figure = curve_image(&[("training".to_owned(), losses.collect())], "step", "loss");
//!
//! assert!(figure.png()?.starts_with(b"\x89PNG") && figure.svg()?.starts_with("<svg"));
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

pub mod animation;
mod axes;
mod colormap;
pub mod curve;
pub mod density;
pub mod error;
pub mod figure;
pub mod file;
mod font;
pub mod histogram;
pub mod image_grid;
mod legend;
pub mod marginals;
pub mod pairs;
mod pdf;
mod plane;
mod raster;
mod scene;
pub mod sheet;
mod smooth;
mod style;
mod svg;
pub mod table_column;
mod ticks;
pub mod trajectory;

pub use animation::animation;
pub use curve::{Series, course_image, curve_image};
pub use density::density_image;
pub use error::{Error, Result};
pub use figure::Figure;
pub use file::png;
pub use histogram::histogram_image;
pub use image_grid::{Pixels, image_grid};
pub use marginals::marginals_image;
pub use pairs::pairs_image;
pub use sheet::sheet;
pub use svg::inlined;
pub use table_column::TableColumn;
pub use trajectory::trajectories_image;

/// An image of pixels, so that users need not name the version of the `image` crate.
pub use image::RgbImage;
