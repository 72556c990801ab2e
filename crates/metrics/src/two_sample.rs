//! The energy-distance two-sample test with a permutation p-value (Székely & Rizzo).

use interflow_core::rng::Draw;
use interflow_core::shape::check_points;
use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The result of a two-sample test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoSampleTest {
    /// The energy distance `2 E|X − Y| − E|X − X'| − E|Y − Y'|` between the two samples (V-statistic); it is not
    /// negative.
    pub statistic: f64,
    /// The p-value `(1 + #{permuted ≥ observed}) / (1 + #permutations)`, which is small if the laws differ.
    pub p_value: f64,
    /// The number of permutations drawn.
    pub n_permutations: usize,
}

/// Permutations that are evaluated in one product.
const BLOCK: usize = 64;

/// Tests whether the samples `a`, `[N, D]`, and `b`, `[M, D]`, come from the same law.
///
/// With labels `s = 1/N` on one sample and `−1/M` on the other, the energy distance is `−sᵀ K s`, where K is the
/// matrix of all distances between the pooled points; so all permutations together are one matrix product. It takes
/// O((N + M)²) memory. Shifting both samples by the same vector changes nothing but rounding.
///
/// # Errors
/// [`Error::TooFew`] for fewer than two points in a sample, [`Error::NotFinite`], or a shape that does not fit.
pub fn energy_distance_test(
    a: &Tensor,
    b: &Tensor,
    n_permutations: usize,
    draw: &mut Draw,
) -> Result<TwoSampleTest> {
    let dim = a.size().get(1).copied().unwrap_or(0);
    check_points("energy distance", a, dim)?;
    check_points("energy distance", b, dim)?;
    let (n, m) = (a.size()[0], b.size()[0]);
    if n.min(m) < 2 {
        return Err(Error::TooFew { operation: "energy distance", needed: 2, found: n.min(m) });
    }
    let pooled = Tensor::cat(&[a, b].map(|x| x.to_device(Device::Cpu).to_kind(Kind::Double)), 0);
    if pooled.isfinite().all().int64_value(&[]) == 0 {
        return Err(Error::NotFinite { operation: "energy distance" });
    }
    // Of large samples distances come by a product of matrices, in which a mean far from 0 would cost all digits.
    let centred = &pooled - pooled.mean_dim(0i64, true, Kind::Double);
    let distances = Tensor::cdist(&centred, &centred, 2.0, None::<i64>);
    let labels: Vec<f64> = (0..n + m).map(|i| if i < n { 1.0 / n as f64 } else { -1.0 / m as f64 }).collect();
    let observed = energies(&distances, std::slice::from_ref(&labels))?[0];
    if !observed.is_finite() {
        return Err(Error::NotFinite { operation: "energy distance" });
    }
    let mut n_at_least = 0;
    for start in (0..n_permutations).step_by(BLOCK) {
        let block: Vec<Vec<f64>> =
            (start..(start + BLOCK).min(n_permutations)).map(|_| permuted(&labels, draw)).collect();
        n_at_least += energies(&distances, &block)?.iter().filter(|energy| **energy >= observed).count();
    }
    let p_value = (1 + n_at_least) as f64 / (1 + n_permutations) as f64;
    Ok(TwoSampleTest { statistic: observed, p_value, n_permutations })
}

fn permuted(labels: &[f64], draw: &mut Draw) -> Vec<f64> {
    draw.permutation(labels.len()).into_iter().map(|index| labels[index as usize]).collect()
}

/// `−sᵀ K s` for each row of labels.
fn energies(distances: &Tensor, labels: &[Vec<f64>]) -> Result<Vec<f64>> {
    let s = Tensor::from_slice2(labels);
    let energy = (s.matmul(distances) * s).sum_dim_intlist(1i64, false, Kind::Double).neg();
    Vec::<f64>::try_from(&energy).map_err(|source| Error::Torch { operation: "energy distance", source })
}
