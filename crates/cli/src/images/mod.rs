//! What is measured and drawn of a flow of images.

mod config;
mod fid;
mod gaussian;
mod likelihood;
mod neighbours;
mod output;
mod progress;
mod reconstruction;
mod sheets;
mod space;

pub(crate) use config::{FidConfig, ImageEvaluationConfig};
pub(crate) use fid::{compare, section};
pub(crate) use gaussian::{cosine_axes, dequantised};
pub(crate) use likelihood::evaluate;
pub(crate) use output::ImageOutput;
pub(crate) use progress::ProgressSheet;
pub(crate) use reconstruction::reconstruct;
pub(crate) use sheets::draw;
pub(crate) use space::ImageSpace;
