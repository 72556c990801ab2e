//! A two-dimensional histogram of samples.

use image::RgbImage;

use crate::density::density_image;

/// Counts `points`, each `[x, y]`, in `n_bins × n_bins` cells of `[−extent, extent]²` and draws the counts as
/// [`density_image`] does: y upwards, the fullest cell brightest. Points beyond the square and points that aren't
/// finite are left out.
///
/// # Panics
/// When `n_bins` is 0.
pub fn histogram_image(points: &[[f64; 2]], extent: f64, n_bins: usize) -> RgbImage {
    let mut counts = vec![0.0; n_bins * n_bins];
    let bin = |v: f64| {
        let place = f64::midpoint(v / extent, 1.0) * n_bins as f64;
        (0.0..n_bins as f64).contains(&place).then_some(place as usize)
    };
    for &[x, y] in points {
        if let (Some(column), Some(row)) = (bin(x), bin(y)) {
            counts[row * n_bins + column] += 1.0;
        }
    }
    density_image(&counts, n_bins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colormap::magma;

    #[test]
    fn bright_where_dense_with_y_upwards() {
        let image = histogram_image(&[[0.9, 0.9], [0.9, 0.9], [-0.9, -0.9]], 1.0, 10);
        let last = image.width() - 1;
        assert_eq!(*image.get_pixel(last, 0), magma(1.0));
        assert_eq!(*image.get_pixel(0, last), magma(0.5_f64.sqrt()));
        assert_eq!(*image.get_pixel(0, 0), magma(0.0));
    }

    #[test]
    fn points_beyond_the_extent_are_left_out() {
        let image = histogram_image(&[[2.0, 0.0], [f64::NAN, 0.0], [0.0, f64::INFINITY]], 1.0, 10);
        assert!(image.pixels().all(|p| *p == magma(0.0)));
    }
}
