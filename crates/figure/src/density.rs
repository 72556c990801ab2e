//! A density on a grid.

use std::sync::Arc;

use image::RgbImage;

use crate::axes::{Axis, text};
use crate::colormap::{AXIS, INK, magma};
use crate::figure::Figure;
use crate::plane::{RIGHT, plane};
use crate::scene::{Anchor, Area, Scene, Shape, Text};
use crate::style::{NAME, NEAR, TICK};

/// The colour bar's width, and how many colours it shows.
const BAR: f64 = 10.0;
const N_COLORS: u32 = 192;

/// Draws `values`, densities on an `n × n` grid over `[−extent, extent]²` in row-major order with the lowest x₂ in
/// row 0, from dark (0) to bright (the largest value), with a colour bar. Colours follow the square root of the
/// value, so that thin tails stay visible; negative numbers and NaN are dark.
///
/// # Panics
/// When `values` doesn't have `n²` entries or `n` is 0.
pub fn density_image(values: &[f64], n: usize, extent: f64) -> Figure {
    heat_map(values, n, extent, "density")
}

/// The same for numbers of this name.
pub(crate) fn heat_map(values: &[f64], n: usize, extent: f64, name: &str) -> Figure {
    assert!(n > 0 && values.len() == n * n, "heat map: values aren't a grid of side {n}: {}", values.len());
    let greatest = values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    let (mut scene, frame) = plane(extent, n);
    let image = Arc::new(cells(values, n, greatest));
    scene.add(Shape::Picture { area: frame.area, image }, INK, 1.0, None);
    frame.draw_axes(&mut scene);
    let left = frame.area.right() + 2.0 * NEAR;
    draw_bar(&mut scene, Area { left, width: BAR, ..frame.area }, (greatest, name));
    Figure::drawn(scene)
}

/// One pixel for each cell.
fn cells(values: &[f64], n: usize, greatest: f64) -> RgbImage {
    RgbImage::from_fn(n as u32, n as u32, |x, y| {
        let value = values[(n - 1 - y as usize) * n + x as usize];
        magma(if greatest > 0.0 { (value / greatest).max(0.0).sqrt() } else { 0.0 })
    })
}

/// Draws which colour is which number, from 0 at the bottom to the greatest.
fn draw_bar(scene: &mut Scene, area: Area, (greatest, name): (f64, &str)) {
    let image = RgbImage::from_fn(1, N_COLORS, |_, y| magma(1.0 - f64::from(y) / f64::from(N_COLORS - 1)));
    scene.add(Shape::Picture { area, image: Arc::new(image) }, INK, 1.0, None);
    scene.frame(area, AXIS);
    if greatest > 0.0 {
        let axis = Axis::new((0.0, greatest), name, 5);
        for (value, number) in axis.numbered() {
            let y = area.bottom() - axis.share(value).sqrt() * area.height;
            scene.rule([area.right(), y], [area.right() + 3.0, y], AXIS);
            scene.text(text([area.right() + 5.0, y + 0.36 * TICK], number, TICK, Anchor::Start));
        }
    }
    let at = [area.left - 2.0 * NEAR + RIGHT - 2.0, area.top + area.height / 2.0];
    scene.text(Text { upwards: true, ..text(at, name.to_owned(), NAME, Anchor::Middle) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_zero_is_at_the_bottom() {
        let image = cells(&[1.0, 0.0, 0.0, 0.0], 2, 1.0);
        assert_eq!(*image.get_pixel(0, 1), magma(1.0));
        assert_eq!(*image.get_pixel(0, 0), magma(0.0));
        assert_eq!(*image.get_pixel(1, 1), magma(0.0));
    }

    #[test]
    fn nothing_and_nan_are_dark() {
        let image = cells(&[0.0, f64::NAN, 0.0, f64::NEG_INFINITY], 2, 0.0);
        assert!(image.pixels().all(|p| *p == magma(0.0)));
        density_image(&[f64::NAN; 4], 2, 1.0).png().unwrap();
    }

    #[test]
    fn neighbouring_cells_meet_without_a_seam() {
        let image = density_image(&[1.0; 100], 10, 3.0).image().unwrap();
        let bright = image.pixels().filter(|pixel| **pixel == magma(1.0)).count();
        // The frame's line hides the outermost pixels.
        assert!(bright > 376 * 376, "{bright}");
    }
}
