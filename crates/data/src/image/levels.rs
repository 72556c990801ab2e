//! Between an image's integer levels and a flow's continuous coordinates.
//!
//! Level k of n becomes `x = 2 (k + u) / n − 1`, where the noise u is uniform on (0, 1) or has another law with
//! density q ([`PlaceLaw`]). A density of x on the cube then bounds the probability of the levels in bits,
//! `−log₂ P(k) ≤ −E[log₂ ρ(x) − log₂ q(u)] + D log₂(n/2)`.
//!
//! The noise u is an odd multiple of 2⁻¹⁶: k + u is exact in single precision for up to 256 levels, `E u = ½`
//! exactly, and no rounding can move x into the cell of the next level, so that [`Quantisation::quantise`] returns k.

use interflow_core::rng::Stream;
use tch::{Device, Kind, Tensor};

use crate::place_law::{OddPlaces, PlaceLaw};

/// Random bytes for one value.
pub(super) const NOISE_BYTES: usize = 2;

/// The number of levels of a value, and the law of the dequantisation noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantisation {
    /// The number of levels, at most 256; levels are the whole numbers below it.
    pub n_levels: i64,
    /// The law of the noise u within the cell of a level.
    pub places: PlaceLaw,
}

impl Quantisation {
    /// Rows `[n, D]` in single precision from the levels `pixels`, `[n, D]` of kind `Uint8`. The noise of row i
    /// depends only on the image's number `first + i`.
    ///
    /// # Panics
    /// If `pixels` are no matrix of kind `Uint8`.
    pub fn dequantise(&self, pixels: &Tensor, first: u64, stream: &Stream) -> Tensor {
        let size = pixels.size();
        let (n, dim) = (size[0] as usize, size[1] as usize);
        let mut levels = vec![0u8; n * dim];
        pixels.to_device(Device::Cpu).contiguous().copy_data(&mut levels, n * dim);
        let mut values = vec![0f32; n * dim];
        let mut noise = vec![0u8; NOISE_BYTES * dim];
        let spread = self.spread();
        for (number, (levels, values)) in
            (first..).zip(levels.chunks_exact(dim).zip(values.chunks_exact_mut(dim)))
        {
            stream.at(number).fill(&mut noise);
            spread.row(levels, &noise, values);
        }
        Tensor::from_slice(&values).view([n as i64, dim as i64])
    }

    /// The levels in `0..n_levels`, of kind `Uint8`, in whose cells the values `x` lie, in the shape of `x`. Values
    /// outside [−1, 1) get the nearest level, NaN the lowest.
    pub fn quantise(&self, x: &Tensor) -> Tensor {
        let cells =
            (x.to_kind(Kind::Double).nan_to_num(-1.0, None, None) + 1.0) * (self.n_levels as f64 / 2.0);
        cells.floor().clamp(0.0, (self.n_levels - 1) as f64).to_kind(Kind::Uint8)
    }

    /// The log-density of the noise in dequantised rows `x`, `[n, D]`, which a bound on the log-probability of their
    /// levels has to subtract: `−Σ log q(u)`, `[n]`, in nats.
    pub fn entropy_term(&self, x: &Tensor) -> Tensor {
        let places = ((x.to_kind(Kind::Double) + 1.0) * (self.n_levels as f64 / 2.0)).frac();
        self.places.log_density(&places).sum_dim_intlist(1i64, false, Kind::Double).neg()
    }

    pub(super) fn spread(&self) -> Spread {
        Spread { n_levels: self.n_levels, places: OddPlaces::of(self.places) }
    }
}

/// Levels with noise as values.
#[derive(Debug)]
pub(super) struct Spread {
    n_levels: i64,
    places: OddPlaces,
}

