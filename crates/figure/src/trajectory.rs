//! Paths of particles from base to target.

use image::RgbImage;

use crate::canvas::{Pen, border, disc, place, polyline};
use crate::colormap::{BLUE, GRID, INK, ORANGE, WHITE};

/// Draws each path, points `[x, y]` in order of time, as a thin line from its start (blue dot) to its end (orange
/// dot), on a square picture of `size × size` pixels that shows `[−extent, extent]²`. The more paths there are, the
/// fainter the lines and the smaller the dots.
pub fn trajectories_image(paths: &[Vec<[f64; 2]>], extent: f64, size: u32) -> RgbImage {
    let mut image = RgbImage::from_pixel(size.max(1), size.max(1), WHITE);
    let many = (paths.len().max(1) as f64 / 50.0).max(1.0);
    let stroke = Pen { color: INK, width: 0.8, opacity: (0.5 / many.sqrt()).max(0.08) };
    let width = (f64::from(size) / 110.0 / many.powf(0.25)).max(2.0);
    for path in paths {
        let line: Vec<_> = path.iter().map(|&point| place(point, extent, size)).collect();
        polyline(&mut image, &line, stroke);
    }
    for (ends, color) in [
        (paths.iter().filter_map(|p| p.first()).collect::<Vec<_>>(), BLUE),
        (paths.iter().filter_map(|p| p.last()).collect(), ORANGE),
    ] {
        for &end in ends {
            disc(&mut image, place(end, extent, size), Pen { color, width, opacity: 0.85 });
        }
    }
    border(&mut image, GRID);
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_starts_blue_and_ends_orange() {
        let image = trajectories_image(&[vec![[-0.5, -0.5], [0.5, 0.5]]], 1.0, 100);
        let [start, end] = [image.get_pixel(25, 75), image.get_pixel(75, 25)];
        assert!(start[2] > start[0], "start: {start:?}");
        assert!(end[0] > end[2], "end: {end:?}");
        assert_ne!(*image.get_pixel(50, 49), WHITE);
        assert_eq!(*image.get_pixel(25, 25), WHITE);
    }

    #[test]
    fn no_paths_and_empty_paths_are_fine() {
        assert_eq!(trajectories_image(&[vec![]], 1.0, 40), trajectories_image(&[], 1.0, 40));
    }
}
