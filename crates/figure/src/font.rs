//! Letters as outlines, from a font that is part of the program: figures look the same wherever they are drawn or seen.

use std::sync::OnceLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// The font, `DejaVu` Sans, which has Latin, Greek, Cyrillic and the signs of mathematics. Letters that it lacks
/// (Chinese, Japanese, Korean) are boxes.
fn face() -> Option<&'static Face<'static>> {
    static FACE: OnceLock<Option<Face<'static>>> = OnceLock::new();
    FACE.get_or_init(|| Face::parse(dejavu::sans::regular(), 0).ok()).as_ref()
}

/// One letter of a text, and how far right of the text's beginning it stands, in units of the font's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Letter {
    pub(crate) glyph: GlyphId,
    pub(crate) at: f64,
}

/// The letters of a text in their places. Control characters have no place.
pub(crate) fn letters(text: &str) -> Vec<Letter> {
    let Some(face) = face() else { return Vec::new() };
    let mut at = 0.0;
    let mut letters = Vec::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        let glyph = face.glyph_index(letter).unwrap_or(GlyphId(0));
        letters.push(Letter { glyph, at });
        at += advance(face, glyph);
    }
    letters
}

/// The width of a text in a font of this size.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let Some(face) = face() else { return 0.0 };
    let glyphs = text.chars().filter(|letter| !letter.is_control());
    size * glyphs.map(|letter| advance(face, face.glyph_index(letter).unwrap_or(GlyphId(0)))).sum::<f64>()
}

/// The text as far as it fits into this width, with `…` at the end where it does not.
pub(crate) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let short: String = kept.iter().chain(&['…']).collect();
        if width(&short, size) <= room {
            return short;
        }
    }
    String::new()
}

fn advance(face: &Face<'_>, glyph: GlyphId) -> f64 {
    f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) / f64::from(face.units_per_em())
}

/// Draws a letter in units of the font, `units` to its size, y upwards from the line on which it stands.
pub(crate) fn outline(glyph: GlyphId, builder: &mut dyn OutlineBuilder) {
    if let Some(face) = face() {
        // A blank has no outline.
        let _ = face.outline_glyph(glyph, builder);
    }
}

/// How many units of the font make its size.
pub(crate) fn units() -> f64 {
    face().map_or(1.0, |face| f64::from(face.units_per_em()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_the_signs_of_figures() {
        for letter in "AZaz09ρεηγαβσμ½¼₁₂∇∫±−·×°ÄÖÜßéłжя…".chars() {
            assert!(face().unwrap().glyph_index(letter).is_some(), "no {letter}");
        }
    }

    #[test]
    fn a_text_that_is_too_wide_is_cut() {
        assert_eq!(fitted("short", 10.0, 100.0), "short");
        let cut = fitted("a text that is far too wide", 10.0, 60.0);
        assert!(cut.ends_with('…') && cut.starts_with("a text") && width(&cut, 10.0) <= 60.0, "{cut}");
        assert_eq!(fitted("wide", 10.0, 0.0), "");
    }
}
