//! Histograms of a table's columns, data against samples.

use crate::axes::{Axis, Frame};
use crate::colormap::{BLUE, ORANGE};
use crate::figure::Figure;
use crate::legend::{self, Entry, Sign};
use crate::scene::{Area, Placement, Scene, Shape};
use crate::style::{FAR, NEAR, STROKE};
use crate::table_column::{Bins, TableColumn};

/// The size of one panel with its axes.
const SIZE: [f64; 2] = [240.0, 170.0];
const HEAD: f64 = 26.0;

/// Draws one panel for each column of a table, two to four panels in a row: the histogram of the data as filled bars
/// (blue) and of the samples as a line (orange), both as shares of their own number of values. The outermost 0.4 % of the
/// data at each end may lie outside the panel.
pub fn marginals_image(columns: &[TableColumn]) -> Figure {
    let n_across = match columns.len() {
        0..=2 | 4 => 2,
        n => n.div_ceil(3).clamp(3, 4),
    };
    let rows = columns.len().div_ceil(n_across);
    let [width, height] = SIZE;
    let mut scene = Scene::new(n_across as f64 * width + FAR, HEAD + rows as f64 * height + NEAR);
    let entries = [Entry::new(Sign::Bar, BLUE, "data"), Entry::new(Sign::Line, ORANGE, "samples")];
    legend::draw_row(&mut scene, &entries, [FAR, HEAD / 2.0]);
    for (index, column) in columns.iter().enumerate() {
        let at = [(index % n_across) as f64 * width, HEAD + (index / n_across) as f64 * height];
        scene.put(panel(column), Placement { at, scale: 1.0 });
    }
    Figure::drawn(scene)
}

fn panel(column: &TableColumn) -> Scene {
    let [width, height] = SIZE;
    let mut scene = Scene::new(width, height);
    let bins = column.bins();
    let page = Area { left: NEAR, top: NEAR, width: width - 2.0 * NEAR, height: height - 2.0 * NEAR };
    let frame = Frame::inside(page, column.axis(bins), Axis::new((0.0, top(column, bins)), "share", 4));
    histogram(&mut scene, &frame, column, bins);
    frame.draw_axes(&mut scene);
    scene
}

/// A little more than the greatest share of a bar.
pub(crate) fn top(column: &TableColumn, bins: Bins) -> f64 {
    let shares = [bins.shares(&column.data), bins.shares(&column.samples)].concat();
    1.06 * shares.into_iter().fold(f64::MIN_POSITIVE, f64::max).max(1e-12)
}

/// Draws a histogram of the data and the line of the samples' on the same scale.
pub(crate) fn histogram(scene: &mut Scene, frame: &Frame, column: &TableColumn, bins: Bins) {
    let outline = |values: &[f64]| {
        let edge = |bar: usize| bins.low + bins.width * bar as f64;
        let mut line = vec![[bins.low, 0.0]];
        for (bar, share) in bins.shares(values).into_iter().enumerate() {
            line.extend([[edge(bar), share], [edge(bar + 1), share]]);
        }
        line.push([bins.high(), 0.0]);
        line.into_iter().map(|point| frame.place(point)).collect::<Vec<_>>()
    };
    let clip = Some(frame.area);
    scene.add(Shape::Fill(outline(&column.data)), BLUE, 0.45, clip);
    let lines = vec![outline(&column.samples)];
    scene.add(Shape::Lines { lines, width: STROKE }, ORANGE, 1.0, clip);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data: f64, samples: f64) -> TableColumn {
        let spread = |middle: f64| (0..200).map(|i| middle + f64::from(i % 20) / 100.0).collect::<Vec<_>>();
        let mut all = spread(data);
        all.extend([0.0, 1.0].repeat(20));
        TableColumn {
            name: "Größe °C".to_owned(),
            data: all,
            samples: spread(samples),
            quantum: None,
            words: Vec::new(),
        }
    }

    #[test]
    fn bars_stand_where_the_data_are_and_the_line_where_the_samples_are() {
        let image = marginals_image(&[column(0.1, 0.7)]).image().unwrap();
        // Halfway up the panel.
        let columns_of = |wanted: fn(&image::Rgb<u8>) -> bool| -> Vec<u32> {
            (90..460).filter(|&x| wanted(image.get_pixel(x, 160))).collect()
        };
        let bars = columns_of(|p| i32::from(p[2]) > i32::from(p[0]) + 40);
        let line = columns_of(|p| i32::from(p[0]) > i32::from(p[2]) + 40);
        assert!(!bars.is_empty() && !line.is_empty());
        assert!(bars.iter().max() < line.iter().min(), "bars {bars:?}, line {line:?}");
    }

    #[test]
    fn odd_columns_draw_something() {
        let odd = |data: Vec<f64>| TableColumn {
            name: "λ".to_owned(),
            samples: vec![],
            data,
            quantum: None,
            words: Vec::new(),
        };
        let columns = [odd(vec![]), odd(vec![1e300, -1e300]), odd(vec![f64::NAN])];
        assert!(marginals_image(&columns).image().unwrap().width() > 1400);
        marginals_image(&[]).png().unwrap();
        let far = marginals_image(&[odd(vec![9.3e18; 3]), odd(vec![1e200; 3])]).svg().unwrap();
        assert!(!far.contains("NaN"));
    }
}
