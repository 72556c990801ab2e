//! The steps of the published preprocessing, each a function of rows `[N, D]` in double precision.

use tch::{Kind, Tensor};

/// The last tenth of the rows, rounded down, and those before it: `(before, last)`.
pub(super) fn split_last_tenth(rows: &Tensor) -> (Tensor, Tensor) {
    let n = rows.size()[0];
    let last = n / 10;
    (rows.narrow(0, 0, n - last), rows.narrow(0, n - last, last))
}

/// The last tenth for testing, the last tenth of the rest for validation: `[train, validation, test]`.
pub(super) fn split_in_three(rows: &Tensor) -> [Tensor; 3] {
    let (known, test) = split_last_tenth(rows);
    let (train, validation) = split_last_tenth(&known);
    [train, validation, test]
}

/// By what a column's squared deviations are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deviation {
    /// By N, as numpy does.
    OfPopulation,
    /// By N − 1, as pandas does.
    OfSample,
}

/// Subtracts the mean of `known` from `rows`, and divides them by its deviation.
pub(super) fn standardise(rows: &Tensor, known: &Tensor, deviation: Deviation) -> Tensor {
    let mean = known.mean_dim(0i64, false, Kind::Double);
    let unbiased = deviation == Deviation::OfSample;
    (rows - mean) / known.std_dim(0i64, unbiased, false)
}

/// The columns, by number, that are left when, again and again, the first column is dropped whose correlation with
/// another one exceeds `limit` in magnitude.
pub(super) fn without_correlated(rows: &Tensor, limit: f64) -> Vec<i64> {
    let centred = rows - rows.mean_dim(0i64, false, Kind::Double);
    let covariance = centred.tr().matmul(&centred);
    let scale = covariance.diagonal(0, 0, 1).sqrt();
    let correlation = &covariance / (scale.unsqueeze(0) * scale.unsqueeze(1));
    let mut kept: Vec<i64> = (0..rows.size()[1]).collect();
    let related = |a: i64, b: i64| a != b && correlation.double_value(&[a, b]).abs() > limit;
    while let Some(place) = kept.iter().position(|&a| kept.iter().any(|&b| related(a, b))) {
        kept.remove(place);
    }
    kept
}

/// The columns, by number, whose smallest value occurs at most `limit` times.
pub(super) fn without_repeated_smallest(rows: &Tensor, limit: i64) -> Vec<i64> {
    let smallest = rows.amin(0i64, true);
    let counts = rows.eq_tensor(&smallest).sum_dim_intlist(0i64, false, Kind::Int64);
    (0..rows.size()[1]).filter(|&column| counts.int64_value(&[column]) <= limit).collect()
}

/// The given columns only.
pub(super) fn columns(rows: &Tensor, kept: &[i64]) -> Tensor {
    rows.index_select(1, &Tensor::from_slice(kept))
}
