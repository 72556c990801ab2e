//! What axes of all charts share: ranges, ticks with their text, thin rules.

use image::{Rgb, RgbImage};

use crate::canvas::{self, Pen};
use crate::ticks::{label, ticks};

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
pub(crate) fn numbered((low, high): (f64, f64), n_wanted: usize) -> Vec<(f64, String)> {
    let few = ticks(low, high, n_wanted);
    let values = if few.len() < 2 { ticks(low, high, 2 * n_wanted) } else { few };
    let step = if values.len() > 1 { values[1] - values[0] } else { high - low };
    values.into_iter().map(|value| (value, label(value, step))).collect()
}

/// The middle of the pixel that holds `v`.
pub(crate) fn on_pixel(v: f64) -> f64 {
    v.floor() + 0.5
}

/// A line one pixel wide.
pub(crate) fn rule(image: &mut RgbImage, from: [f64; 2], to: [f64; 2], color: Rgb<u8>) {
    canvas::line(image, from, to, Pen { color, width: 1.0, opacity: 1.0 });
}
