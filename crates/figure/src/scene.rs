//! What a figure consists of: marks on a plane, which the writers (`raster`, `svg`, `pdf`) draw alike.
//!
//! Lengths are in points, y downwards, as in SVG.

use std::sync::Arc;

use image::{Rgb, RgbImage};

/// A place on the plane.
pub(crate) type Place = [f64; 2];

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Area {
    pub(crate) fn right(self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(self) -> f64 {
        self.top + self.height
    }

    fn placed(self, by: Placement) -> Self {
        let [left, top] = by.of([self.left, self.top]);
        Self { left, top, width: by.scale * self.width, height: by.scale * self.height }
    }
}

/// Which point of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text on one line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    /// Where the line on which the letters stand is, at the anchor.
    pub(crate) at: Place,
    pub(crate) words: String,
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    /// Whether it is read from below.
    pub(crate) upwards: bool,
}

/// The form of a mark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Strokes, each through its places; where they overlap they are not darker.
    Lines {
        lines: Vec<Vec<Place>>,
        width: f64,
    },
    /// A filled polygon.
    Fill(Vec<Place>),
    /// Discs; where they overlap they are darker.
    Dots {
        centres: Vec<Place>,
        radius: f64,
    },
    /// Pixels, stretched over an area without smoothing.
    Picture {
        area: Area,
        image: Arc<RgbImage>,
    },
    Words(Text),
}

/// A shape and how it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub(crate) shape: Shape,
    pub(crate) color: Rgb<u8>,
    pub(crate) opacity: f64,
    /// Nothing is drawn outside it.
    pub(crate) clip: Option<Area>,
}

/// A page of marks, the later ones above the earlier.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) marks: Vec<Mark>,
}

/// Where, and how much larger, a scene is put into another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub(crate) at: Place,
    pub(crate) scale: f64,
}

impl Placement {
    fn of(self, [x, y]: Place) -> Place {
        [self.at[0] + self.scale * x, self.at[1] + self.scale * y]
    }
}

impl Scene {
    /// An empty page.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, marks: Vec::new() }
    }

    pub(crate) fn add(&mut self, shape: Shape, color: Rgb<u8>, opacity: f64, clip: Option<Area>) {
        self.marks.push(Mark { shape, color, opacity, clip });
    }

    /// A stroke from one place to another.
    pub(crate) fn rule(&mut self, from: Place, to: Place, color: Rgb<u8>) {
        self.add(Shape::Lines { lines: vec![vec![from, to]], width: 1.0 }, color, 1.0, None);
    }

    /// The outline of an area.
    pub(crate) fn frame(&mut self, area: Area, color: Rgb<u8>) {
        let (left, top, right, bottom) = (area.left, area.top, area.right(), area.bottom());
        let line = vec![[left, top], [right, top], [right, bottom], [left, bottom], [left, top]];
        self.add(Shape::Lines { lines: vec![line], width: 1.0 }, color, 1.0, None);
    }

    /// A filled area.
    pub(crate) fn block(&mut self, area: Area, color: Rgb<u8>, opacity: f64) {
        let (left, top, right, bottom) = (area.left, area.top, area.right(), area.bottom());
        self.add(
            Shape::Fill(vec![[left, top], [right, top], [right, bottom], [left, bottom]]),
            color,
            opacity,
            None,
        );
    }

    pub(crate) fn text(&mut self, text: Text) {
        self.add(Shape::Words(text), crate::colormap::INK, 1.0, None);
    }

    /// Puts another scene's marks onto this one.
    pub(crate) fn put(&mut self, other: Self, by: Placement) {
        self.marks.extend(other.marks.into_iter().map(|mark| mark.placed(by)));
    }
}

impl Mark {
    fn placed(self, by: Placement) -> Self {
        let all = |places: Vec<Place>| places.into_iter().map(|place| by.of(place)).collect::<Vec<_>>();
        let shape = match self.shape {
            Shape::Lines { lines, width } => {
                Shape::Lines { lines: lines.into_iter().map(all).collect(), width: by.scale * width }
            }
            Shape::Fill(places) => Shape::Fill(all(places)),
            Shape::Dots { centres, radius } => {
                Shape::Dots { centres: all(centres), radius: by.scale * radius }
            }
            Shape::Picture { area, image } => Shape::Picture { area: area.placed(by), image },
            Shape::Words(text) => {
                Shape::Words(Text { at: by.of(text.at), size: by.scale * text.size, ..text })
            }
        };
        Self { shape, clip: self.clip.map(|area| area.placed(by)), ..self }
    }
}

/// The pieces of a line between places that are not finite; single places that have no finite neighbour apart.
pub(crate) fn pieces(places: impl Iterator<Item = Place>) -> (Vec<Vec<Place>>, Vec<Place>) {
    let (mut lines, mut alone, mut piece) = (Vec::new(), Vec::new(), Vec::new());
    let mut close = |piece: &mut Vec<Place>| match piece.len() {
        0 => {}
        1 => alone.append(piece),
        _ => lines.push(std::mem::take(piece)),
    };
    for place in places {
        if place.iter().all(|number| number.is_finite()) {
            piece.push(place);
        } else {
            close(&mut piece);
        }
    }
    close(&mut piece);
    (lines, alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_not_finite_break_a_line() {
        let hole = [f64::NAN, 0.0];
        let (lines, alone) = pieces([[0.0, 0.0], [1.0, 0.0], hole, [2.0, 0.0], hole, hole].into_iter());
        assert_eq!(lines, [[[0.0, 0.0], [1.0, 0.0]]]);
        assert_eq!(alone, [[2.0, 0.0]]);
    }
}
