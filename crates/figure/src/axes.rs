//! The frame of a chart: its area, and the axes with their ticks, numbers and names.

use crate::colormap::{AXIS, GRID};
use crate::font;
use crate::scene::{Anchor, Area, Place, Scene, Text};
use crate::style::{FAR, NAME, NEAR, TICK};
use crate::ticks::{label, ticks};

/// The length of a tick.
const LENGTH: f64 = 3.5;

/// One axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// What it shows from end to end.
    pub(crate) range: (f64, f64),
    /// Its name with the unit; `""`: none is written.
    pub(crate) name: String,
    /// About how many ticks it has.
    pub(crate) n_ticks: usize,
    /// The ticks with their text, where numbers stand for something else; none: round numbers.
    pub(crate) words: Vec<(f64, String)>,
}

/// An area whose places are numbers.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) area: Area,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Axis {
    pub(crate) fn new(range: (f64, f64), name: &str, n_ticks: usize) -> Self {
        Self { range, name: name.to_owned(), n_ticks, words: Vec::new() }
    }

    /// The same with words at some of its numbers.
    pub(crate) fn with_words(self, words: &[(f64, String)]) -> Self {
        Self { words: words.to_vec(), ..self }
    }

    /// The ticks with their text: about as many as wanted, and two at least.
    pub(crate) fn numbered(&self) -> Vec<(f64, String)> {
        if !self.words.is_empty() {
            let inside = self.words.iter().filter(|(value, _)| (0.0..=1.0).contains(&self.share(*value)));
            return inside.cloned().collect();
        }
        numbered(self.range, self.n_ticks)
    }

    /// How far along the axis a number is: 0 at its beginning, 1 at its end.
    pub(crate) fn share(&self, value: f64) -> f64 {
        (value - self.range.0) / (self.range.1 - self.range.0)
    }

    /// The room that its numbers and its name take beside a vertical axis.
    pub(crate) fn breadth(&self) -> f64 {
        let widths = self.numbered().into_iter().map(|(_, text)| font::width(&text, TICK));
        LENGTH + NEAR + widths.fold(0.0, f64::max) + self.line()
    }

    /// The room that they take below a horizontal one.
    pub(crate) fn depth(&self) -> f64 {
        LENGTH + NEAR + TICK + self.line()
    }

    fn line(&self) -> f64 {
        if self.name.is_empty() { NEAR } else { NAME + 2.0 * NEAR }
    }
}

impl Frame {
    /// The frame in a page, of which the axes take what they need.
    pub(crate) fn inside(page: Area, x: Axis, y: Axis) -> Self {
        let (breadth, depth) = (y.breadth(), x.depth());
        let area = Area {
            left: page.left + breadth,
            top: page.top,
            width: page.width - breadth,
            height: page.height - depth,
        };
        Self { area, x, y }
    }

    /// Where a point lies.
    pub(crate) fn place(&self, [x, y]: [f64; 2]) -> Place {
        [self.column(x), self.row(y)]
    }

    pub(crate) fn column(&self, x: f64) -> f64 {
        self.area.left + self.x.share(x) * self.area.width
    }

    pub(crate) fn row(&self, y: f64) -> f64 {
        self.area.bottom() - self.y.share(y) * self.area.height
    }

    /// Draws the lines of the grid, which lie below all else.
    pub(crate) fn draw_grid(&self, scene: &mut Scene) {
        for (value, _) in self.x.numbered() {
            let x = self.column(value);
            scene.rule([x, self.area.top], [x, self.area.bottom()], GRID);
        }
        for (value, _) in self.y.numbered() {
            let y = self.row(value);
            scene.rule([self.area.left, y], [self.area.right(), y], GRID);
        }
    }

    /// Draws the frame, ticks, numbers and names.
    pub(crate) fn draw_axes(&self, scene: &mut Scene) {
        scene.frame(self.area, AXIS);
        self.draw_below(scene);
        self.draw_left(scene);
    }

