//! A mean and how well it is known.

use tch::{Kind, Tensor};

/// The mean of independent values with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The mean's standard error; not a number for fewer than two values.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_case_by_hand() {
        let estimate = Estimate::from_values(&Tensor::from_slice(&[1.0, 2.0, 3.0, 6.0]));
        assert!((estimate.mean - 3.0).abs() < 1e-12);
        assert!((estimate.standard_error - (14.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    }
}
