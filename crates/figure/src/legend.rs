//! Legends: signs with words, always outside the data.

use image::Rgb;

use crate::axes::text;
use crate::font;
use crate::scene::{Anchor, Area, Place, Scene, Shape};
use crate::style::{FAR, NAME, NEAR, STROKE};

/// The width of a sign.
const SIGN: f64 = 20.0;
/// The height of a line.
pub(crate) const LINE: f64 = 17.0;

/// How something is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sign {
    Line,
    /// A thin and faint line.
    Faint,
    Dot,
    Bar,
}

/// One entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) sign: Sign,
    pub(crate) color: Rgb<u8>,
    pub(crate) words: String,
}

impl Entry {
    pub(crate) fn new(sign: Sign, color: Rgb<u8>, words: &str) -> Self {
        Self { sign, color, words: words.to_owned() }
    }

    pub(crate) fn width(&self) -> f64 {
        SIGN + NEAR + font::width(&self.words, NAME)
    }

    fn draw(&self, scene: &mut Scene, [left, middle]: Place) {
        let line = vec![vec![[left, middle], [left + SIGN, middle]]];
        let (shape, opacity) = match self.sign {
            Sign::Line => (Shape::Lines { lines: line, width: STROKE }, 1.0),
            Sign::Faint => (Shape::Lines { lines: line, width: 1.0 }, 0.35),
            Sign::Dot => (Shape::Dots { centres: vec![[left + SIGN / 2.0, middle]], radius: 3.5 }, 0.9),
            Sign::Bar => {
                let area = Area { left, top: middle - 4.0, width: SIGN, height: 8.0 };
                scene.block(area, self.color, 0.45);
                (Shape::Lines { lines: Vec::new(), width: 1.0 }, 1.0)
            }
        };
        scene.add(shape, self.color, opacity, None);
        let at = [left + SIGN + NEAR, middle + 0.36 * NAME];
        scene.text(text(at, self.words.clone(), NAME, Anchor::Start));
    }
}

/// The width of entries side by side.
pub(crate) fn row_width(entries: &[Entry]) -> f64 {
    entries.iter().map(|entry| entry.width() + FAR).sum()
}

/// Draws the entries side by side from a place on their middle line.
pub(crate) fn draw_row(scene: &mut Scene, entries: &[Entry], [mut left, middle]: Place) {
    for entry in entries {
        entry.draw(scene, [left, middle]);
        left += entry.width() + FAR;
    }
}

/// The width of entries below each other.
pub(crate) fn column_width(entries: &[Entry]) -> f64 {
    entries.iter().map(Entry::width).fold(0.0, f64::max)
}

/// Draws the entries below each other, the first one's middle at the place.
pub(crate) fn draw_column(scene: &mut Scene, entries: &[Entry], [left, middle]: Place) {
    for (index, entry) in entries.iter().enumerate() {
        entry.draw(scene, [left, middle + LINE * index as f64]);
    }
}
