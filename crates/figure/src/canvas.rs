//! Drawing on an RGB image: blended pixels, antialiased lines and discs, letters.
//!
//! A line is drawn by coverage: a pixel is blended by how far its centre lies inside the stroke, which
//! antialiases any width and slope by one rule.

use font8x8::legacy::BASIC_LEGACY;
use image::{Rgb, RgbImage};

/// The side of a letter's cell, in pixels, at scale 1.
pub(crate) const LETTER: u32 = 8;

/// How strokes look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) color: Rgb<u8>,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
}

/// Blends `color` over the pixel (x, y), if it lies on the image.
pub(crate) fn blend(image: &mut RgbImage, (x, y): (i64, i64), color: Rgb<u8>, opacity: f64) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    if let Some(pixel) = image.get_pixel_mut_checked(x, y) {
        for (old, new) in pixel.0.iter_mut().zip(color.0) {
            let (from, to) = (f64::from(*old), f64::from(new));
            *old = (from + opacity * (to - from)).round() as u8;
        }
    }
}

/// Draws a straight stroke with round ends between two points in pixel coordinates (pixel centres at ½).
pub(crate) fn line(image: &mut RgbImage, from: [f64; 2], to: [f64; 2], pen: Pen) {
    polyline(image, &[from, to], pen);
}

/// Draws a stroke through `points`; where its own segments overlap, the stroke isn't darker.
pub(crate) fn polyline(image: &mut RgbImage, points: &[[f64; 2]], pen: Pen) {
    let mut coverage = std::collections::BTreeMap::new();
    for pair in points.windows(2) {
        cover(&mut coverage, (image.width(), image.height()), (pair[0], pair[1]), pen.width);
    }
    for ((y, x), share) in coverage {
        blend(image, (x, y), pen.color, share * pen.opacity);
    }
}

/// Draws a filled disc.
pub(crate) fn disc(image: &mut RgbImage, center: [f64; 2], pen: Pen) {
    polyline(image, &[center, center], pen);
}

/// Writes ASCII `text` with its top left corner at (x, y), `scale` pixels to a dot; other letters become `?`.
pub(crate) fn text(image: &mut RgbImage, (x, y): (i64, i64), text: &str, scale: u32) {
    let scale = i64::from(scale);
    for (letter, left) in text.chars().zip((x..).step_by((i64::from(LETTER) * scale) as usize)) {
        for (row, bits) in glyph(letter).into_iter().enumerate() {
            for column in (0..i64::from(LETTER)).filter(|c| bits >> c & 1 == 1) {
                for dot in 0..scale * scale {
                    let at = (left + column * scale + dot % scale, y + row as i64 * scale + dot / scale);
                    blend(image, at, crate::colormap::INK, 1.0);
                }
            }
        }
    }
}

/// Writes ASCII `text` upwards, centred on `center` along y, with its left side at `x`.
pub(crate) fn text_upwards(image: &mut RgbImage, (x, center): (i64, i64), label: &str) {
    let mut flat = RgbImage::from_pixel(text_width(label, 1).max(1), LETTER, crate::colormap::WHITE);
    text(&mut flat, (0, 0), label, 1);
    let upright = image::imageops::rotate270(&flat);
    image::imageops::overlay(image, &upright, x, center - i64::from(upright.height()) / 2);
}

/// The width of `text` in pixels.
pub(crate) fn text_width(text: &str, scale: u32) -> u32 {
    text.chars().count() as u32 * LETTER * scale
}

/// Draws the one-pixel border of a whole image.
pub(crate) fn border(image: &mut RgbImage, color: Rgb<u8>) {
    let (width, height) = image.dimensions();
    for x in 0..width {
        image.put_pixel(x, 0, color);
        image.put_pixel(x, height - 1, color);
    }
    for y in 0..height {
        image.put_pixel(0, y, color);
        image.put_pixel(width - 1, y, color);
    }
}

/// Where a point of `[−extent, extent]²` lies on a square image of `size` pixels; y points upwards.
pub(crate) fn place([x, y]: [f64; 2], extent: f64, size: u32) -> [f64; 2] {
    let half = f64::from(size) / 2.0;
    [half * (1.0 + x / extent), half * (1.0 - y / extent)]
}

fn glyph(letter: char) -> [u8; 8] {
    BASIC_LEGACY.get(letter as usize).copied().unwrap_or(BASIC_LEGACY['?' as usize])
}

type Coverage = std::collections::BTreeMap<(i64, i64), f64>;

/// Adds one segment's share of each pixel; the segment is cut to the image's rows and columns.
fn cover(coverage: &mut Coverage, (width, height): (u32, u32), (a, b): ([f64; 2], [f64; 2]), stroke: f64) {
    if a.iter().chain(&b).any(|v| !v.is_finite()) {
        return;
    }
    let reach = f64::midpoint(stroke, 1.0);
    let [xs, ys] = [(0, width), (1, height)].map(|(axis, side)| {
        let first = (a[axis].min(b[axis]) - reach).floor().max(0.0) as i64;
        let last = (a[axis].max(b[axis]) + reach).ceil().min(f64::from(side)) as i64;
        first..last
    });
    for y in ys {
        for x in xs.clone() {
            let share = (reach - distance([x as f64 + 0.5, y as f64 + 0.5], a, b)).min(1.0);
            if share > 0.0 {
                let old = coverage.entry((y, x)).or_insert(0.0);
                *old = share.max(*old);
            }
        }
    }
}

/// The distance of a point from a segment.
fn distance([x, y]: [f64; 2], [ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> f64 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((x - ax) * dx + (y - ay) * dy) / length } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    (x - ax - along * dx).hypot(y - ay - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colormap::{INK, WHITE};

    #[test]
    fn a_line_covers_its_pixels_and_no_others() {
        let mut image = RgbImage::from_pixel(9, 9, WHITE);
        line(&mut image, [0.5, 4.5], [8.5, 4.5], Pen { color: INK, width: 1.0, opacity: 1.0 });
        assert_eq!(*image.get_pixel(4, 4), INK);
        assert_eq!(*image.get_pixel(4, 3), WHITE);
        assert_eq!(*image.get_pixel(4, 5), WHITE);
    }

    #[test]
    fn strokes_beyond_the_image_are_cut() {
        let mut image = RgbImage::from_pixel(4, 4, WHITE);
        let pen = Pen { color: INK, width: 2.0, opacity: 1.0 };
        line(&mut image, [-1e12, 2.0], [1e12, 2.0], pen);
        line(&mut image, [f64::NAN, 0.0], [1.0, 1.0], pen);
        assert_eq!(*image.get_pixel(0, 2), INK);
    }

    #[test]
    fn letters_have_ink_and_unknown_ones_become_question_marks() {
        let draw = |label: &str| {
            let mut image = RgbImage::from_pixel(8, 8, WHITE);
            text(&mut image, (0, 0), label, 1);
            image
        };
        assert!(draw("A").pixels().any(|p| *p == INK));
        assert!(draw(" ").pixels().all(|p| *p == WHITE));
        assert_eq!(draw("λ"), draw("?"));
    }

    #[test]
    fn y_points_upwards() {
        let [x, y] = place([1.0, 1.0], 1.0, 10);
        assert!(x > 9.9 && y < 0.1);
    }
}
