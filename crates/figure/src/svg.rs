//! Scenes as SVG.
//!
//! Letters are outlines, each written once and used by number, so that no viewer needs a font; the text itself is the
//! label of its group, for those who search or listen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use image::Rgb;
use ttf_parser::{GlyphId, OutlineBuilder};

use crate::error::Result;
use crate::file::png;
use crate::font;
use crate::raster::start;
use crate::scene::{Area, Mark, Place, Scene, Shape, Text};

/// The scene as a file.
pub(crate) fn write(scene: &Scene) -> Result<String> {
    let (width, height) = (number(scene.width), number(scene.height));
    let mut file = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n{}<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n",
        definitions(scene)
    );
    let clips = clips(scene);
    for mark in &scene.marks {
        let clip = mark.clip.and_then(|area| clips.iter().position(|known| *known == area));
        let clip = clip.map_or_else(String::new, |index| format!(" clip-path=\"url(#c{index})\""));
        file.push_str(&element(mark, &clip)?);
    }
    file.push_str("</svg>\n");
    Ok(file)
}

/// The text of an SVG file of this crate for use as a part of a page. The names of its letters and areas get the
/// prefix `prefix`, so that several figures on one page do not clash.
///
/// ```
/// use interflow_figure::{Figure, RgbImage, curve_image, inlined};
///
/// # fn main() -> interflow_figure::Result<()> {
/// let losses = vec![(0.0, 1.0), (1.0, 0.5)];
/// let figure = curve_image(&[("training".to_owned(), losses)], "step", "loss");
/// assert!(inlined(&figure.svg()?, "first-").contains("<use href=\"#first-g"));
/// # Ok(())
/// # }
/// ```
pub fn inlined(svg: &str, prefix: &str) -> String {
    // In texts quotes are entities, so that none of these stands in one.
    ["<path id=\"", "<clipPath id=\"", "<use href=\"#", " clip-path=\"url(#"]
        .into_iter()
        .fold(svg.to_owned(), |svg, name| svg.replace(name, &[name, prefix].concat()))
}

/// The outlines of all letters and the areas of all panels.
fn definitions(scene: &Scene) -> String {
    let texts = scene.marks.iter().filter_map(|mark| match &mark.shape {
        Shape::Words(text) => Some(text),
        _ => None,
    });
    let glyphs: BTreeSet<GlyphId> =
        texts.flat_map(|text| font::letters(&text.words)).map(|letter| letter.glyph).collect();
    let mut lines = String::from("<defs>\n");
    for glyph in glyphs {
        let mut pen = Pen(String::new());
        font::outline(glyph, &mut pen);
        let _ = writeln!(lines, "<path id=\"g{}\" d=\"{}\"/>", glyph.0, pen.0);
    }
    for (index, area) in clips(scene).iter().enumerate() {
        let _ = writeln!(lines, "<clipPath id=\"c{index}\"><rect {}/></clipPath>", sides(*area));
    }
    lines + "</defs>\n"
}

fn clips(scene: &Scene) -> Vec<Area> {
    let mut clips: Vec<Area> = Vec::new();
    for area in scene.marks.iter().filter_map(|mark| mark.clip) {
        if !clips.contains(&area) {
            clips.push(area);
        }
    }
    clips
}

fn element(mark: &Mark, clip: &str) -> Result<String> {
    let color = hexadecimal(mark.color);
    let (fill, stroke) = (opacity("fill-opacity", mark.opacity), opacity("stroke-opacity", mark.opacity));
    Ok(match &mark.shape {
        Shape::Lines { lines, width } => {
            let path: String = lines.iter().map(|line| path(line)).collect();
            format!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{}\"{stroke} \
                 stroke-linecap=\"round\" stroke-linejoin=\"round\"{clip}/>\n",
                number(*width)
            )
        }
        Shape::Fill(places) => format!("<path d=\"{}Z\" fill=\"{color}\"{fill}{clip}/>\n", path(places)),
        Shape::Dots { centres, radius } => {
            let dot = |[x, y]: &Place| {
                format!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"/>", number(*x), number(*y), number(*radius))
            };
            let dots: String = centres.iter().map(dot).collect();
            format!("<g fill=\"{color}\"{fill}{clip}>{dots}</g>\n")
        }
        Shape::Picture { area, image } => format!(
            "<image {} preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" \
             href=\"data:image/png;base64,{}\"/>\n",
            sides(*area),
            BASE64.encode(png(image)?)
        ),
        Shape::Words(text) => letters(text, &color),
    })
}

