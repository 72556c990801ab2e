//! Columns that others determine: there is no density of them all.

use tch::{Kind, Tensor};

/// How many of its column's usual distances a value may be from the middle before its row counts less.
const FAR: f64 = 3.0;
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
/// built row by row from the columns that are none. Rows with values far from the others count less, all of a row alike, which
/// leaves linear functions what they are: otherwise two columns with an outlier in the same row would be functions of each other.
pub(super) fn of(rows: &Tensor) -> Vec<Dependent> {
    let largest = rows.abs().amax(0i64, true).clamp_min(f64::MIN_POSITIVE);
    let rows = rows / largest;
    let weights = weights(&rows);
    let mean = |x: &Tensor| (x * &weights).sum_dim_intlist(0i64, true, Kind::Double);
    let centred = &rows - mean(&rows);
    let deviations = mean(&centred.square()).sqrt();
    // Of what is one value nothing is a function.
    let constant = rows.amin(0i64, true).eq_tensor(&rows.amax(0i64, true));
    let z = (centred / deviations).masked_fill(&constant, 0.0);
    let correlation = z.tr().matmul(&(&z * &weights));
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

/// How much each row counts, `[N, 1]`, together 1: as much as keeps the square of its farthest value within [`FAR`] usual ones.
fn weights(rows: &Tensor) -> Tensor {
    let distances = (rows - rows.median_dim(0, true).0).abs();
    // Of a column that is mostly one value the distances of the others.
    let usual = distances.masked_fill(&distances.le(0.0), f64::NAN).nanmedian_dim(0, true).0;
    let farthest = (distances / usual).nan_to_num(0.0, None::<f64>, None::<f64>).amax(1i64, true);
    let weights = (farthest.clamp_min(FAR) / FAR).pow_tensor_scalar(-2);
    &weights / weights.sum(Kind::Double)
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

    #[test]
    fn a_constant_column_hides_no_function() {
        let free = Stream::named(0, "columns of a test").at(0).normal(&[200], Kind::Double);
        let constant = free.full_like(0.1);
        let rows = Tensor::stack(&[&constant, &free, &(&free * 2.0), &constant], 1);
        let found: Vec<_> = of(&rows).into_iter().map(|Dependent { place, on }| (place, on)).collect();
        assert_eq!(found, [(2, vec![1])]);
    }

    #[test]
    fn outliers_in_one_row_make_no_function_and_hide_none() {
        let free = Stream::named(0, "columns of a test").at(0).normal(&[200, 2], Kind::Double);
        let _ = free.get(7).fill_(1e9);
        let (a, b) = (free.select(1, 0), free.select(1, 1));
        assert!(of(&free).is_empty());
        let sum = &a * 3.0 - &b * 2.0 + 5.0;
        let found = of(&Tensor::stack(&[a, b, sum], 1));
        let found: Vec<_> = found.into_iter().map(|Dependent { place, on }| (place, on)).collect();
        assert_eq!(found, [(2, vec![0, 1])]);
    }
}
