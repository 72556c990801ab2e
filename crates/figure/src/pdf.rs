//! Scenes as PDF: one page of the scene's size, letters as outlines like everywhere.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::RgbImage;
use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref};
use ttf_parser::OutlineBuilder;

use crate::font;
use crate::raster::start;
use crate::scene::{Area, Mark, Place, Scene, Shape, Text};

/// The document's own objects; pictures come after them.
const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const FIRST_PICTURE: i32 = 5;

/// The scene as a file.
pub(crate) fn write(scene: &Scene) -> Vec<u8> {
    let (width, height) = (scene.width as f32, scene.height as f32);
    let pictures: Vec<&RgbImage> = scene.marks.iter().filter_map(picture).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(0.0, 0.0, width, height)).parent(PAGES).contents(CONTENT);
    let mut resources = page.resources();
    let mut names = resources.x_objects();
    for index in 0..pictures.len() {
        names.pair(Name(picture_name(index).as_bytes()), Ref::new(FIRST_PICTURE + index as i32));
    }
    names.finish();
    let mut states = resources.ext_g_states();
    for percent in scene.marks.iter().map(percent).collect::<BTreeSet<u8>>() {
        let opacity = f32::from(percent) / 100.0;
        let mut state = states
            .insert(Name(state_name(percent).as_bytes()))
            .start::<pdf_writer::writers::ExtGraphicsState<'_>>();
        state.stroking_alpha(opacity).non_stroking_alpha(opacity);
    }
    states.finish();
    resources.finish();
    page.finish();
    for (index, image) in pictures.into_iter().enumerate() {
        let pixels = packed(image.as_raw());
        let mut stream = pdf.image_xobject(Ref::new(FIRST_PICTURE + index as i32), &pixels);
        stream.filter(Filter::FlateDecode);
        stream.width(image.width() as i32).height(image.height() as i32);
        stream.color_space().device_rgb();
        stream.bits_per_component(8);
    }
    pdf.stream(CONTENT, &packed(&content(scene))).filter(Filter::FlateDecode);
    pdf.finish()
}

/// What is drawn, in order.
fn content(scene: &Scene) -> Vec<u8> {
    let mut page = Content::new();
    // The scene's y goes downwards.
    page.transform([1.0, 0.0, 0.0, -1.0, 0.0, scene.height as f32]);
    page.set_line_cap(LineCapStyle::RoundCap).set_line_join(LineJoinStyle::RoundJoin);
    let mut n_pictures = 0;
    for mark in &scene.marks {
        page.save_state();
        if let Some(area) = mark.clip {
            rectangle(&mut page, area);
            page.clip_nonzero().end_path();
        }
        page.set_parameters(Name(state_name(percent(mark)).as_bytes()));
        let [red, green, blue] = mark.color.0.map(|value| f32::from(value) / 255.0);
        page.set_fill_rgb(red, green, blue).set_stroke_rgb(red, green, blue);
        draw(&mut page, &mark.shape, &mut n_pictures);
        page.restore_state();
    }
    page.finish().into_vec()
}

fn draw(page: &mut Content, shape: &Shape, n_pictures: &mut usize) {
    match shape {
        Shape::Lines { lines, width } => {
            page.set_line_width(*width as f32);
            for line in lines {
                path(page, line);
            }
            page.stroke();
        }
        Shape::Fill(places) => {
            path(page, places);
            page.close_path().fill_nonzero();
        }
        // A stroke without length has round ends: a disc, by itself, so that two are darker where they overlap.
        Shape::Dots { centres, radius } => {
            page.set_line_width(2.0 * *radius as f32);
            for centre in centres {
                path(page, &[*centre, *centre]);
                page.stroke();
            }
        }
        Shape::Picture { area, .. } => {
            let (width, height) = (area.width as f32, area.height as f32);
            // Pictures lie in the unit square, the first row above.
            page.transform([width, 0.0, 0.0, -height, area.left as f32, area.bottom() as f32]);
            page.x_object(Name(picture_name(*n_pictures).as_bytes()));
            *n_pictures += 1;
        }
        Shape::Words(text) => letters(page, text),
    }
}

fn letters(page: &mut Content, text: &Text) {
    let [x, y] = text.at.map(|place| place as f32);
    let scale = (text.size / font::units()) as f32;
    // From the font's units, whose y goes upwards.
    page.transform(if text.upwards {
        [0.0, -scale, -scale, 0.0, x, y]
    } else {
        [scale, 0.0, 0.0, -scale, x, y]
    });
    for letter in font::letters(&text.words) {
        let right = ((start(text) + text.size * letter.at) * font::units() / text.size) as f32;
        let mut pen = Pen { page, right, at: [0.0; 2] };
        font::outline(letter.glyph, &mut pen);
    }
    page.fill_nonzero();
}

