//! Every pair of columns of a table: data below the diagonal, samples above it.

use image::RgbImage;
use image::imageops;

use crate::axes::{numbered, on_pixel, rule};
use crate::canvas::{LETTER, Pen, border, disc, text, text_upwards, text_width};
use crate::colormap::{BLUE, GRID, INK, ORANGE, WHITE};
use crate::marginals::histogram;
use crate::table_column::{Bins, TableColumn};

const CELL: u32 = 190;
const GAP: u32 = 8;
const LEFT: u32 = 84;
const TOP: u32 = 34;
const FOOT: u32 = 46;
/// Dots of a panel, at most: more would only fill it.
const N_DOTS: usize = 2000;

/// Draws a square of panels, one for each pair of `columns`: dots of the data (blue) below the diagonal, of the
/// samples (orange) above it, and on it the histograms of both. Entry i of a column's data belongs to row i of the
/// table, and likewise for the samples; only the first 2000 rows are drawn as dots.
pub fn pairs_image(columns: &[TableColumn]) -> RgbImage {
    let n = columns.len() as u32;
    let side = n * (CELL + GAP);
    let mut image = RgbImage::from_pixel(LEFT + side + GAP, TOP + side + FOOT, WHITE);
    let bins: Vec<Bins> = columns.iter().map(TableColumn::bins).collect();
    for (row, y) in columns.iter().enumerate() {
        for (place, x) in columns.iter().enumerate() {
            let mut panel = RgbImage::from_pixel(CELL, CELL, WHITE);
            let frame = (bins[place], bins[row]);
            match row.cmp(&place) {
                std::cmp::Ordering::Equal => histogram(&mut panel, x, frame.0),
                std::cmp::Ordering::Greater => dots(&mut panel, (&x.data, &y.data), frame, BLUE),
                std::cmp::Ordering::Less => dots(&mut panel, (&x.samples, &y.samples), frame, ORANGE),
            }
            border(&mut panel, GRID);
            imageops::replace(&mut image, &panel, i64::from(start(LEFT, place)), i64::from(start(TOP, row)));
        }
    }
    for (place, (column, bins)) in columns.iter().zip(bins).enumerate() {
        label_below(&mut image, column, bins, place);
        label_left(&mut image, column, bins, place);
    }
    title(&mut image);
    image
}

/// Where panel number `place` starts.
fn start(margin: u32, place: usize) -> u32 {
    margin + place as u32 * (CELL + GAP)
}

fn dots(panel: &mut RgbImage, (xs, ys): (&[f64], &[f64]), (across, up): (Bins, Bins), color: image::Rgb<u8>) {
    let place = |value: f64, bins: Bins| (value - bins.low) / (bins.high() - bins.low) * f64::from(CELL);
    let n = xs.len().clamp(1, N_DOTS) as f64;
    let opacity = (0.9 - 0.2 * (n / 100.0).max(1.0).log10() * 2.0).clamp(0.4, 0.9);
    for (x, y) in xs.iter().zip(ys).take(N_DOTS) {
        let center = [place(*x, across), f64::from(CELL) - place(*y, up)];
        disc(panel, center, Pen { color, width: 1.8, opacity });
    }
}

fn label_below(image: &mut RgbImage, column: &TableColumn, bins: Bins, place: usize) {
    let left = start(LEFT, place);
    let bottom = i64::from(image.height() - FOOT) - i64::from(GAP);
    for (value, number) in numbered((bins.low, bins.high()), 4) {
        let x = on_pixel(f64::from(left) + (value - bins.low) / (bins.high() - bins.low) * f64::from(CELL));
        rule(image, [x, bottom as f64], [x, bottom as f64 + 4.0], INK);
        let width = i64::from(text_width(&number, 1));
        text(image, (x as i64 - width / 2, bottom + 8), &number, 1);
    }
    let name = short(&column.name);
    let indent = (i64::from(CELL) - i64::from(text_width(&name, 1))) / 2;
    text(image, (i64::from(left) + indent, bottom + 26), &name, 1);
}

fn label_left(image: &mut RgbImage, column: &TableColumn, bins: Bins, place: usize) {
    let top = start(TOP, place);
    for (value, number) in numbered((bins.low, bins.high()), 4) {
        let share = (value - bins.low) / (bins.high() - bins.low);
        let y = on_pixel(f64::from(top) + (1.0 - share) * f64::from(CELL));
        rule(image, [f64::from(LEFT) - 4.0, y], [f64::from(LEFT), y], INK);
        let left = i64::from(LEFT) - 8 - i64::from(text_width(&number, 1));
        text(image, (left, y as i64 - i64::from(LETTER) / 2), &number, 1);
    }
    text_upwards(image, (8, i64::from(top + CELL / 2)), &short(&column.name));
}

/// A name as far as a panel has room for it.
fn short(name: &str) -> String {
    name.chars().take((CELL / LETTER) as usize).collect()
}

/// Says which colour is what.
fn title(image: &mut RgbImage) {
    let middle = f64::from(TOP) / 2.0;
    let row = middle as i64 - i64::from(LETTER) / 2;
    let dot = |color| Pen { color, width: 8.0, opacity: 0.9 };
    disc(image, [f64::from(LEFT) + 4.0, middle], dot(BLUE));
    text(image, (i64::from(LEFT) + 16, row), "data, below the diagonal", 1);
    disc(image, [f64::from(LEFT) + 228.0, middle], dot(ORANGE));
    text(image, (i64::from(LEFT) + 240, row), "samples, above", 1);
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
        };
        let image = pairs_image(&[column("a"), column("b")]);
        let colors_in = |row: usize, place: usize| {
            let (left, top) = (start(LEFT, place), start(TOP, row));
            let inside =
                (left + 2..left + CELL - 2).flat_map(|x| (top + 2..top + CELL - 2).map(move |y| (x, y)));
            let colored = inside.map(|(x, y)| *image.get_pixel(x, y)).filter(|p| *p != WHITE);
            colored.fold(
                (0, 0),
                |(blue, orange), p| if p[2] > p[0] { (blue + 1, orange) } else { (blue, orange + 1) },
            )
        };
        assert!(colors_in(1, 0).0 > 20 && colors_in(1, 0).1 == 0, "{:?}", colors_in(1, 0));
        assert!(colors_in(0, 1).1 > 20 && colors_in(0, 1).0 == 0, "{:?}", colors_in(0, 1));
    }
}
