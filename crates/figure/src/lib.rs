//! Pictures from plain numbers: densities, samples, trajectories and curves, drawn from slices and encoded as PNG.
//!
//! Every function takes plain `f64` slices (images: bytes) and returns an [`RgbImage`]; [`png`] encodes it.
//! Everything is drawn here, letters included (an 8×8 bitmap font; letters beyond ASCII become `?`), so that
//! figures need no font library and come out the same, pixel for pixel, on every machine. Points are `[x, y]` with
//! y upwards; a square figure of extent `e` shows `[−e, e]²` and leaves out what lies beyond, as well as numbers
//! that aren't finite.
//!
//! ```
//! use interflow_figure::{curve_image, png};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let losses = (0..100).map(|step| (f64::from(step), (-0.05 * f64::from(step)).exp()));
//! let image = curve_image(&[("training".to_owned(), losses.collect())], "step", "loss");
//!
//! assert!(png(&image)?.starts_with(b"\x89PNG"));
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

mod axes;
mod canvas;
mod colormap;
pub mod curve;
pub mod density;
pub mod error;
pub mod file;
pub mod histogram;
pub mod image_grid;
pub mod marginals;
pub mod pairs;
pub mod sheet;
pub mod table_column;
mod ticks;
pub mod trajectory;

pub use curve::{Series, curve_image};
pub use density::density_image;
pub use error::{Error, Result};
pub use file::png;
pub use histogram::histogram_image;
pub use image_grid::{Pixels, image_grid};
pub use marginals::marginals_image;
pub use pairs::pairs_image;
pub use sheet::sheet;
pub use table_column::TableColumn;
pub use trajectory::trajectories_image;

/// The picture that every function of this crate returns, so that users need not name the `image` crate's version.
pub use image::RgbImage;
