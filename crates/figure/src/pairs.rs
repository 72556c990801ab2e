//! Every pair of columns of a table: data below the diagonal, samples above it.

use std::cmp::Ordering;

use image::Rgb;

use crate::axes::{Axis, Frame};
use crate::colormap::{AXIS, BLUE, ORANGE};
use crate::figure::Figure;
use crate::legend::{self, Entry, Sign};
use crate::marginals::{histogram, top};
use crate::scene::{Area, Scene, Shape};
use crate::style::{FAR, NEAR};
use crate::table_column::{Bins, TableColumn};

const CELL: f64 = 128.0;
const GAP: f64 = 7.0;
const HEAD: f64 = 26.0;
/// Dots of a panel, at most: more would only fill it.
const N_DOTS: usize = 1000;

/// Draws a square of panels, one for each pair of `columns`: dots of the data (blue) below the diagonal, of the
/// samples (orange) above it, and on it the histograms of both. Entry i of a column's data belongs to row i of the
/// table, and likewise for the samples; only the first 1000 rows are drawn as dots.
pub fn pairs_image(columns: &[TableColumn]) -> Figure {
    let bins: Vec<Bins> = columns.iter().map(TableColumn::bins).collect();
    let axis = |place: usize| columns[place].axis(bins[place]);
    let axes: Vec<Axis> = (0..columns.len()).map(axis).collect();
    let left = axes.iter().map(Axis::breadth).fold(0.0, f64::max).ceil() + NEAR;
    let side = columns.len() as f64 * (CELL + GAP);
    let depth = axes.first().map_or(0.0, Axis::depth);
    let mut scene = Scene::new((left + side + FAR).max(320.0), (HEAD + side + depth).ceil());
    for (row, y) in columns.iter().enumerate() {
        for (place, x) in columns.iter().enumerate() {
            let start = |at: usize| at as f64 * (CELL + GAP);
            let area = Area { left: left + start(place), top: HEAD + start(row), width: CELL, height: CELL };
            let frame = Frame { area, x: axes[place].clone(), y: axes[row].clone() };
            match row.cmp(&place) {
                Ordering::Equal => {
                    let shares = Axis::new((0.0, top(x, bins[place])), "", 3);
                    histogram(&mut scene, &Frame { y: shares, ..frame.clone() }, x, bins[place]);
                }
                Ordering::Greater => dots(&mut scene, &frame, (&x.data, &y.data), BLUE),
                Ordering::Less => dots(&mut scene, &frame, (&x.samples, &y.samples), ORANGE),
            }
            scene.frame(area, AXIS);
            if row + 1 == columns.len() {
                frame.draw_below(&mut scene);
            }
            if place == 0 {
                frame.draw_left(&mut scene);
            }
        }
    }
    let entries = [
        Entry::new(Sign::Dot, BLUE, "data, below the diagonal"),
        Entry::new(Sign::Dot, ORANGE, "samples, above"),
    ];
    legend::draw_row(&mut scene, &entries, [NEAR, HEAD / 2.0]);
    Figure::drawn(scene)
}

fn dots(scene: &mut Scene, frame: &Frame, (xs, ys): (&[f64], &[f64]), color: Rgb<u8>) {
    let inside = |axis: &Axis, value: f64| (0.0..=1.0).contains(&axis.share(value));
    let points =
        xs.iter().zip(ys).take(N_DOTS).filter(|(x, y)| inside(&frame.x, **x) && inside(&frame.y, **y));
    let centres: Vec<_> = points.map(|(x, y)| frame.place([*x, *y])).collect();
    let n = xs.len().clamp(1, N_DOTS) as f64;
    let opacity = (0.9 - 0.4 * (n / 100.0).max(1.0).log10()).clamp(0.4, 0.9);
    scene.add(Shape::Dots { centres, radius: 1.0 }, color, opacity, Some(frame.area));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_lie_below_the_diagonal_and_samples_above() {
        let values: Vec<f64> = (0..300).map(|i| f64::from(i % 30)).collect();
        let column = |name: &str| TableColumn {
            name: name.to_owned(),
            data: values.clone(),
            samples: values.clone(),
            quantum: None,
            words: vec![(3.0, "three".to_owned())],
        };
        let scene = pairs_image(&[column("a"), column("b")]).scene;
        let dots = scene.marks.iter().filter_map(|mark| match (&mark.shape, mark.clip) {
            (Shape::Dots { centres, .. }, Some(area)) => Some((mark.color, area, centres.len())),
            _ => None,
        });
        let dots: Vec<_> = dots.collect();
        let [(above, upper, n), (below, lower, m)] = dots[..] else { panic!("{dots:?}") };
        assert!(above == ORANGE && below == BLUE && n == 300 && m == 300);
        assert!(upper.top < lower.top && upper.left > lower.left);
    }

    #[test]
    fn odd_columns_draw_something() {
        pairs_image(&[]).png().unwrap();
        let odd = TableColumn {
            name: String::new(),
            data: vec![f64::NAN],
            samples: vec![1e300],
            quantum: None,
            words: Vec::new(),
        };
        pairs_image(&[odd.clone(), odd]).svg().unwrap();
    }
}
