//! From pixels to one picture of many images.

use anyhow::Result;
use interflow_figure::{Pixels, RgbImage, image_grid};
use interflow_flow::images::ImageSpace;
use tch::Tensor;

/// The images of `pixels`, levels `[N, C·H·W]` of a flow's images, in rows of `columns`.
///
/// # Errors
/// If they are not pixels of these images.
pub fn picture(space: &ImageSpace, pixels: &Tensor, columns: usize) -> Result<RgbImage> {
    let levels = space.levels(pixels)?;
    let shape = space.sides().map(|side| side as u32);
    Ok(image_grid(&Pixels { levels: &levels, shape, n_levels: space.n_levels() as u32 }, columns))
}
