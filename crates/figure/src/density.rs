//! A density on a grid.

use image::RgbImage;

use crate::colormap::magma;

/// The least side of a figure made of cells; smaller grids are enlarged by whole factors.
const LEAST_SIDE: usize = 400;

/// Draws `values`, an `n × n` grid in row-major order whose row 0 has the lowest y, from dark (0) to bright
/// (the greatest value). Colours follow the square root of the value, so that thin tails stay visible; negative
/// numbers and NaN are dark. The picture is a square whose cells are as many whole pixels wide as it takes to
/// make its side 400 pixels or more.
///
/// # Panics
/// When `values` doesn't have `n²` entries or `n` is 0.
pub fn density_image(values: &[f64], n: usize) -> RgbImage {
    assert!(
        n > 0 && values.len() == n * n,
        "density_image: values aren't a grid of side {n}: {}",
        values.len()
    );
    let greatest = values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    let factor = LEAST_SIDE.div_ceil(n);
    let side = (n * factor) as u32;
    RgbImage::from_fn(side, side, |x, y| {
        let (column, row) = (x as usize / factor, n - 1 - y as usize / factor);
        let value = values[row * n + column];
        magma(if greatest > 0.0 { (value / greatest).max(0.0).sqrt() } else { 0.0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_zero_is_at_the_bottom() {
        let image = density_image(&[1.0, 0.0, 0.0, 0.0], 2);
        let side = image.width();
        assert_eq!(*image.get_pixel(0, side - 1), magma(1.0));
        assert_eq!(*image.get_pixel(0, 0), magma(0.0));
        assert_eq!(*image.get_pixel(side - 1, side - 1), magma(0.0));
    }

    #[test]
    fn nothing_and_nan_are_dark() {
        let image = density_image(&[0.0, f64::NAN, 0.0, f64::NEG_INFINITY], 2);
        assert!(image.pixels().all(|p| *p == magma(0.0)));
    }
}
