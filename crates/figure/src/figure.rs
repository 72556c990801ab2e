//! A drawn figure, and the bytes of its files.

use std::sync::Arc;

use image::RgbImage;

use crate::colormap::INK;
use crate::error::{Error, Result};
use crate::file;
use crate::pdf;
use crate::raster;
use crate::scene::{Area, Scene, Shape};
use crate::svg;

/// A figure: lines, letters and pictures on white. The same input gives the same bytes in each format.
///
/// ```
/// use interflow_figure::{Figure, RgbImage};
///
/// # fn main() -> interflow_figure::Result<()> {
/// let figure = Figure::from(RgbImage::new(30, 20));
/// assert!(figure.png()?.starts_with(b"\x89PNG"));
/// assert!(figure.svg()?.starts_with("<svg "));
/// assert!(figure.pdf().starts_with(b"%PDF"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub(crate) scene: Scene,
    /// Pixels to a point in a PNG file.
    sharpness: f64,
}

impl Figure {
    /// The number of pixels per point in PNG files of drawings.
    pub const SHARPNESS: f64 = 2.0;

    /// An image of pixels as a figure with `sharpness` pixels per point. Use [`Figure::SHARPNESS`] for an image that
    /// was drawn from a figure.
    pub fn picture(image: RgbImage, sharpness: f64) -> Self {
        let [width, height] = [image.width(), image.height()].map(|side| f64::from(side) / sharpness);
        let mut scene = Scene::new(width, height);
        let area = Area { left: 0.0, top: 0.0, width, height };
        scene.add(Shape::Picture { area, image: Arc::new(image) }, INK, 1.0, None);
        Self { scene, sharpness }
    }

    pub(crate) fn drawn(scene: Scene) -> Self {
        Self { scene, sharpness: Self::SHARPNESS }
    }

    /// Whether it is nothing but pixels, which may be enlarged.
    pub(crate) fn is_picture(&self) -> bool {
        matches!(self.scene.marks.as_slice(), [mark] if matches!(mark.shape, Shape::Picture { .. }))
    }

    /// The figure as an image, with two pixels per point of a drawing, or the pixels of an image as they are.
    ///
    /// # Errors
    /// [`Error::Empty`] for a figure without area.
    pub fn image(&self) -> Result<RgbImage> {
        raster::render(&self.scene, self.sharpness).ok_or(Error::Empty)
    }

    /// The figure as the bytes of a PNG file. The caller writes them: this crate writes no files.
    ///
    /// # Errors
    /// [`Error::Empty`] for a figure without area, [`Error::Encode`] if the image cannot be encoded.
    pub fn png(&self) -> Result<Vec<u8>> {
        file::png(&self.image()?)
    }

    /// The figure as the text of an SVG file, which needs no font, because letters are outlines.
    ///
    /// # Errors
    /// [`Error::Encode`] if an image in it cannot be encoded.
    pub fn svg(&self) -> Result<String> {
        svg::write(&self.scene)
    }

    /// The figure as the bytes of a PDF file of one page, a point of it for each of the figure's. It needs no font.
    pub fn pdf(&self) -> Vec<u8> {
        pdf::write(&self.scene)
    }
}

impl From<RgbImage> for Figure {
    /// A picture of pixels as a figure, one pixel to a point.
    fn from(image: RgbImage) -> Self {
        Self::picture(image, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_pixels() {
        let image = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let figure = Figure::from(image.clone());
        assert_eq!(figure.image().unwrap(), image);
        assert_eq!(Figure::picture(image.clone(), 2.0).image().unwrap(), image);
        assert_eq!(image::load_from_memory(&figure.png().unwrap()).unwrap().to_rgb8(), image);
    }

    #[test]
    fn a_picture_without_pixels_is_an_error() {
        assert!(
            file::png(&RgbImage::new(0, 3)).unwrap_err().to_string().contains("cannot encode the picture")
        );
        assert!(Figure::from(RgbImage::new(0, 3)).png().unwrap_err().to_string().contains("no area"));
    }
}
