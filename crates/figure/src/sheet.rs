//! Titled panels in a grid.

use crate::axes::text;
use crate::figure::Figure;
use crate::font;
use crate::scene::{Anchor, Placement, Scene};
use crate::style::{NEAR, TITLE};

const MARGIN: f64 = 10.0;
const HEAD: f64 = TITLE + 2.0 * NEAR;

/// Arranges `panels`, each a title and a figure, row by row in `columns` columns on white; the number of columns is
/// clamped to 1..=(number of panels). Images of pixels grow to the size of the largest panel, with their proportions
/// kept. Titles are centred above the panels, and cut if they are wider than a cell.
pub fn sheet(panels: &[(String, Figure)], columns: usize) -> Figure {
    let columns = columns.clamp(1, panels.len().max(1));
    let greatest =
        |side: fn(&Scene) -> f64| panels.iter().map(|(_, panel)| side(&panel.scene)).fold(1.0, f64::max);
    let (width, height) = (greatest(|scene| scene.width), greatest(|scene| scene.height));
    let (step_x, step_y) = (width + MARGIN, HEAD + height + MARGIN);
    let rows = panels.len().div_ceil(columns);
    let mut page = Scene::new(MARGIN + columns as f64 * step_x, MARGIN + rows as f64 * step_y);
    for (index, (title, panel)) in panels.iter().enumerate() {
        let left = MARGIN + (index % columns) as f64 * step_x;
        let top = MARGIN / 2.0 + (index / columns) as f64 * step_y;
        let title = font::fitted(title, TITLE, width);
        page.text(text([left + width / 2.0, top + TITLE + 2.0], title, TITLE, Anchor::Middle));
        let scale = growth(panel, width, height);
        let inset = (width - scale * panel.scene.width) / 2.0;
        page.put(
            panel.scene.clone(),
            Placement { at: [(left + inset).round(), (top + HEAD).round()], scale },
        );
    }
    Figure::drawn(page)
}

/// By which factor a picture fills its cell; drawings keep the size of their letters.
fn growth(panel: &Figure, width: f64, height: f64) -> f64 {
    let room = (width / panel.scene.width.max(1.0)).min(height / panel.scene.height.max(1.0));
    if panel.is_picture() && room >= 1.05 { room } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::colormap::{BLUE, INK, ORANGE};

    fn panel(side: u32, color: Rgb<u8>) -> (String, Figure) {
        ("ρ₁, ε = ½".to_owned(), RgbImage::from_pixel(side, side, color).into())
    }

    #[test]
    fn panels_fill_the_rows_in_order() {
        let figure = sheet(&[panel(50, BLUE), panel(50, ORANGE), panel(20, INK)], 2);
        let image = figure.image().unwrap();
        let pixel = |x: f64, y: f64| *image.get_pixel((2.0 * x) as u32, (2.0 * y) as u32);
        let (across, down) = (60.0, 60.0 + HEAD);
        assert_eq!(pixel(35.0, 50.0), BLUE);
        assert_eq!(pixel(35.0 + across, 50.0), ORANGE);
        // The smaller one has grown.
        assert_eq!(pixel(35.0, 50.0 + down), INK);
        assert_eq!(pixel(14.0, 30.0 + down), INK);
        assert_eq!(pixel(35.0 + across, 50.0 + down), Rgb([255, 255, 255]));
    }

    #[test]
    fn no_panels_are_a_blank_page() {
        sheet(&[], 2).png().unwrap();
    }
}
