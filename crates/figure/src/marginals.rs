//! Histograms of a table's columns, data against samples.

use image::RgbImage;
use image::imageops;

use crate::axes::{numbered, on_pixel, rule};
use crate::canvas::{LETTER, Pen, blend, polyline, text, text_width};
use crate::colormap::{BLUE, GRID, INK, ORANGE, WHITE};
use crate::sheet::sheet;
use crate::table_column::{Bins, TableColumn};

const SIZE: (u32, u32) = (300, 190);
/// Room below the axis for the ticks' numbers.
const FOOT: u32 = 20;
const HEAD: u32 = 28;

/// Draws one panel for each column of a table, titled with the column's name, two to four panels in a row: the
/// histogram of the data as filled bars (blue) and of the samples as a line (orange), both as shares of their own
/// number of values. The outermost 0.4 % of the data at each end may lie outside the panel.
pub fn marginals_image(columns: &[TableColumn]) -> RgbImage {
    let panels: Vec<_> = columns.iter().map(|column| (column.name.clone(), panel(column))).collect();
    let n_across = match columns.len() {
        0..=2 | 4 => 2,
        n => n.div_ceil(3).clamp(3, 4),
    };
    let panels = sheet(&panels, n_across);
    let mut image = RgbImage::from_pixel(panels.width(), panels.height() + HEAD, WHITE);
    imageops::replace(&mut image, &panels, 0, i64::from(HEAD));
    legend(&mut image);
    image
}

fn panel(column: &TableColumn) -> RgbImage {
    let mut image = RgbImage::from_pixel(SIZE.0, SIZE.1, WHITE);
    let bins = column.bins();
    let bottom = SIZE.1 - FOOT;
    let mut plot = RgbImage::from_pixel(SIZE.0, bottom, WHITE);
    histogram(&mut plot, column, bins);
    imageops::replace(&mut image, &plot, 0, 0);
    let axis = f64::from(bottom) + 0.5;
    rule(&mut image, [0.0, axis], [f64::from(SIZE.0), axis], INK);
    let span = bins.high() - bins.low;
    for (value, number) in numbered((bins.low, bins.high()), 4) {
        let x = on_pixel((value - bins.low) / span * f64::from(SIZE.0));
        rule(&mut image, [x, axis], [x, axis + 4.0], INK);
        let width = i64::from(text_width(&number, 1));
        let left = (x as i64 - width / 2).min(i64::from(SIZE.0) - width).max(0);
        text(&mut image, (left, i64::from(bottom) + 8), &number, 1);
    }
    image
}

/// Fills `image` with a histogram of the data and the line of the samples' on the same scale.
pub(crate) fn histogram(image: &mut RgbImage, column: &TableColumn, bins: Bins) {
    let (data, samples) = (bins.shares(&column.data), bins.shares(&column.samples));
    let greatest = data.iter().chain(&samples).copied().fold(f64::MIN_POSITIVE, f64::max);
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let top = |share: f64| height * (1.0 - 0.94 * share / greatest);
    let edge = |bar: usize| width * bar as f64 / bins.n as f64;
    for x in 0..image.width() {
        let bar = (f64::from(x) + 0.5) / width * bins.n as f64;
        let from = top(data.get(bar as usize).copied().unwrap_or(0.0)).round() as u32;
        for y in from..image.height() {
            blend(image, (i64::from(x), i64::from(y)), BLUE, 0.45);
        }
    }
    let mut line = vec![[0.0, height]];
    for (bar, &share) in samples.iter().enumerate() {
        line.extend([[edge(bar), top(share)], [edge(bar + 1), top(share)]]);
    }
    line.push([width, height]);
    polyline(image, &line, Pen { color: ORANGE, width: 1.8, opacity: 1.0 });
}

/// Names the bars and the line at the top left.
fn legend(image: &mut RgbImage) {
    let middle = f64::from(HEAD) / 2.0 + 2.0;
    let row = middle as i64 - i64::from(LETTER) / 2;
    for x in 16..36 {
        for y in row..row + i64::from(LETTER) {
            blend(image, (x, y), BLUE, 0.45);
        }
    }
    text(image, (44, row), "data", 1);
    let pen = Pen { color: ORANGE, width: 2.0, opacity: 1.0 };
    polyline(image, &[[96.0, middle], [116.0, middle]], pen);
    text(image, (124, row), "samples", 1);
    let below = f64::from(HEAD) - 0.5;
    rule(image, [16.0, below], [f64::from(image.width()) - 16.0, below], GRID);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data: f64, samples: f64) -> TableColumn {
        let spread = |middle: f64| (0..200).map(|i| middle + f64::from(i % 20) / 100.0).collect::<Vec<_>>();
        let mut all = spread(data);
        all.extend([0.0, 1.0].repeat(20));
        TableColumn { name: "x".to_owned(), data: all, samples: spread(samples), quantum: None }
    }

    #[test]
    fn bars_stand_where_the_data_are_and_the_line_where_the_samples_are() {
        let column = column(0.1, 0.7);
        let mut image = RgbImage::from_pixel(200, 100, WHITE);
        histogram(&mut image, &column, column.bins());
        let columns_of = |wanted: fn(&image::Rgb<u8>) -> bool| -> Vec<u32> {
            (0..200).filter(|&x| (20..40).any(|y| wanted(image.get_pixel(x, y)))).collect()
        };
        let bars = columns_of(|p| p[2] > p[0] && *p != WHITE);
        let line = columns_of(|p| p[0] > p[2]);
        assert!(!bars.is_empty() && !line.is_empty());
        assert!(bars.iter().max() < line.iter().min(), "bars {bars:?}, line {line:?}");
    }

    #[test]
    fn odd_columns_draw_something() {
        let odd =
            |data: Vec<f64>| TableColumn { name: "λ".to_owned(), samples: vec![], data, quantum: None };
        let image = marginals_image(&[odd(vec![]), odd(vec![1e300, -1e300]), odd(vec![f64::NAN])]);
        assert!(image.width() > 900 && image.height() > 200);
        marginals_image(&[]);
    }
}
