//! Between an image's integer levels and a flow's continuous coordinates.
//!
//! Level k of n becomes `x = 2 (k + u) / n − 1` with u uniform on [0, 1): a density on the cube then bounds the
//! probability of the levels, `−log₂ P(k) ≤ −E log₂ ρ(x) + D log₂(n/2)`.
//!
//! The noise u is an odd multiple of 2⁻¹⁶, from 16 random bits of which the last is set: k + u is exact in single
//! precision for up to 256 levels, E u = ½ exactly, and no rounding can carry x into the next level's cell, so that
//! [`quantise`] gives k back.

use interflow_core::rng::Stream;
use tch::{Device, Kind, Tensor};

/// Random bytes for one value.
pub(super) const NOISE_BYTES: usize = 2;

/// Rows `[n, D]` in single precision from levels `pixels`, `[n, D]` of kind `Uint8`. Row i's noise depends on the
/// image's number `first + i` alone.
///
/// # Panics
/// If `pixels` are no matrix of kind `Uint8`.
pub fn dequantise(pixels: &Tensor, n_levels: i64, first: u64, stream: &Stream) -> Tensor {
    let size = pixels.size();
    let (n, dim) = (size[0] as usize, size[1] as usize);
    let mut levels = vec![0u8; n * dim];
    pixels.to_device(Device::Cpu).contiguous().copy_data(&mut levels, n * dim);
    let mut values = vec![0f32; n * dim];
    let mut noise = vec![0u8; NOISE_BYTES * dim];
    for (number, (levels, values)) in
        (first..).zip(levels.chunks_exact(dim).zip(values.chunks_exact_mut(dim)))
    {
        stream.at(number).fill(&mut noise);
        spread(levels, &noise, n_levels, values);
    }
    Tensor::from_slice(&values).view([n as i64, dim as i64])
}

/// The levels in `0..n_levels`, of kind `Uint8`, in whose cells the values `x` of any shape lie; values outside of
/// [−1, 1) count for the nearest level, NaN for the lowest.
pub fn quantise(x: &Tensor, n_levels: i64) -> Tensor {
    let cells = (x.to_kind(Kind::Double).nan_to_num(-1.0, None, None) + 1.0) * (n_levels as f64 / 2.0);
    cells.floor().clamp(0.0, (n_levels - 1) as f64).to_kind(Kind::Uint8)
}

/// One value per level from two random bytes each.
pub(super) fn spread(levels: &[u8], noise: &[u8], n_levels: i64, values: &mut [f32]) {
    // Divided, not multiplied by a reciprocal: its rounding would double the error and cross cells.
    let half = n_levels as f32 / 2.0;
    let (noise, _) = noise.as_chunks::<NOISE_BYTES>();
    for ((value, level), noise) in values.iter_mut().zip(levels).zip(noise) {
        let u = f32::from(u16::from_le_bytes(*noise) | 1) * (1.0 / 65536.0);
        *value = (f32::from(*level) + u) / half - 1.0;
    }
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::Purpose;
    use proptest::prelude::*;

    use super::*;

    const STREAM: Stream = Stream::new(3, Purpose::Dequantise);

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Also for the extreme noise, 2⁻¹⁶ from either end of a cell.
        #[test]
        fn quantise_inverts_at_every_noise(n_levels in 2i64..=256, noise in any::<u16>()) {
            let levels: Vec<u8> = (0..n_levels).map(|k| k as u8).collect();
            for noise in [noise, 0, u16::MAX] {
                let mut values = vec![0.0; levels.len()];
                spread(&levels, &noise.to_le_bytes().repeat(levels.len()), n_levels, &mut values);
                let found = quantise(&Tensor::from_slice(&values), n_levels);
                prop_assert_eq!(found, Tensor::from_slice(&levels));
            }
        }
    }

    #[test]
    fn values_are_uniform_on_their_cells() {
        let (n, dim) = (400, 25);
        let x = dequantise(&(Tensor::ones([n, dim], (Kind::Uint8, Device::Cpu)) * 3), 17, 0, &STREAM);
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
        let all = dequantise(&pixels, 256, 10, &STREAM);
        assert_eq!(dequantise(&pixels.narrow(0, 2, 1), 256, 12, &STREAM), all.narrow(0, 2, 1));
        assert_eq!(quantise(&all, 256), pixels);
    }

    #[test]
    fn values_outside_count_for_the_nearest_level() {
        let x = Tensor::from_slice(&[-7.0, -1.0, 0.999, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
        assert_eq!(quantise(&x, 17), Tensor::from_slice(&[0u8, 0, 16, 16, 16, 0, 0]));
    }
}
