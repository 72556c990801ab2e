//! A mean with its standard error.

use tch::{Kind, Tensor};

/// The mean of independent values, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean; NaN for fewer than two values.
    pub standard_error: f64,
}

impl Estimate {
    /// The estimate from independent `values`, `[B]`.
    pub fn from_values(values: &Tensor) -> Self {
        let values = values.to_kind(Kind::Double);
        let deviation = values.std(true).double_value(&[]);
        Self {
            mean: values.mean(Kind::Double).double_value(&[]),
            standard_error: deviation / (values.numel() as f64).sqrt(),
        }
    }

    /// The estimate from all values together, from `parts` of them: the number of values of each part and its
    /// estimate. NaN if there are no values.
    pub fn pooled(parts: &[(f64, Self)]) -> Self {
        let n: f64 = parts.iter().map(|(n, _)| n).sum();
        let mean = parts.iter().map(|(n, part)| n * part.mean).sum::<f64>() / n;
        // Sums of squares about the part's own mean, and then about the mean of all.
        let squares = |(n, part): &(f64, Self)| {
            let own = if *n > 1.0 { n * (n - 1.0) * part.standard_error.powi(2) } else { 0.0 };
            own + n * (part.mean - mean).powi(2)
        };
        let square: f64 = parts.iter().map(squares).sum();
        Self { mean, standard_error: (square / (n - 1.0) / n).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_pooled_to_the_whole(values in vec(-9.0f64..9.0, 4..40), at in 0.0f64..1.0) {
            let cut = 1 + (at * (values.len() - 2) as f64) as usize;
            let of = |values: &[f64]| (values.len() as f64, Estimate::from_values(&Tensor::from_slice(values)));
            let (whole, parts) = (of(&values).1, [of(&values[..cut]), of(&values[cut..])]);
            let found = Estimate::pooled(&parts);
            prop_assert!((found.mean - whole.mean).abs() < 1e-12);
            prop_assert!((found.standard_error - whole.standard_error).abs() < 1e-12);
        }
    }

    #[test]
    fn a_small_case_by_hand() {
        let estimate = Estimate::from_values(&Tensor::from_slice(&[1.0, 2.0, 3.0, 6.0]));
        assert!((estimate.mean - 3.0).abs() < 1e-12);
        assert!((estimate.standard_error - (14.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    }
}
