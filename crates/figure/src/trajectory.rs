//! Trajectories of particles from base to target.

use crate::colormap::{BLUE, INK, ORANGE};
use crate::figure::Figure;
use crate::legend::{Entry, Sign, draw_column};
use crate::plane::plane;
use crate::scene::{Place, Shape, pieces};
use crate::style::NEAR;

/// The panel has the size of a density's with so many cells in a row.
const N_CELLS: usize = 96;

/// Draws each trajectory, points `[x₁, x₂]` in order of time, as a thin line from its start (blue dot) to its end
/// (orange dot), in a panel that shows `[−extent, extent]²`. The more trajectories there are, the fainter are the
/// lines and the smaller the dots.
pub fn trajectories_image(paths: &[Vec<[f64; 2]>], extent: f64) -> Figure {
    let (mut scene, frame) = plane(extent, N_CELLS);
    let clip = Some(frame.area);
    let many = (paths.len().max(1) as f64 / 50.0).max(1.0);
    let opacity = (0.5 / many.sqrt()).max(0.08);
    for path in paths {
        let (lines, _) = pieces(path.iter().map(|&point| frame.place(point)));
        if !lines.is_empty() {
            scene.add(Shape::Lines { lines, width: 0.7 }, INK, opacity, clip);
        }
    }
    let radius = (2.2 / many.powf(0.25)).max(1.0);
    let starts = paths.iter().filter_map(|path| path.first());
    let ends = paths.iter().filter_map(|path| path.last());
    let finite = |point: &&[f64; 2]| point.iter().all(|number| number.is_finite());
    let dots = [
        (starts.filter(finite).map(|&point| frame.place(point)).collect::<Vec<Place>>(), BLUE),
        (ends.filter(finite).map(|&point| frame.place(point)).collect(), ORANGE),
    ];
    for (centres, color) in dots {
        scene.add(Shape::Dots { centres, radius }, color, 0.85, clip);
    }
    frame.draw_axes(&mut scene);
    let entries = [Entry::new(Sign::Dot, BLUE, "start"), Entry::new(Sign::Dot, ORANGE, "end")];
    draw_column(&mut scene, &entries, [frame.area.right() + NEAR, frame.area.top + 2.0 * NEAR]);
    Figure::drawn(scene)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_starts_blue_and_ends_orange() {
        let figure =
            trajectories_image(&[vec![[-0.5, -0.5], [0.5, 0.5]], vec![[9.0, 9.0], [f64::NAN, 0.0]]], 1.0);
        let (_, frame) = plane(1.0, N_CELLS);
        let image = figure.image().unwrap();
        let pixel = |x: f64, y: f64| {
            let [x, y] = frame.place([x, y]);
            image.get_pixel((2.0 * x) as u32, (2.0 * y) as u32)
        };
        let [start, end] = [pixel(-0.5, -0.5), pixel(0.5, 0.5)];
        assert!(start[2] > start[0], "start: {start:?}");
        assert!(end[0] > end[2], "end: {end:?}");
        assert!(pixel(0.0, 0.0)[0] < 255);
        assert_eq!(pixel(-0.5, 0.5)[0], 255);
    }

    #[test]
    fn no_paths_and_empty_paths_are_fine() {
        assert_eq!(trajectories_image(&[vec![]], 1.0), trajectories_image(&[], 1.0));
    }
}
