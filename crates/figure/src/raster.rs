//! Scenes as pixels.

use image::{Rgb, RgbImage};
use tiny_skia::{
    FillRule, FilterQuality, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Rect,
    Stroke, Transform,
};
use ttf_parser::OutlineBuilder;

use crate::font;
use crate::scene::{Anchor, Area, Mark, Place, Scene, Shape, Text};

/// The scene on white, with so many pixels to a point. Nothing where it has no area.
pub(crate) fn render(scene: &Scene, scale: f64) -> Option<RgbImage> {
    let side = |length: f64| (length * scale).round() as u32;
    let mut page = Pixmap::new(side(scene.width), side(scene.height))?;
    page.fill(tiny_skia::Color::WHITE);
    let mut canvas = Canvas { page, scale: Transform::from_scale(scale as f32, scale as f32), clip: None };
    for mark in &scene.marks {
        canvas.draw(mark);
    }
    let (width, height) = (canvas.page.width(), canvas.page.height());
    let rgb = canvas.page.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    RgbImage::from_raw(width, height, rgb)
}

struct Canvas {
    page: Pixmap,
    scale: Transform,
    /// The last area to which drawing was confined: marks of one panel follow each other.
    clip: Option<(Area, Mask)>,
}

impl Canvas {
    fn draw(&mut self, mark: &Mark) {
        self.confine(mark.clip);
        let mask = mark.clip.and(self.clip.as_ref()).map(|(_, mask)| mask);
        let paint = paint(mark.color, mark.opacity);
        let mut fill = |path: Option<Path>, transform: Transform| {
            if let Some(path) = path {
                self.page.fill_path(&path, &paint, FillRule::Winding, self.scale.pre_concat(transform), mask);
            }
        };
        match &mark.shape {
            Shape::Fill(places) => fill(polygon(places), Transform::identity()),
            Shape::Dots { centres, radius } => {
                let dot = PathBuilder::from_circle(0.0, 0.0, *radius as f32);
                for centre in centres.iter().filter(|centre| is_near(**centre)) {
                    fill(dot.clone(), Transform::from_translate(centre[0] as f32, centre[1] as f32));
                }
            }
            Shape::Words(text) => {
                for (path, transform) in letters(text) {
                    fill(path, transform);
                }
            }
            Shape::Lines { lines, width } => {
                if let Some(path) = polylines(lines) {
                    let stroke = Stroke {
                        width: *width as f32,
                        line_cap: LineCap::Round,
                        line_join: LineJoin::Round,
                        ..Stroke::default()
                    };
                    self.page.stroke_path(&path, &paint, &stroke, self.scale, mask);
                }
            }
            Shape::Picture { area, image } => self.picture(*area, image),
        }
    }

    fn confine(&mut self, to: Option<Area>) {
        let Some(area) = to else { return };
        if self.clip.as_ref().is_some_and(|(known, _)| *known == area) {
            return;
        }
        let mask = Mask::new(self.page.width(), self.page.height()).map(|mut mask| {
            let [left, top, width, height] = [area.left, area.top, area.width, area.height].map(|v| v as f32);
            if let Some(rect) = Rect::from_xywh(left, top, width, height) {
                mask.fill_path(&PathBuilder::from_rect(rect), FillRule::Winding, false, self.scale);
            }
            mask
        });
        self.clip = mask.map(|mask| (area, mask));
    }

    fn picture(&mut self, area: Area, image: &RgbImage) {
        let Some(mut pixels) = Pixmap::new(image.width(), image.height()) else { return };
        for (to, from) in pixels.data_mut().chunks_exact_mut(4).zip(image.pixels()) {
            to.copy_from_slice(&[from[0], from[1], from[2], 255]);
        }
        let (x, y) = (area.width / f64::from(image.width()), area.height / f64::from(image.height()));
        let place = Transform::from_row(x as f32, 0.0, 0.0, y as f32, area.left as f32, area.top as f32);
        let paint = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
        self.page.draw_pixmap(0, 0, pixels.as_ref(), &paint, self.scale.pre_concat(place), None);
    }
}

fn paint(Rgb([red, green, blue]): Rgb<u8>, opacity: f64) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, (opacity * 255.0).round() as u8);
    paint
}

/// Whether a place is so near that single precision knows it.
fn is_near(place: Place) -> bool {
    place.iter().all(|number| number.abs() < 1e6)
}

/// A place brought near: what lies so far out is not seen, but the line towards it is.
fn near([x, y]: Place) -> [f32; 2] {
    [x, y].map(|number| number.clamp(-1e6, 1e6) as f32)
}

fn polygon(places: &[Place]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    add(&mut builder, places);
    builder.close();
    builder.finish()
}

fn polylines(lines: &[Vec<Place>]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for line in lines {
        add(&mut builder, line);
    }
    builder.finish()
}

fn add(builder: &mut PathBuilder, places: &[Place]) {
    for (index, place) in places.iter().enumerate() {
        let [x, y] = near(*place);
        if index == 0 {
            builder.move_to(x, y);
        } else {
            builder.line_to(x, y);
        }
    }
}

/// The letters of a text as outlines in the font's units, and where they go.
fn letters(text: &Text) -> Vec<(Option<Path>, Transform)> {
    let scale = (text.size / font::units()) as f32;
    let turn = if text.upwards { Transform::from_rotate(-90.0) } else { Transform::identity() };
    let base = Transform::from_translate(text.at[0] as f32, text.at[1] as f32).pre_concat(turn);
    let start = start(text);
    let letter = |letter: font::Letter| {
        let mut pen = Pen(PathBuilder::new());
        font::outline(letter.glyph, &mut pen);
        let at = Transform::from_translate((start + text.size * letter.at) as f32, 0.0);
        (pen.0.finish(), base.pre_concat(at).pre_scale(scale, -scale))
    };
    font::letters(&text.words).into_iter().map(letter).collect()
}

/// Where a text begins, along its own direction from its anchor.
pub(crate) fn start(text: &Text) -> f64 {
    let width = font::width(&text.words, text.size);
    match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    }
}

struct Pen(PathBuilder);

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
