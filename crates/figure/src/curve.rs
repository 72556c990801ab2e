//! Line charts, for losses and other numbers over steps or time.

use crate::axes::{Axis, Frame, range};
use crate::colormap::{INK, line_color};
use crate::figure::Figure;
use crate::legend::{self, Entry, Sign};
use crate::scene::{Area, Scene, Shape, pieces};
use crate::smooth::{quantiles, smoothed};
use crate::style::{FAR, NEAR, STROKE};

/// The size of a chart without a legend beside it.
const SIZE: [f64; 2] = [560.0, 350.0];

/// One line of a chart: its name in the legend, and its points (x, y) in the order in which they are joined.
pub type Series = (String, Vec<(f64, f64)>);

/// Draws `series` as lines over common axes with the names `x_label` and `y_label`, whose ticks span all finite
/// points. Several lines get a legend above the chart or, if there is no room for it, beside the chart, which makes
/// the figure wider. Points that are not finite interrupt a line; a single point is a dot. Without series the chart
/// is empty.
pub fn curve_image(series: &[Series], x_label: &str, y_label: &str) -> Figure {
    let points =
        || series.iter().flat_map(|(_, points)| points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let chart = Chart::new(range(points().map(|p| p.0)), range(points().map(|p| p.1)), [x_label, y_label]);
    let entries: Vec<Entry> = named(series).map(|(index, name)| line(index, name)).collect();
    chart.draw(&entries, |scene, frame| {
        for (index, (_, points)) in series.iter().enumerate() {
            draw(scene, frame, points, (index, Sign::Line));
        }
    })
}

/// Draws the course of noisy numbers: for a series with many points, its running mean over a faint line of the points
/// themselves. The few points that are far from all others lie outside the chart.
pub fn course_image(series: &[Series], x_label: &str, y_label: &str) -> Figure {
    let means: Vec<Option<Vec<(f64, f64)>>> = series.iter().map(|(_, points)| smoothed(points)).collect();
    let shown = series.iter().zip(&means).flat_map(|((_, points), mean)| match mean {
        Some(mean) => quantiles(points).into_iter().chain(mean.iter().map(|p| p.1)).collect::<Vec<_>>(),
        None => points.iter().map(|p| p.1).collect(),
    });
    let columns = series.iter().flat_map(|(_, points)| points).map(|p| p.0).filter(|x| x.is_finite());
    let chart = Chart::new(range(columns), range(shown.filter(|y| y.is_finite())), [x_label, y_label]);
    let mut entries: Vec<Entry> = named(series).map(|(index, name)| line(index, name)).collect();
    if let Some(index) = means.iter().position(Option::is_some) {
        if entries.is_empty() {
            entries.push(line(index, "running mean"));
        }
        entries.push(Entry::new(Sign::Faint, INK, "single values"));
    }
    chart.draw(&entries, |scene, frame| {
        for (index, ((_, points), mean)) in series.iter().zip(&means).enumerate() {
            if let Some(mean) = mean {
                draw(scene, frame, points, (index, Sign::Faint));
                draw(scene, frame, mean, (index, Sign::Line));
            } else {
                draw(scene, frame, points, (index, Sign::Line));
            }
        }
    })
}

/// The names of several series; one alone needs none.
fn named(series: &[Series]) -> impl Iterator<Item = (usize, &str)> {
    let n = if series.len() > 1 { series.len() } else { 0 };
    series.iter().take(n).enumerate().map(|(index, (name, _))| (index, name.as_str()))
}

fn line(index: usize, name: &str) -> Entry {
    Entry::new(Sign::Line, line_color(index), name)
}

fn draw(scene: &mut Scene, frame: &Frame, points: &[(f64, f64)], (index, sign): (usize, Sign)) {
    let (lines, centres) = pieces(points.iter().map(|&(x, y)| frame.place([x, y])));
    let (width, opacity, radius) = if sign == Sign::Faint { (1.0, 0.35, 1.0) } else { (STROKE, 1.0, 3.0) };
    let (color, clip) = (line_color(index), Some(frame.area));
    if !lines.is_empty() {
        scene.add(Shape::Lines { lines, width }, color, opacity, clip);
    }
    if !centres.is_empty() {
        scene.add(Shape::Dots { centres, radius }, color, opacity, clip);
    }
}

/// What a chart's axes show.
struct Chart {
    x: Axis,
    y: Axis,
}

impl Chart {
    /// A chart of these ranges with some air around them.
    fn new(x: (f64, f64), y: (f64, f64), [x_label, y_label]: [&str; 2]) -> Self {
        let wider = |(low, high): (f64, f64), share: f64| {
            let air = share * (high - low);
            (low - air, high + air)
        };
        Self { x: Axis::new(wider(x, 0.015), x_label, 7), y: Axis::new(wider(y, 0.05), y_label, 6) }
    }

    /// The figure with these entries in its legend and what `lines` draws.
    fn draw(self, entries: &[Entry], lines: impl FnOnce(&mut Scene, &Frame)) -> Figure {
        let [width, height] = SIZE;
        let room = width - self.y.breadth() - FAR;
        let above = legend::row_width(entries) <= room;
        let (head, side) = match entries {
            [] => (NEAR + 1.0, 0.0),
            _ if above => (legend::LINE + NEAR, 0.0),
            _ => (NEAR + 1.0, legend::column_width(entries) + FAR),
        };
        let tall = if above { height } else { height.max(head + legend::LINE * entries.len() as f64 + FAR) };
        let mut scene = Scene::new((width + side).ceil(), tall.ceil());
        let page = Area { left: 0.0, top: head, width: width - FAR, height: height - head };
        let frame = Frame::inside(page, self.x, self.y);
        frame.draw_grid(&mut scene);
        lines(&mut scene, &frame);
        frame.draw_axes(&mut scene);
        if above {
            legend::draw_row(&mut scene, entries, [frame.area.left, head / 2.0]);
        } else {
            legend::draw_column(&mut scene, entries, [frame.area.right() + FAR, head + legend::LINE / 2.0]);
        }
        Figure::drawn(scene)
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::colormap::{BLUE, ORANGE};

    /// The rows in which a column of the image has this colour.
    fn rows_of(image: &RgbImage, color: image::Rgb<u8>, x: u32) -> Vec<u32> {
        (0..image.height()).filter(|&y| *image.get_pixel(x, y) == color).collect()
    }

    #[test]
    fn lines_have_their_places_and_colours() {
        let falling = (0..=10).map(|i| (f64::from(i), 10.0 - f64::from(i))).collect();
        let rising = (0..=10).map(|i| (f64::from(i), f64::from(i))).collect();
        let image =
            curve_image(&[("a".into(), falling), ("b".into(), rising)], "step", "loss").image().unwrap();
        let (left, right) = (300, 1000);
        assert!(rows_of(&image, BLUE, left).iter().max() < rows_of(&image, ORANGE, left).iter().min());
        assert!(rows_of(&image, BLUE, right).iter().min() > rows_of(&image, ORANGE, right).iter().max());
    }

    #[test]
    fn a_point_alone_is_seen() {
        let seen = |points: Vec<(f64, f64)>| {
            let image = curve_image(&[("cost".into(), points)], "step", "cost").image().unwrap();
            (0..1120).filter(|&x| !rows_of(&image, BLUE, x).is_empty()).count()
        };
        assert!((8..16).contains(&seen(vec![(3500.0, 4.0)])));
        assert!((8..16).contains(&seen(vec![(0.0, f64::NAN), (1.0, 2.0), (2.0, f64::NAN)])));
    }

    #[test]
    fn legends_lie_outside_the_chart() {
        let line = |index: usize| (format!("line {index}"), vec![(0.0, 1.0), (10.0, index as f64)]);
        let size = |n: usize| {
            let scene = curve_image(&(0..n).map(line).collect::<Vec<_>>(), "x", "y").scene;
            [scene.width, scene.height]
        };
        assert!((size(3)[0] - SIZE[0]).abs() < 1.0 && (size(3)[1] - SIZE[1]).abs() < 1.0);
        assert!(size(12)[0] > SIZE[0] + 40.0);
        assert!(size(40)[1] > 40.0 * legend::LINE);
    }

    #[test]
    fn odd_input_draws_an_empty_or_flat_chart() {
        for draw in [curve_image, course_image] {
            draw(&[], "x", "y").png().unwrap();
            draw(&[("a".into(), vec![(0.0, f64::NAN), (1.0, f64::INFINITY)])], "x", "y").png().unwrap();
            let flat = draw(&[("a".into(), vec![(0.0, 3.0), (1.0, 3.0)])], "x", "y").image().unwrap();
            assert!(!rows_of(&flat, BLUE, 600).is_empty());
        }
    }

    #[test]
    fn many_noisy_points_have_a_mean_over_them() {
        let noisy = (0..1000).map(|i| (f64::from(i), f64::from(i % 2))).collect::<Vec<_>>();
        let scene = course_image(&[("loss".into(), noisy)], "step", "loss").scene;
        let faint = scene.marks.iter().filter(|mark| mark.opacity < 0.5 && mark.clip.is_some()).count();
        assert_eq!(faint, 1);
    }
}
