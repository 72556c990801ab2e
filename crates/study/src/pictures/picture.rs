//! Many images as one picture.

use anyhow::Result;
use interflow_figure::{Pixels, RgbImage, image_grid};
use interflow_flow::images::ImageSpace;
use tch::Tensor;

/// One picture of the images `pixels`, levels `[N, C·H·W]`, arranged in `columns` columns.
///
/// # Errors
/// If the pixels do not have the shape of the flow's images.
pub fn picture(space: &ImageSpace, pixels: &Tensor, columns: usize) -> Result<RgbImage> {
    let levels = space.levels(pixels)?;
    let shape = space.sides().map(|side| side as u32);
    Ok(image_grid(&Pixels { levels: &levels, shape, n_levels: space.n_levels() as u32 }, columns))
}
