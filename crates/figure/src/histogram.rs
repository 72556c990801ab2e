//! A two-dimensional histogram of samples.

use crate::density::heat_map;
use crate::figure::Figure;

/// Draws an estimate of the density of `points`, each `[x₁, x₂]`: their fraction per area in `n_bins × n_bins` cells
/// of `[−extent, extent]²`, as [`density_image`](crate::density_image) draws it. Points outside the square are
/// counted in the total but in no cell; points that are not finite are left out.
///
/// # Panics
/// When `n_bins` is 0.
pub fn histogram_image(points: &[[f64; 2]], extent: f64, n_bins: usize) -> Figure {
    heat_map(&shares(points, extent, n_bins), n_bins, extent, "samples, density")
}

fn shares(points: &[[f64; 2]], extent: f64, n_bins: usize) -> Vec<f64> {
    let finite = || points.iter().filter(|point| point.iter().all(|number| number.is_finite()));
    let side = 2.0 * extent / n_bins as f64;
    let share = 1.0 / (finite().count().max(1) as f64 * side * side);
    let mut shares = vec![0.0; n_bins * n_bins];
    let bin = |v: f64| {
        let place = f64::midpoint(v / extent, 1.0) * n_bins as f64;
        (0.0..n_bins as f64).contains(&place).then_some(place as usize)
    };
    for &[x, y] in finite() {
        if let (Some(column), Some(row)) = (bin(x), bin(y)) {
            shares[row * n_bins + column] += share;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_by_area_are_a_density() {
        let shares = shares(&[[0.9, 0.9], [0.9, 0.9], [-0.9, -0.9], [5.0, 0.0], [f64::NAN, 0.0]], 1.0, 10);
        let cell = 0.2 * 0.2;
        assert!((shares[99] * cell - 0.5).abs() < 1e-12 && (shares[0] * cell - 0.25).abs() < 1e-12);
        assert!((shares.iter().sum::<f64>() * cell - 0.75).abs() < 1e-12);
    }
}