fn letters(text: &Text, color: &str) -> String {
    let scale = text.size / font::units();
    let turn = if text.upwards { " rotate(-90)" } else { "" };
    let (x, y) = (number(text.at[0]), number(text.at[1]));
    let scale_text = format!("{scale:.6}");
    let mut group = format!(
        "<g aria-label=\"{}\" fill=\"{color}\" transform=\"translate({x} {y}){turn} scale({scale_text} -{scale_text})\">",
        escaped(&text.words)
    );
    for letter in font::letters(&text.words) {
        let at = (start(text) + text.size * letter.at) / scale;
        let _ = write!(group, "<use href=\"#g{}\" x=\"{at:.0}\"/>", letter.glyph.0);
    }
    group + "</g>\n"
}

/// The places joined.
fn path(places: &[Place]) -> String {
    let mut path = String::new();
    for (index, [x, y]) in places.iter().enumerate() {
        let step = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{step}{} {}", number(x.clamp(-1e6, 1e6)), number(y.clamp(-1e6, 1e6)));
    }
    path
}

fn sides(area: Area) -> String {
    let [left, top, width, height] = [area.left, area.top, area.width, area.height].map(number);
    format!("x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"")
}

/// A length to a hundredth of a point.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

fn opacity(name: &str, value: f64) -> String {
    if value < 1.0 { format!(" {name}=\"{}\"", number(value)) } else { String::new() }
}

fn hexadecimal(Rgb([red, green, blue]): Rgb<u8>) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    let kept = text.chars().filter(|letter| !letter.is_control());
    let escape = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        letter => letter.to_string(),
    };
    kept.map(escape).collect()
}

struct Pen(String);

impl Pen {
    fn step(&mut self, kind: char, numbers: &[f32]) {
        self.0.push(kind);
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        self.0.push_str(&numbers.join(" "));
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.step('M', &[x, y]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.step('L', &[x, y]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.step('Q', &[x1, y1, x, y]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.step('C', &[x1, y1, x2, y2, x, y]);
    }

    fn close(&mut self) {
        self.0.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_texts_escaped() {
        assert_eq!([2.0, 0.126, -0.001, 130.5].map(number), ["2", "0.13", "0", "130.5"]);
        assert_eq!(escaped("a<b & \"c\"\n"), "a&lt;b &amp; &quot;c&quot;");
    }

    #[test]
    fn names_of_a_part_of_a_page_begin_with_its_prefix() {
        let mut scene = Scene::new(20.0, 10.0);
        let area = Area { left: 0.0, top: 0.0, width: 5.0, height: 5.0 };
        let words = "<use href=\"#g".to_owned();
        let text =
            Text { at: [0.0, 5.0], words, size: 5.0, anchor: crate::scene::Anchor::Start, upwards: false };
        scene.text(text);
        scene.add(Shape::Fill(vec![[0.0, 0.0], [1.0, 1.0]]), Rgb([0, 0, 0]), 1.0, Some(area));
        let svg = write(&scene).unwrap();
        let page = inlined(&svg, "f1-");
        for attribute in ["id=\"", "href=\"#", "url(#"] {
            let names: Vec<&str> = page.split(attribute).skip(1).collect();
            assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("f1-")), "{page}");
        }
        assert_eq!(page.replace("f1-", ""), svg);
    }
}
