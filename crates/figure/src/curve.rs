//! A line chart, for losses and other numbers over steps or time.

use image::RgbImage;

use crate::axes::{numbered, on_pixel, range, rule};
use crate::canvas::{self, LETTER, Pen, disc, polyline, text, text_upwards, text_width};
use crate::colormap::{GRID, INK, WHITE, line_color};

const SIZE: (u32, u32) = (720, 440);
const LEFT: f64 = 84.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 52.0;

/// More lines than this have their legend beside the chart, where it covers none.
const MOST_COVERED: usize = 3;

/// One line of a chart: its name in the legend, and its points (x, y) in the order in which they are joined.
pub type Series = (String, Vec<(f64, f64)>);

/// Draws `series` as lines over common axes with ticks that span all finite points, named `x_label` and `y_label`.
/// Several lines get a legend: up to three lines inside the chart of 720 × 440 pixels, more beside it, which makes
/// the picture wider. Points that aren't finite break the line; a point alone is a dot. No series is an empty chart.
pub fn curve_image(series: &[Series], x_label: &str, y_label: &str) -> RgbImage {
    let mut image = RgbImage::from_pixel(SIZE.0, SIZE.1, WHITE);
    let frame = Frame::around(series);
    frame.draw_axes(&mut image);
    for (index, (_, points)) in series.iter().enumerate() {
        let line: Vec<_> = points.iter().map(|&(x, y)| [frame.column(x), frame.row(y)]).collect();
        polyline(&mut image, &line, Pen { color: line_color(index), width: 2.0, opacity: 1.0 });
        for place in alone(&line) {
            disc(&mut image, place, Pen { color: line_color(index), width: 7.0, opacity: 1.0 });
        }
    }
    draw_names(&mut image, (x_label, y_label));
    match series.len() {
        0 | 1 => image,
        2..=MOST_COVERED => {
            let legend = legend(series);
            let left = i64::from(SIZE.0) - RIGHT as i64 - i64::from(legend.width()) - 8;
            image::imageops::replace(&mut image, &legend, left, TOP as i64 + 8);
            image
        }
        _ => beside(&image, &legend(series)),
    }
}

/// The finite points between two that are not, which no stroke reaches.
fn alone(line: &[[f64; 2]]) -> impl Iterator<Item = [f64; 2]> + '_ {
    let finite =
        |index: usize| line.get(index).is_some_and(|place| place.iter().all(|number| number.is_finite()));
    let beside = move |index: usize| index.checked_sub(1).is_some_and(finite) || finite(index + 1);
    (0..line.len()).filter(move |&index| finite(index) && !beside(index)).map(|index| line[index])
}

/// The chart with its legend to the right of it.
fn beside(chart: &RgbImage, legend: &RgbImage) -> RgbImage {
    let (width, height) =
        (chart.width() + legend.width() + RIGHT as u32, chart.height().max(legend.height()));
    let mut page = RgbImage::from_pixel(width, height, WHITE);
    image::imageops::replace(&mut page, chart, 0, 0);
    image::imageops::replace(&mut page, legend, i64::from(chart.width()), TOP as i64);
    page
}

/// The ranges of x and y that a chart shows.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    /// The frame of all finite points, with some air above and below.
    fn around(series: &[Series]) -> Self {
        let points = || series.iter().flat_map(|(_, p)| p).filter(|(x, y)| x.is_finite() && y.is_finite());
        let (low, high) = range(points().map(|p| p.1));
        let air = 0.05 * (high - low);
        Self { x: range(points().map(|p| p.0)), y: (low - air, high + air) }
    }

    fn column(&self, x: f64) -> f64 {
        LEFT + (x - self.x.0) / (self.x.1 - self.x.0) * (f64::from(SIZE.0) - LEFT - RIGHT)
    }

    fn row(&self, y: f64) -> f64 {
        TOP + (self.y.1 - y) / (self.y.1 - self.y.0) * (f64::from(SIZE.1) - TOP - BOTTOM)
    }

    /// Draws the grid, the ticks' numbers and the two axes.
    fn draw_axes(&self, image: &mut RgbImage) {
        let (right, bottom) = (f64::from(SIZE.0) - RIGHT, f64::from(SIZE.1) - BOTTOM);
        let half_letter = i64::from(LETTER) / 2;
        for (value, number) in numbered(self.x, 7) {
            let column = on_pixel(self.column(value));
            rule(image, [column, TOP], [column, bottom + 4.0], GRID);
            let left = column as i64 - i64::from(text_width(&number, 1)) / 2;
            text(image, (left, bottom as i64 + 10), &number, 1);
        }
        for (value, number) in numbered(self.y, 8) {
            let row = on_pixel(self.row(value));
            rule(image, [LEFT - 4.0, row], [right, row], GRID);
            let left = LEFT as i64 - 8 - i64::from(text_width(&number, 1));
            text(image, (left, row as i64 - half_letter), &number, 1);
        }
        rule(image, [LEFT + 0.5, TOP], [LEFT + 0.5, bottom], INK);
        rule(image, [LEFT, bottom + 0.5], [right, bottom + 0.5], INK);
    }
}

