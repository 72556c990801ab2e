//! Titled panels in a grid.

use std::borrow::Cow;

use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::canvas::{LETTER, text, text_width};
use crate::colormap::WHITE;

const MARGIN: u32 = 16;
const GAP: u32 = 8;

/// Sets `panels`, each a title and a picture, row by row in `columns` columns on white; the number of columns is
/// brought into 1..=(number of panels). Smaller pictures grow to the size of the largest, their proportions kept;
/// titles are centred above the pictures and cut where they're wider than a cell.
pub fn sheet(panels: &[(String, RgbImage)], columns: usize) -> RgbImage {
    let columns = columns.clamp(1, panels.len().max(1));
    let width = panels.iter().map(|(_, picture)| picture.width()).max().unwrap_or(1);
    let height = panels.iter().map(|(_, picture)| picture.height()).max().unwrap_or(1);
    let scale = if width >= 600 { 2 } else { 1 };
    let head = LETTER * scale + GAP;
    let (step_x, step_y) = (width + MARGIN, head + height + MARGIN);
    let rows = panels.len().div_ceil(columns) as u32;
    let mut page = RgbImage::from_pixel(MARGIN + columns as u32 * step_x, MARGIN + rows * step_y, WHITE);
    for (index, (title, picture)) in panels.iter().enumerate() {
        let left = MARGIN + (index % columns) as u32 * step_x;
        let top = MARGIN + (index / columns) as u32 * step_y;
        let title: String = title.chars().take((width / (LETTER * scale)) as usize).collect();
        let indent = (width - text_width(&title, scale)) / 2;
        text(&mut page, (i64::from(left + indent), i64::from(top)), &title, scale);
        let picture = grown(picture, width, height);
        let inset = (width - picture.width()) / 2;
        imageops::replace(&mut page, &*picture, i64::from(left + inset), i64::from(top + head));
    }
    page
}

/// The picture as large as fits into a cell, its proportions kept.
fn grown(picture: &RgbImage, width: u32, height: u32) -> Cow<'_, RgbImage> {
    let room = |side: u32, cell: u32| f64::from(cell) / f64::from(side.max(1));
    let factor = room(picture.width(), width).min(room(picture.height(), height));
    if factor < 1.05 {
        return Cow::Borrowed(picture);
    }
    let [width, height] = [(picture.width(), width), (picture.height(), height)]
        .map(|(side, most)| ((f64::from(side) * factor).round() as u32).clamp(1, most));
    Cow::Owned(imageops::resize(picture, width, height, FilterType::CatmullRom))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colormap::{BLUE, INK, ORANGE};

    #[test]
    fn panels_fill_the_rows_in_order() {
        let panel = |color| ("title".to_owned(), RgbImage::from_pixel(50, 40, color));
        let page = sheet(&[panel(BLUE), panel(ORANGE), panel(INK)], 2);
        assert_eq!(page.dimensions(), (16 + 2 * 66, 16 + 2 * 72));
        assert_eq!(*page.get_pixel(16, 32), BLUE);
        assert_eq!(*page.get_pixel(82, 32), ORANGE);
        assert_eq!(*page.get_pixel(16, 104), INK);
        assert_eq!(*page.get_pixel(82, 104), WHITE);
    }

    #[test]
    fn smaller_panels_grow() {
        let panel = |side, color| (String::new(), RgbImage::from_pixel(side, side, color));
        let page = sheet(&[panel(50, BLUE), panel(20, ORANGE)], 2);
        assert_eq!(*page.get_pixel(82, 32), ORANGE);
        assert_eq!(*page.get_pixel(131, 81), ORANGE);
    }

    #[test]
    fn titles_longer_than_a_panel_are_cut() {
        let page = sheet(&[("a title that is far too long".to_owned(), RgbImage::new(20, 20))], 3);
        assert_eq!(page.width(), 52);
        assert_eq!(sheet(&[], 2).dimensions(), (33, 16));
    }
}
