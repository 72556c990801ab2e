//! Lattices: the multiples of a quantum.

use std::ops::{Div, Mul};

use tch::Tensor;

/// Values are multiples up to this part of a quantum, and up to this part of themselves, as rounding may leave.
const SLACK: f64 = 1e-6;
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// How many times `x` holds the quantum, a whole number where it is a multiple up to rounding.
pub(crate) fn count(x: f64, quantum: f64) -> f64 {
    let n = x / quantum;
    let whole = n.round();
    if (n - whole).abs() <= SLACK + ROUNDING * n.abs() { whole } else { n }
}

/// As [`count`], of each of `x`.
pub(super) fn counts(x: &Tensor, quantum: f64) -> Tensor {
    let n = x / quantum;
    let whole = n.round();
    let is_whole = (&n - &whole).abs().le_tensor(&(n.abs() * ROUNDING + SLACK));
    whole.where_self(&is_whole, &n)
}

/// `n` times the quantum. A quotient by 1/quantum keeps decimal quanta decimal: 3 cells of 0.1 are 3/10 = 0.3, but
/// 3 · 0.1 = 0.30000000000000004.
pub(crate) fn multiple<N, X>(n: N, quantum: f64) -> X
where
    N: Div<f64, Output = X> + Mul<f64, Output = X>,
{
    let per_unit = 1.0 / quantum;
    let whole = per_unit.round();
    if whole >= 1.0 && (per_unit - whole).abs() < 1e-9 * per_unit { n / whole } else { n * quantum }
}

/// The lower end of the cell that holds `x`.
pub(super) fn cell(x: &Tensor, quantum: f64) -> Tensor {
    multiple(counts(x, quantum).floor(), quantum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_in_their_own_cells_however_large() {
        for (quantum, decimals) in [(0.01, 2), (0.1, 1), (0.001, 3), (0.05, 2), (0.2, 1), (1.0, 0), (2.5, 1)]
        {
            for power in 4..42 {
                let n = (1_u64 << power) as f64 + 11_453_906.0;
                // As a file has them: the number nearest to the decimal one.
                let values: Vec<f64> = (0..99)
                    .map(|i| format!("{:.decimals$}", multiple(n + f64::from(i), quantum)).parse().unwrap())
                    .collect();
                let values = Tensor::from_slice(&values);
                assert_eq!(cell(&values, quantum), values, "{quantum}, from {n}");
                assert_eq!(cell(&(&values + 0.3 * quantum), quantum), values, "{quantum}, from {n}");
                let found = count(values.double_value(&[7]), quantum);
                assert_eq!(found.to_bits(), (n + 7.0).to_bits(), "{quantum}, from {n}");
            }
        }
    }
}