impl Spread {
    /// One value per level from two random bytes each.
    pub(super) fn row(&self, levels: &[u8], noise: &[u8], values: &mut [f32]) {
        // Divided, not multiplied by a reciprocal: its rounding would double the error and cross cells.
        let half = self.n_levels as f32 / 2.0;
        let (noise, _) = noise.as_chunks::<NOISE_BYTES>();
        for ((value, level), noise) in values.iter_mut().zip(levels).zip(noise) {
            *value = (f32::from(*level) + self.places.at(u16::from_le_bytes(*noise))) / half - 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::Purpose;
    use proptest::prelude::*;

    use super::*;

    const BELLS: PlaceLaw = PlaceLaw::TruncatedNormal { width: 3.0 };
    const STREAM: Stream = Stream::new(3, Purpose::Dequantise);

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Also for the extreme noise, 2⁻¹⁶ from either end of a cell.
        #[test]
        fn quantise_inverts_at_every_noise(n_levels in 2i64..=256, noise in any::<u16>()) {
            let levels: Vec<u8> = (0..n_levels).map(|k| k as u8).collect();
            let extremes = [noise, 0, u16::MAX];
            for (noise, places) in extremes.into_iter().flat_map(|noise| [BELLS, PlaceLaw::default()].map(|law| (noise, law))) {
                let mut values = vec![0.0; levels.len()];
                let quantisation = Quantisation { n_levels, places };
                quantisation.spread().row(&levels, &noise.to_le_bytes().repeat(levels.len()), &mut values);
                let found = quantisation.quantise(&Tensor::from_slice(&values));
                prop_assert_eq!(found, Tensor::from_slice(&levels));
            }
        }
    }

    #[test]
    fn values_are_uniform_on_their_cells() {
        let (n, dim) = (400, 25);
        let quantisation = Quantisation { n_levels: 17, places: PlaceLaw::default() };
        let x =
            quantisation.dequantise(&(Tensor::ones([n, dim], (Kind::Uint8, Device::Cpu)) * 3), 0, &STREAM);
        let u = (x.to_kind(Kind::Double) + 1.0) * 8.5 - 3.0;
        let count = (n * dim) as f64;
        let mean = u.mean(Kind::Double).double_value(&[]);
        let square = (&u * &u).mean(Kind::Double).double_value(&[]);
        // Standard deviations of u and u²: √(1/12) and √(1/5 − 1/9).
        assert!((mean - 0.5).abs() < 4.0 * (1.0 / 12.0 / count).sqrt(), "{mean}");
        assert!((square - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0 / count).sqrt(), "{square}");
        assert!(u.min().double_value(&[]) > 0.0 && u.max().double_value(&[]) < 1.0);
    }

    #[test]
    fn a_row_depends_on_its_own_number_alone() {
        let pixels = Tensor::arange(24, (Kind::Int64, Device::Cpu)).view([4, 6]).to_kind(Kind::Uint8);
        let quantisation = Quantisation { n_levels: 256, places: BELLS };
        let all = quantisation.dequantise(&pixels, 10, &STREAM);
        assert_eq!(quantisation.dequantise(&pixels.narrow(0, 2, 1), 12, &STREAM), all.narrow(0, 2, 1));
        assert_eq!(quantisation.quantise(&all), pixels);
    }

    #[test]
    fn values_outside_count_for_the_nearest_level() {
        let x = Tensor::from_slice(&[-7.0, -1.0, 0.999, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
        let quantisation = Quantisation { n_levels: 17, places: PlaceLaw::default() };
        assert_eq!(quantisation.quantise(&x), Tensor::from_slice(&[0u8, 0, 16, 16, 16, 0, 0]));
    }
    /// −E log q is the entropy of the noise: that of N(0, 1) within ±3, on a cell of length 1.
    #[test]
    fn the_noise_takes_its_entropy() {
        let quantisation = Quantisation { n_levels: 256, places: BELLS };
        let pixels = Tensor::arange(256, (Kind::Int64, Device::Cpu)).to_kind(Kind::Uint8).repeat([40, 5]);
        let found = quantisation.entropy_term(&quantisation.dequantise(&pixels, 0, &STREAM));
        let per_value = found.mean(Kind::Double).double_value(&[]) / 1280.0;
        // ½ log 2π + ½ E z² + log(mass/6), with E z² = 1 − 6 φ(3)/mass.
        let (mass, phi) = (0.997_300_203_936_740_4_f64, 0.004_431_848_411_938_008);
        let expected = 0.918_938_533_204_672_7 + 0.5 * (1.0 - 6.0 * phi / mass) + (mass / 6.0).ln();
        assert!((per_value - expected).abs() < 5e-3, "{per_value} for {expected}");
        let uniform = Quantisation { places: PlaceLaw::default(), ..quantisation };
        let term = uniform.entropy_term(&uniform.dequantise(&pixels, 0, &STREAM));
        assert_eq!(term.count_nonzero(None::<i64>).int64_value(&[]), 0);
    }
}