    /// Draws the horizontal axis.
    pub(crate) fn draw_below(&self, scene: &mut Scene) {
        let bottom = self.area.bottom();
        let room = self.room_below();
        for (value, number) in self.x.numbered() {
            let x = self.column(value);
            let number = if self.x.words.is_empty() { number } else { font::fitted(&number, TICK, room) };
            scene.rule([x, bottom], [x, bottom + LENGTH], AXIS);
            scene.text(text([x, bottom + LENGTH + TICK + 1.0], number, TICK, Anchor::Middle));
        }
        let room = self.area.width + FAR;
        let at = [self.area.left + self.area.width / 2.0, bottom + LENGTH + TICK + NAME + NEAR];
        scene.text(text(at, font::fitted(&self.x.name, NAME, room), NAME, Anchor::Middle));
    }

    /// The room that a word below the area has between its neighbours.
    fn room_below(&self) -> f64 {
        let places: Vec<f64> = self.x.numbered().into_iter().map(|(value, _)| self.column(value)).collect();
        let gaps = places.windows(2).map(|pair| (pair[1] - pair[0]).abs() - NEAR / 2.0);
        gaps.fold(self.area.width, f64::min)
    }

    /// Draws the vertical axis.
    pub(crate) fn draw_left(&self, scene: &mut Scene) {
        let left = self.area.left;
        for (value, number) in self.y.numbered() {
            let y = self.row(value);
            scene.rule([left - LENGTH, y], [left, y], AXIS);
            scene.text(text([left - LENGTH - 2.5, y + 0.36 * TICK], number, TICK, Anchor::End));
        }
        let at = [left - self.y.breadth() + NAME, self.area.top + self.area.height / 2.0];
        let name = font::fitted(&self.y.name, NAME, self.area.height + FAR);
        scene.text(Text { upwards: true, ..text(at, name, NAME, Anchor::Middle) });
    }
}

/// A text that is read from the left.
pub(crate) fn text(at: Place, words: String, size: f64, anchor: Anchor) -> Text {
    Text { at, words, size, anchor, upwards: false }
}

/// The least and greatest of `values`, moved apart where they're equal; (0, 1) where there are none.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return (0.0, 1.0);
    }
    let least = 1e-9 * low.abs().max(high.abs());
    if high - low > least {
        return (low, high);
    }
    let half = if low.abs() > 0.0 { 0.1 * low.abs() } else { 0.5 };
    (low - half, high + half)
}

/// The ticks of a range with their text: about `n_wanted`, and two at least.
fn numbered((low, high): (f64, f64), n_wanted: usize) -> Vec<(f64, String)> {
    let few = ticks(low, high, n_wanted);
    let values = if few.len() < 2 { ticks(low, high, 2 * n_wanted) } else { few };
    let step = if values.len() > 1 { values[1] - values[0] } else { high - low };
    let greatest = low.abs().max(high.abs());
    values.into_iter().map(|value| (value, label(value, step, greatest))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Shape;

    #[test]
    fn words_of_an_axis_do_not_touch() {
        let words: Vec<_> = ["Bergen", "Oslo", "Tromsø"].map(str::to_owned).into_iter().zip(0..).collect();
        let words: Vec<_> = words.into_iter().map(|(word, place)| (f64::from(place), word)).collect();
        let page = Area { left: 0.0, top: 0.0, width: 90.0, height: 60.0 };
        let axis = Axis::new((-1.0, 3.0), "", 3).with_words(&words);
        let frame = Frame { area: page, x: axis, y: Axis::new((0.0, 1.0), "", 2) };
        let mut scene = Scene::new(100.0, 100.0);
        frame.draw_below(&mut scene);
        let drawn: Vec<&Text> = scene
            .marks
            .iter()
            .filter_map(|mark| match &mark.shape {
                Shape::Words(text) if !text.words.is_empty() => Some(text),
                _ => None,
            })
            .collect();
        assert_eq!(drawn.len(), 3);
        let half = |text: &Text| font::width(&text.words, text.size) / 2.0;
        for pair in drawn.windows(2) {
            assert!(pair[0].at[0] + half(pair[0]) < pair[1].at[0] - half(pair[1]), "{pair:?}");
        }
    }
}