fn draw_names(image: &mut RgbImage, (x_label, y_label): (&str, &str)) {
    let middle_x = f64::midpoint(LEFT, f64::from(SIZE.0) - RIGHT) as i64;
    let middle_y = f64::midpoint(TOP, f64::from(SIZE.1) - BOTTOM) as i64;
    let left = middle_x - i64::from(text_width(x_label, 1)) / 2;
    text(image, (left, i64::from(SIZE.1) - 20), x_label, 1);
    text_upwards(image, (10, middle_y), y_label);
}

/// The lines' names beside their colours, on white.
fn legend(series: &[Series]) -> RgbImage {
    let widest = series.iter().map(|(name, _)| text_width(name, 1)).max().unwrap_or(0);
    let (width, height) = (widest + 48, series.len() as u32 * 16 + 8);
    let mut legend = RgbImage::from_pixel(width, height, WHITE);
    canvas::border(&mut legend, GRID);
    for (index, (name, _)) in series.iter().enumerate() {
        let middle = 12.0 + 16.0 * index as f64;
        let pen = Pen { color: line_color(index), width: 2.4, opacity: 1.0 };
        canvas::line(&mut legend, [9.0, middle], [31.0, middle], pen);
        text(&mut legend, (40, middle as i64 - 4), name, 1);
    }
    legend
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of_ink(image: &RgbImage, x: u32) -> Vec<u32> {
        (0..image.height()).filter(|&y| *image.get_pixel(x, y) == line_color(0)).collect()
    }

    #[test]
    fn a_falling_curve_falls() {
        let image = curve_image(&[("loss".into(), vec![(0.0, 1.0), (10.0, 0.0)])], "step", "loss");
        let (early, late) = (rows_of_ink(&image, 120), rows_of_ink(&image, 660));
        assert!(!early.is_empty() && !late.is_empty());
        assert!(early.iter().max() < late.iter().min(), "early {early:?}, late {late:?}");
    }

    #[test]
    fn a_point_alone_is_seen() {
        let dots = |points: Vec<(f64, f64)>| {
            let image = curve_image(&[("cost".into(), points)], "step", "cost");
            (0..SIZE.0).filter(|&x| !rows_of_ink(&image, x).is_empty()).count()
        };
        assert!((3..9).contains(&dots(vec![(3500.0, 4.0)])));
        assert!((3..9).contains(&dots(vec![(0.0, f64::NAN), (1.0, 2.0), (2.0, f64::NAN)])));
    }

    #[test]
    fn many_lines_have_their_legend_beside_them() {
        let line = |index: usize| (format!("line {index}"), vec![(0.0, 1.0), (10.0, index as f64)]);
        let few = curve_image(&(0..3).map(line).collect::<Vec<_>>(), "x", "y");
        let many = curve_image(&(0..9).map(line).collect::<Vec<_>>(), "x", "y");
        assert_eq!(few.dimensions(), SIZE);
        assert!(many.width() > SIZE.0 + 50 && many.height() == SIZE.1);
        assert!((SIZE.0..many.width()).any(|x| !rows_of_ink(&many, x).is_empty()));
    }

    #[test]
    fn odd_input_draws_an_empty_or_flat_chart() {
        curve_image(&[], "x", "y");
        curve_image(&[("a".into(), vec![(0.0, f64::NAN), (1.0, f64::INFINITY)])], "x", "y");
        let flat = curve_image(&[("a".into(), vec![(0.0, 3.0), (1.0, 3.0)])], "x", "y");
        assert!(!rows_of_ink(&flat, 300).is_empty());
    }
}
