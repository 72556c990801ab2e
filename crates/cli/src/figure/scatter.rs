//! Samples as dots.

use image::RgbImage;

use super::canvas::{Pen, border, disc, place};
use super::colormap::{BLUE, GRID, WHITE};

/// Draws `points` as translucent dots on a square of `size` pixels; many points make fainter dots.
pub(crate) fn scatter_image(points: &[[f64; 2]], extent: f64, size: u32) -> RgbImage {
    let mut image = RgbImage::from_pixel(size.max(1), size.max(1), WHITE);
    let opacity = (1.0 - 0.2 * (points.len().max(1) as f64 / 100.0).log10()).clamp(0.2, 0.9);
    let pen = Pen { color: BLUE, width: (f64::from(size) / 200.0).max(1.5), opacity };
    for &point in points.iter().filter(|p| p.iter().all(|v| v.abs() <= extent)) {
        disc(&mut image, place(point, extent, size), pen);
    }
    border(&mut image, GRID);
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_lies_at_its_point() {
        let image = scatter_image(&[[0.5, 0.5]], 1.0, 100);
        assert_ne!(*image.get_pixel(75, 25), WHITE);
        assert_eq!(*image.get_pixel(75, 75), WHITE);
        assert_eq!(*image.get_pixel(25, 25), WHITE);
    }

    #[test]
    fn points_that_are_not_finite_are_left_out() {
        assert_eq!(scatter_image(&[[f64::NAN, 0.0]], 1.0, 50), scatter_image(&[], 1.0, 50));
    }
}
