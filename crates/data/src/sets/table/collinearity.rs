//! Columns that others determine: there is no density of them all.

use tch::{Kind, Tensor};

/// The share of a column's variance that others leave, below which they determine it.
const LEFT: f64 = 1e-6;

/// A column that is a linear function of others.
#[derive(Debug)]
pub(super) struct Dependent {
    /// Its place.
    pub(super) place: usize,
    /// The places of the others.
    pub(super) on: Vec<usize>,
}

/// The columns of `rows`, `[N, D]`, that are linear functions of columns before them. The correlations' Cholesky factor is
/// built row by row from the columns that are none.
pub(super) fn of(rows: &Tensor) -> Vec<Dependent> {
    let largest = rows.abs().amax(0i64, true).clamp_min(f64::MIN_POSITIVE);
    let rows = rows / largest;
    let centred = &rows - rows.mean_dim(0i64, true, Kind::Double);
    let deviations = centred.square().mean_dim(0i64, true, Kind::Double).sqrt();
    let z = centred / deviations;
    let correlation = z.tr().matmul(&z) / z.size()[0] as f64;
    let n = rows.size()[1] as usize;
    let all = Vec::<f64>::try_from(correlation.contiguous().view(-1)).unwrap_or_default();
    if all.len() != n * n || !all.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let mut kept: Vec<usize> = Vec::new();
    let mut factor: Vec<Vec<f64>> = Vec::new();
    let mut found = Vec::new();
    for d in 0..n {
        let against: Vec<f64> = kept.iter().map(|&other| all[d * n + other]).collect();
        let y = forward(&factor, &against);
        let left = 1.0 - y.iter().map(|y| y * y).sum::<f64>();
        if left > LEFT {
            factor.push(y.into_iter().chain([left.sqrt()]).collect());
            kept.push(d);
            continue;
        }
        let weights = backward(&factor, y);
        let others = kept.iter().zip(weights).filter(|(_, weight)| weight.abs() > 1e-3);
        found.push(Dependent { place: d, on: others.map(|(&other, _)| other).collect() });
    }
    found
}

/// y with L y = b.
fn forward(factor: &[Vec<f64>], b: &[f64]) -> Vec<f64> {
    let mut y: Vec<f64> = Vec::with_capacity(b.len());
    for (row, b) in factor.iter().zip(b) {
        let (own, before) = (row[y.len()], y.iter().zip(row).map(|(y, l)| y * l).sum::<f64>());
        y.push((b - before) / own);
    }
    y
}

/// w with Lᵀ w = y.
fn backward(factor: &[Vec<f64>], mut y: Vec<f64>) -> Vec<f64> {
    for i in (0..y.len()).rev() {
        y[i] /= factor[i][i];
        for j in 0..i {
            y[j] -= factor[i][j] * y[i];
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use interflow_core::rng::Stream;

    #[test]
    fn sums_and_copies_are_named_with_what_determines_them() {
        let free = Stream::named(0, "columns of a test").at(0).normal(&[200, 3], Kind::Double);
        let column = |d| free.select(1, d);
        let sum = column(0) * 3.0 - column(2) * 2.0 + 5.0;
        let rounded = (column(1) * 1e4).round() / 1e4;
        let rows = Tensor::stack(&[&column(0), &column(1), &column(2), &sum, &rounded], 1);
        let found: Vec<_> = of(&rows).into_iter().map(|Dependent { place, on }| (place, on)).collect();
        assert_eq!(found, [(3, vec![0, 2]), (4, vec![1])]);
        assert!(of(&free).is_empty());
    }
}
