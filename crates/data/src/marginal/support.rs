//! The bounds of a quantity, and its map to the whole line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The bounds of a quantity: `0..`, `..100`, `0..1`, or none, `..`. For a lattice both bounds are possible values;
/// otherwise values come arbitrarily close to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bounds {
    /// The lower bound.
    pub lower: Option<f64>,
    /// The upper bound.
    pub upper: Option<f64>,
}

impl FromStr for Bounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("bounds are written `0..`, `..100` or `0..1`, found: {text}");
        let (lower, upper) = text.split_once("..").ok_or_else(wrong)?;
        let number = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().ok().filter(|value: &f64| value.is_finite()).map(Some).ok_or_else(wrong),
        };
        Self::between(number(lower)?, number(upper)?)
            .ok_or_else(|| format!("the lower bound has to be below the upper one, found: {text}"))
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |bound: Option<f64>| bound.map_or_else(String::new, |bound| bound.to_string());
        write!(f, "{}..{}", side(self.lower), side(self.upper))
    }
}

impl TryFrom<String> for Bounds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Bounds> for String {
    fn from(bounds: Bounds) -> Self {
        bounds.to_string()
    }
}

/// Logarithms beyond are those of no finite number.
const FARTHEST: f64 = 700.0;

/// A value on the whole line with the logarithm of its derivative, both `[N]`.
pub(crate) struct Stretched {
    pub(crate) y: Tensor,
    pub(crate) log_derivative: Tensor,
}

impl Bounds {
    /// The bounds with these ends, if they are finite and the lower one is below the upper one.
    pub(crate) fn between(lower: Option<f64>, upper: Option<f64>) -> Option<Self> {
        let finite = lower.into_iter().chain(upper).all(f64::is_finite);
        let empty = matches!((lower, upper), (Some(lower), Some(upper)) if lower >= upper);
        (finite && !empty).then_some(Self { lower, upper })
    }

    /// Whether there is no bound.
    pub fn is_open(&self) -> bool {
        self.lower.is_none() && self.upper.is_none()
    }

    /// Whether `x`, `[N]`, lies between the bounds.
    pub(crate) fn hold(&self, x: &Tensor) -> Tensor {
        let above = self.lower.map_or_else(|| x.isfinite(), |lower| x.gt(lower));
        self.upper.map_or_else(|| above.shallow_clone(), |upper| above.logical_and(&x.lt(upper)))
    }

    /// The map of what lies between the bounds onto the line: by logarithms, each bound infinitely far.
    pub(crate) fn stretch(&self, x: &Tensor) -> Stretched {
        match (self.lower, self.upper) {
            (None, None) => Stretched { y: x.shallow_clone(), log_derivative: x.zeros_like() },
            (Some(lower), None) => {
                let y = (x - lower).log();
                Stretched { log_derivative: -&y, y }
            }
            (None, Some(upper)) => {
                let y = -(upper - x).log();
                Stretched { log_derivative: y.shallow_clone(), y }
            }
            (Some(lower), Some(upper)) => {
                let (from, to) = ((x - lower).log(), (upper - x).log());
                Stretched { y: &from - &to, log_derivative: (upper - lower).ln() - from - to }
            }
        }
    }

    /// What [`Bounds::stretch`] maps to `y`, `[N]`; finite however large that is.
    pub(super) fn shrink(&self, y: &Tensor) -> Tensor {
        let finite = || y.clamp(-FARTHEST, FARTHEST);
        match (self.lower, self.upper) {
            (None, None) => y.shallow_clone(),
            (Some(lower), None) => finite().exp() + lower,
            (None, Some(upper)) => upper - (-finite()).exp(),
            (Some(lower), Some(upper)) => y.sigmoid() * (upper - lower) + lower,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_written_alike_and_nonsense_is_refused() {
        for text in ["0..", "..100", "-0.5..1", ".."] {
            assert_eq!(text.parse::<Bounds>().unwrap().to_string(), text);
        }
        for text in ["", "0", "1..0", "1..1", "a..", "..inf", "0..NaN"] {
            assert!(text.parse::<Bounds>().is_err(), "{text}");
        }
    }

    #[test]
    fn stretching_is_undone_with_the_derivative_of_a_difference() {
        for bounds in ["..", "-1..", "..9", "-1..9"] {
            let bounds: Bounds = bounds.parse().unwrap();
            let x = Tensor::from_slice(&[-0.999, 0.0, 3.0, 8.9]);
            let Stretched { y, log_derivative } = bounds.stretch(&x);
            let h = 1e-6;
            let slope = (bounds.stretch(&(&x + h)).y - bounds.stretch(&(&x - h)).y) / (2.0 * h);
            assert!((slope.log() - log_derivative).abs().max().double_value(&[]) < 1e-4, "{bounds}");
            assert!((bounds.shrink(&y) - &x).abs().max().double_value(&[]) < 1e-12, "{bounds}");
            assert!(bounds.hold(&x).all().int64_value(&[]) == 1);
        }
        let bounds: Bounds = "-1..9".parse().unwrap();
        let held = bounds.hold(&Tensor::from_slice(&[-1.0, 9.0, f64::NAN, 5.0]));
        assert_eq!(Vec::<bool>::try_from(held).unwrap(), [false, false, false, true]);
    }
}