/// The places joined.
fn path(page: &mut Content, places: &[Place]) {
    for (index, place) in places.iter().enumerate() {
        let [x, y] = place.map(|number| number.clamp(-1e6, 1e6) as f32);
        if index == 0 {
            page.move_to(x, y)
        } else {
            page.line_to(x, y)
        };
    }
}

fn rectangle(page: &mut Content, area: Area) {
    let [left, top, width, height] = [area.left, area.top, area.width, area.height].map(|side| side as f32);
    page.rect(left, top, width, height);
}

fn picture(mark: &Mark) -> Option<&RgbImage> {
    match &mark.shape {
        Shape::Picture { image, .. } => Some(image),
        _ => None,
    }
}

/// A mark's opacity, in percent.
fn percent(mark: &Mark) -> u8 {
    (100.0 * mark.opacity).round().clamp(0.0, 100.0) as u8
}

fn state_name(percent: u8) -> String {
    format!("O{percent}")
}

fn picture_name(index: usize) -> String {
    format!("P{index}")
}

/// Bytes as zlib packs them; into memory nothing can fail.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    let _ = packer.write_all(bytes);
    packer.finish().unwrap_or_default()
}

/// Draws a letter's outline so far right of the text's place.
struct Pen<'a> {
    page: &'a mut Content,
    right: f32,
    at: [f32; 2],
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.page.move_to(x + self.right, y);
        self.at = [x, y];
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.page.line_to(x + self.right, y);
        self.at = [x, y];
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        // The same curve as a cubic one, which is all that PDF has.
        let [x0, y0] = self.at;
        let two_thirds = |end: f32, middle: f32| end + 2.0 / 3.0 * (middle - end);
        self.curve_to(two_thirds(x0, x1), two_thirds(y0, y1), two_thirds(x, x1), two_thirds(y, y1), x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.page.cubic_to(x1 + self.right, y1, x2 + self.right, y2, x + self.right, y);
        self.at = [x, y];
    }

    fn close(&mut self) {
        self.page.close_path();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use flate2::read::ZlibDecoder;
    use image::Rgb;

    use super::*;
    use crate::scene::Anchor;

    /// The unpacked streams of a file, in the order of their objects.
    fn streams(file: &[u8]) -> Vec<Vec<u8>> {
        let mut rest = file;
        let mut found = Vec::new();
        let find = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).position(|window| window == word);
        while let Some(at) = find(rest, b"\nstream\n") {
            rest = &rest[at + 8..];
            let mut bytes = Vec::new();
            ZlibDecoder::new(rest).read_to_end(&mut bytes).unwrap();
            found.push(bytes);
            rest = &rest[find(rest, b"endstream").unwrap()..];
        }
        found
    }

    #[test]
    fn every_shape_is_drawn_in_its_place() {
        let area = Area { left: 1.0, top: 2.0, width: 4.0, height: 3.0 };
        let black = Rgb([0, 0, 0]);
        let mut scene = Scene::new(20.0, 10.0);
        scene.add(
            Shape::Lines { lines: vec![vec![[0.0, 0.0], [5.0, 6.0]]], width: 1.5 },
            black,
            1.0,
            Some(area),
        );
        scene.add(Shape::Dots { centres: vec![[7.0, 8.0]], radius: 2.0 }, Rgb([255, 0, 0]), 0.25, None);
        scene.add(Shape::Fill(vec![[1.0, 1.0], [2.0, 1.0], [2.0, 2.0]]), black, 1.0, None);
        let image = RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8, 7, 9]));
        scene.add(Shape::Picture { area, image: Arc::new(image) }, black, 1.0, None);
        let words = "é".to_owned();
        scene.text(Text { at: [3.0, 9.0], words, size: 5.0, anchor: Anchor::Start, upwards: false });
        let file = write(&scene);
        assert!(file.starts_with(b"%PDF-1.") && file.ends_with(b"%%EOF"));
        let text = String::from_utf8_lossy(&file);
        assert!(text.contains("/MediaBox [0 0 20 10]") && text.contains("/ca 0.25"), "{text}");
        let streams = streams(&file);
        assert_eq!(streams[0], [0, 7, 9, 1, 7, 9]);
        let page = String::from_utf8_lossy(&streams[1]);
        for step in [
            "1 0 0 -1 0 10 cm",
            "1 2 4 3 re\nW\nn",
            "1.5 w\n0 0 m\n5 6 l\nS",
            "/O25 gs\n1 0 0 rg",
            "4 w\n7 8 m\n7 8 l\nS",
            "1 1 m\n2 1 l\n2 2 l\nh\nf",
            "4 0 0 -3 1 5 cm\n/P0 Do",
            "3 9 cm",
        ] {
            assert!(page.contains(step), "{step} is not in {page}");
        }
        assert_eq!(write(&scene), file);
    }
}
