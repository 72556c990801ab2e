//! Columns that others determine: there is no density of them all.

use tch::{Kind, Tensor};

/// The share of a column's variance that others leave, below which they determine it.
const LEFT: f64 = 1e-6;

/// Warnings of the columns of `rows`, `[N, D]`, that are linear functions of columns before them. The correlations'
/// Cholesky factor is built row by row from the columns that are none.
pub(super) fn of(names: &[String], rows: &Tensor) -> Vec<String> {
    let largest = rows.abs().amax(0i64, true).clamp_min(f64::MIN_POSITIVE);
    let rows = rows / largest;
    let centred = &rows - rows.mean_dim(0i64, true, Kind::Double);
    let deviations = centred.square().mean_dim(0i64, true, Kind::Double).sqrt();
    let z = centred / deviations;
    let correlation = z.tr().matmul(&z) / z.size()[0] as f64;
    let n = names.len();
    let all = Vec::<f64>::try_from(correlation.contiguous().view(-1)).unwrap_or_default();
    if all.len() != n * n || !all.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let mut kept: Vec<usize> = Vec::new();
    let mut factor: Vec<Vec<f64>> = Vec::new();
    let mut warnings = Vec::new();
    for (d, name) in names.iter().enumerate() {
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
        let others: Vec<String> = others.map(|(&other, _)| format!("`{}`", names[other])).collect();
        warnings.push(format!(
            "column `{name}` is a linear function of {}, so that their joint density is unbounded and its NLL means \
             little\nhint: --drop {} leaves it out",
            others.join(", "),
            crate::sheet::names::pasted(&[name])
        ));
    }
    warnings
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
        let names = ["a", "b", "c", "sum", "copy"].map(str::to_owned);
        let warnings = of(&names, &rows);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("`sum` is a linear function of `a`, `c`,"), "{}", warnings[0]);
        assert!(warnings[1].contains("`copy` is a linear function of `b`,"), "{}", warnings[1]);
        assert!(warnings[1].contains("--drop copy"), "{}", warnings[1]);
        assert!(of(&names[..3], &free).is_empty());
    }
}
