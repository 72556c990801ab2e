//! Colours: a perceptually uniform map from [0, 1], and the palette of lines.

use image::Rgb;

pub(crate) const WHITE: Rgb<u8> = Rgb([255, 255, 255]);
pub(crate) const INK: Rgb<u8> = Rgb([38, 42, 51]);
pub(crate) const AXIS: Rgb<u8> = Rgb([120, 125, 135]);
pub(crate) const GRID: Rgb<u8> = Rgb([232, 234, 238]);
pub(crate) const BLUE: Rgb<u8> = Rgb([31, 102, 176]);
pub(crate) const ORANGE: Rgb<u8> = Rgb([226, 110, 28]);

/// Colours that stay apart for colour-blind readers (after Okabe and Ito), for the lines of a chart;
/// past the first seven they only differ.
const PALETTE: [Rgb<u8>; 10] = [
    BLUE,
    ORANGE,
    Rgb([0, 150, 110]),
    Rgb([196, 84, 150]),
    Rgb([86, 170, 225]),
    Rgb([190, 150, 20]),
    Rgb([95, 95, 105]),
    Rgb([140, 30, 45]),
    Rgb([75, 60, 150]),
    Rgb([125, 185, 80]),
];

/// Nine evenly spaced colours of matplotlib's magma.
const MAGMA: [[f64; 3]; 9] = [
    [0.0, 0.0, 4.0],
    [29.0, 17.0, 71.0],
    [81.0, 18.0, 124.0],
    [130.0, 38.0, 129.0],
    [182.0, 54.0, 121.0],
    [230.0, 81.0, 100.0],
    [251.0, 136.0, 97.0],
    [254.0, 194.0, 135.0],
    [252.0, 253.0, 191.0],
];

/// The colour of `value` in [0, 1], dark to bright; values outside are clamped and NaN is dark.
pub(crate) fn magma(value: f64) -> Rgb<u8> {
    let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
    let place = value * (MAGMA.len() - 1) as f64;
    let below = (place as usize).min(MAGMA.len() - 2);
    let share = place - below as f64;
    let (low, high) = (MAGMA[below], MAGMA[below + 1]);
    Rgb(std::array::from_fn(|c| (low[c] + share * (high[c] - low[c])).round() as u8))
}

/// The colour of a chart's line number `index`.
pub(crate) fn line_color(index: usize) -> Rgb<u8> {
    PALETTE[index % PALETTE.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_grows_with_the_value() {
        let light = |v: f64| {
            let Rgb([r, g, b]) = magma(v);
            0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
        };
        for i in 0..64 {
            assert!(light(f64::from(i + 1) / 64.0) >= light(f64::from(i) / 64.0), "at {i}");
        }
    }

    #[test]
    fn values_outside_are_clamped() {
        assert_eq!(magma(-1.0), magma(0.0));
        assert_eq!(magma(2.0), magma(1.0));
        assert_eq!(magma(f64::NAN), magma(0.0));
    }
}
