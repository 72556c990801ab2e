//! Small images in a grid, upscaled by whole pixels.

use image::{Rgb, RgbImage};

use crate::colormap::WHITE;

/// The least side, in pixels, at which a single image is shown.
const LEAST_SIDE: u32 = 48;
const GAP: u32 = 2;

/// Images of one size, image after image, each in channel, row, column order (`[N, C, H, W]`, row-major).
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    /// The levels of all pixels, `N·C·H·W` numbers in 0..`n_levels`; larger ones are shown as the highest level.
    pub levels: &'a [u8],
    /// The numbers of channels, rows and columns, `[C, H, W]`. Three channels are red, green and blue; for another
    /// number of channels, the first is shown as grey.
    pub shape: [u32; 3],
    /// The number of levels of a pixel; level 0 is black and level `n_levels − 1` is white.
    pub n_levels: u32,
}

impl Pixels<'_> {
    /// The number N of images.
    pub fn n(&self) -> usize {
        self.levels.len() / self.shape.iter().product::<u32>().max(1) as usize
    }

    /// Image number `index`, counted from 0, as a picture of W × H pixels.
    ///
    /// # Panics
    /// When `index` is not below [`Self::n`].
    pub fn image(&self, index: usize) -> RgbImage {
        let [channels, height, width] = self.shape;
        let area = (height * width) as usize;
        let first = index * channels as usize * area;
        RgbImage::from_fn(width, height, |x, y| {
            let place = first + (y * width + x) as usize;
            let channel =
                |c: usize| self.brightness(self.levels[place + if channels == 3 { c * area } else { 0 }]);
            Rgb([channel(0), channel(1), channel(2)])
        })
    }

    /// A level as one of 256.
    fn brightness(&self, level: u8) -> u8 {
        let top = self.n_levels.saturating_sub(1).max(1);
        (u32::from(level).min(top) * 255 + top / 2).div_euclid(top) as u8
    }
}

/// Arranges the images row by row in `columns` columns on white, two pixels apart; the number of columns is clamped
/// to 1..=N. Images smaller than 48 pixels are enlarged by the smallest whole factor that gives their longer side at
/// least as many.
pub fn image_grid(pixels: &Pixels<'_>, columns: usize) -> RgbImage {
    let [_, height, width] = pixels.shape;
    let factor = LEAST_SIDE.div_ceil(height.max(width).max(1));
    let n = pixels.n();
    let columns = columns.clamp(1, n.max(1)) as u32;
    let rows = (n as u32).div_ceil(columns);
    let (step_x, step_y) = (width * factor + GAP, height * factor + GAP);
    let mut page = RgbImage::from_pixel(columns * step_x + GAP, rows * step_y + GAP, WHITE);
    for index in 0..n as u32 {
        let image = pixels.image(index as usize);
        let (left, top) = (GAP + index % columns * step_x, GAP + index / columns * step_y);
        for y in 0..height * factor {
            for x in 0..width * factor {
                page.put_pixel(left + x, top + y, *image.get_pixel(x / factor, y / factor));
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_keep_their_colours_and_places() {
        // Two images of 1 × 2 pixels in three channels.
        let levels = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120];
        let pixels = Pixels { levels: &levels, shape: [3, 1, 2], n_levels: 256 };
        assert_eq!(*pixels.image(0).get_pixel(1, 0), Rgb([20, 40, 60]));
        let page = image_grid(&pixels, 1);
        // Each side is upscaled 24 times.
        assert_eq!(page.dimensions(), (48 + 4, 2 * (24 + 2) + 2));
        assert_eq!(*page.get_pixel(2, 2), Rgb([10, 30, 50]));
        assert_eq!(*page.get_pixel(2 + 24, 2 + 23), Rgb([20, 40, 60]));
        assert_eq!(*page.get_pixel(2 + 47, 2 + 26), Rgb([80, 100, 120]));
        assert_eq!(*page.get_pixel(2, 26), WHITE);
    }

    #[test]
    fn few_levels_fill_the_range_of_grey() {
        let pixels = Pixels { levels: &[0, 8, 16, 200], shape: [1, 1, 1], n_levels: 17 };
        let greys: Vec<u8> = (0..4).map(|index| pixels.image(index).get_pixel(0, 0).0[0]).collect();
        assert_eq!(greys, [0, 128, 255, 255]);
        assert_eq!(image_grid(&Pixels { levels: &[], ..pixels }, 4).dimensions(), (52, 2));
    }
}
