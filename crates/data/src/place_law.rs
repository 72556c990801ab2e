//! The law of dequantisation noise: where within its cell a whole number's point lies.
//!
//! A number k of quanta becomes `x = k + u`, where the place u in (0, 1) has the density q. For every law q, a
//! density ρ of such points bounds the probability of the number,
//!
//! ```text
//! log P(k) ≥ E[log ρ(k + u) − log q(u)],
//! ```
//!
//! with equality if ρ has the shape of q in each cell. Uniform places have q = 1 and jumps at the ends of cells,
//! which a smooth velocity has to form in the last moments of its path. Truncated normal places, `u = ½ + z/(2c)`
//! with `z ~ N(0, 1)` and |z| ≤ c, have a density that is small at the ends of a cell: the target is a sum of equal
//! bells that do not overlap, and the velocity needs no detail finer than `1/(2c)` of a cell \[Z23\]. It is the law
//! of the path itself at the time τ at which the noise α(τ)/β(τ) is that of the bells, used as the target of another
//! path.

use interflow_core::rng::Draw;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The density q of a place in (0, 1), as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PlaceLaw {
    /// Uniform in the cell.
    Uniform {},
    /// A normal law around the middle of the cell, truncated at ±`width` standard deviations, which are the ends of
    /// the cell.
    TruncatedNormal {
        /// The half width c of the cell in standard deviations of the normal law.
        #[serde(default = "three")]
        width: f64,
    },
}

impl Default for PlaceLaw {
    fn default() -> Self {
        Self::Uniform {}
    }
}

fn three() -> f64 {
    3.0
}

impl PlaceLaw {
    /// Whether this is the uniform law, the default, which configs leave out.
    pub fn is_uniform(&self) -> bool {
        matches!(self, Self::Uniform {})
    }

    /// Refuses a width that is out of range.
    ///
    /// # Errors
    /// [`Error::Place`] unless it is in 0.5..=6.
    pub fn check(&self) -> Result<()> {
        match *self {
            Self::TruncatedNormal { width } if !(0.5..=6.0).contains(&width) => Err(Error::Place { width }),
            _ => Ok(()),
        }
    }

    /// Places of kind `Double`, `[N, D]`, each column by the law that `laws` has for it: uniform ones where there is none.
    pub(crate) fn draw(laws: &[Self], size: &[i64], draw: &mut Draw) -> Tensor {
        let places = draw.uniform(size, Kind::Float).to_kind(Kind::Double);
        for (law, column) in laws.iter().zip(places.unbind(1)).filter(|(law, _)| !law.is_uniform()) {
            // Columns of an unbound tensor share its memory.
            column.shallow_clone().copy_(&law.quantile(&column));
        }
        places
    }

    /// The quantile function: the places, in the shape of `u`, below which a fraction `u` in (0, 1) of the law lies.
    pub fn quantile(&self, u: &Tensor) -> Tensor {
        let Self::TruncatedNormal { width } = *self else { return u.shallow_clone() };
        let below = normal_below(-width);
        let z = (u * (1.0 - 2.0 * below) + below).special_ndtri();
        (z / (2.0 * width) + 0.5).clamp(0.0, 1.0)
    }

    /// The log-density log q at `places`, in their shape, in nats for a cell of length 1.
    pub fn log_density(&self, places: &Tensor) -> Tensor {
        let Self::TruncatedNormal { width } = *self else { return places.zeros_like() };
        let z = (places - 0.5) * (2.0 * width);
        let scale = 2.0 * width / ((2.0 * std::f64::consts::PI).sqrt() * (1.0 - 2.0 * normal_below(-width)));
        z.square() * -0.5 + scale.ln()
    }
}

/// The mass of N(0, 1) below z.
fn normal_below(z: f64) -> f64 {
    Tensor::from(z).special_ndtr().double_value(&[])
}

/// Places as odd multiples of 2⁻¹⁶, by a table over 16 random bits of which the last is set: added to a number below 256, they
/// are exact in single precision, and no rounding can carry a point into the next cell.
#[derive(Debug, Clone)]
pub(crate) struct OddPlaces {
    /// The place of each odd number of 16 bits, in 2⁻¹⁶; nothing where it is that number.
    table: Option<Vec<u16>>,
}

impl OddPlaces {
    pub(crate) fn of(law: PlaceLaw) -> Self {
        if law.is_uniform() {
            return Self { table: None };
        }
        let odd = Tensor::arange(1 << 15, (Kind::Double, Device::Cpu)) * 2.0 + 1.0;
        let places = law.quantile(&(odd / 65536.0)) * 65536.0;
        let mut table = vec![0f64; 1 << 15];
        places.copy_data(&mut table, 1 << 15);
        Self { table: Some(table.into_iter().map(|place| place.min(65535.0) as u16 | 1).collect()) }
    }

    /// The place that 16 random bits decide on.
    pub(crate) fn at(&self, bits: u16) -> f32 {
        let odd = bits | 1;
        let place = self.table.as_ref().map_or(odd, |table| table[usize::from(odd >> 1)]);
        f32::from(place) * (1.0 / 65536.0)
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::{Purpose, Stream};

    use super::*;

    const BELLS: PlaceLaw = PlaceLaw::TruncatedNormal { width: 3.0 };

    /// ∫ q(u) f(u) du by the rule of midpoints.
    fn mean(law: PlaceLaw, f: impl Fn(&Tensor) -> Tensor) -> f64 {
        let n = 100_000;
        let u = (Tensor::arange(n, (Kind::Double, Device::Cpu)) + 0.5) / n as f64;
        (law.log_density(&u).exp() * f(&u)).mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn densities_are_those_of_the_draws() {
        for law in [PlaceLaw::default(), BELLS, PlaceLaw::TruncatedNormal { width: 1.0 }] {
            assert!((mean(law, Tensor::ones_like) - 1.0).abs() < 1e-8);
            let places =
                PlaceLaw::draw(&[law], &[200_000, 1], &mut Stream::new(1, Purpose::Dequantise).at(0));
            for power in [1.0, 2.0, 4.0] {
                let moment = |u: &Tensor| (u - 0.5).abs().pow_tensor_scalar(power);
                let (found, expected) =
                    (moment(&places).mean(Kind::Double).double_value(&[]), mean(law, moment));
                assert!((found - expected).abs() < 0.01 * expected, "{found} for {expected}, power {power}");
            }
            assert!(places.min().double_value(&[]) >= 0.0 && places.max().double_value(&[]) <= 1.0);
        }
    }

    #[test]
    fn odd_places_follow_the_law() {
        let mut square = 0.0;
        let places = OddPlaces::of(BELLS);
        for bits in 0..=u16::MAX {
            let place = f64::from(places.at(bits));
            assert!(place > 0.0 && place < 1.0);
            square += (place - 0.5).powi(2) / 65536.0;
        }
        let expected = mean(BELLS, |u| (u - 0.5).square());
        assert!((square - expected).abs() < 1e-5, "{square} for {expected}");
    }

    #[test]
    fn misspelt_and_impossible_laws_are_refused() {
        let read = serde_json::from_str::<PlaceLaw>;
        assert_eq!(read(r#"{"kind":"truncated-normal"}"#).unwrap(), BELLS);
        assert!(read(r#"{"kind":"truncated-normal","widht":3}"#).is_err());
        assert!(read(r#"{"kind":"uniform","width":3}"#).is_err());
        assert!(PlaceLaw::TruncatedNormal { width: f64::NAN }.check().is_err());
    }
}
