//! Distances between two samples of one quantity.

/// The Kolmogorov–Smirnov distance in [0, 1]: the largest difference between the two empirical distribution
/// functions. Missing values (NaN) are left out; the distance is NaN if one sample has no others.
pub fn kolmogorov_distance(a: &[f64], b: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (a, b) = (sorted(a), sorted(b));
    if a.is_empty() || b.is_empty() {
        return f64::NAN;
    }
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        while i < a.len() && a[i] <= value {
            i += 1;
        }
        while j < b.len() && b[j] <= value {
            j += 1;
        }
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

/// The probability of a Kolmogorov–Smirnov distance at least as large between samples of sizes `n` and `m` from the
/// same continuous law, by its limit for large samples (Kolmogorov, 1933). It is small if the laws differ.
pub fn kolmogorov_p_value(distance: f64, n: usize, m: usize) -> f64 {
    let effective = (n as f64 * m as f64 / (n + m) as f64).sqrt();
    let x = (effective + 0.12 + 0.11 / effective) * distance;
    if x < 0.2 {
        // The series' terms do not fall here, and the chance is 1 to nine digits.
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
        sign * (-2.0 * f64::from(k * k) * x * x).exp()
    };
    (2.0 * (1..=100).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

/// The total variation distance in [0, 1] between the frequencies of values: half the sum of their absolute
/// differences. It is for quantities with few different values; missing (NaN) counts as one of them.
pub fn total_variation(a: &[f64], b: &[f64]) -> f64 {
    let mut shares: Vec<(u64, f64)> = Vec::with_capacity(a.len() + b.len());
    let key = |value: f64| if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() };
    shares.extend(a.iter().map(|value| (key(*value), 1.0 / a.len() as f64)));
    shares.extend(b.iter().map(|value| (key(*value), -1.0 / b.len() as f64)));
    shares.sort_unstable_by_key(|(key, _)| *key);
    let sums =
        shares.chunk_by(|a, b| a.0 == b.0).map(|run| run.iter().map(|(_, share)| share).sum::<f64>().abs());
    0.5 * sums.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cases_by_hand() {
        assert!((kolmogorov_distance(&[1.0, 2.0, 3.0, 4.0], &[2.5, 2.5, f64::NAN]) - 0.5).abs() < 1e-12);
        assert!(kolmogorov_distance(&[0.0, 1.0], &[1.0, 0.0]).abs() < 1e-12);
        assert!((kolmogorov_distance(&[0.0], &[1.0]) - 1.0).abs() < 1e-12);
        assert!(kolmogorov_distance(&[f64::NAN], &[1.0]).is_nan());
        assert!((total_variation(&[0.0, 0.0, 1.0, f64::NAN], &[0.0, 1.0, 2.0, -0.0]) - 0.25).abs() < 1e-12);
    }

    /// Tables of the limit law: 1.358 is passed once in twenty, 1.628 once in a hundred.
    #[test]
    fn p_values_are_those_of_the_tables() {
        for (x, expected) in [(1.3581, 0.05), (1.6276, 0.01), (0.5, 0.9639)] {
            let n = 1_000_000;
            let found = kolmogorov_p_value(x / (n as f64 / 2.0).sqrt(), n, n);
            assert!((found - expected).abs() < 1e-3, "{x}: {found}");
        }
    }
}
