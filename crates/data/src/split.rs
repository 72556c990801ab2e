//! A seeded split of rows into a training, a validation and a test set.

use interflow_core::rng::{Purpose, Stream};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Error, Result};

/// The fractions of the held-out parts; all other rows are for training. The split has its own seed, so that runs
/// with different seeds are judged on the same test set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// The fraction of rows in the validation set.
    pub validation: f64,
    /// The fraction of rows in the test set.
    pub test: f64,
    /// The seed of the shuffle.
    pub seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Self { validation: 0.1, test: 0.1, seed: 0 }
    }
}

/// The row numbers of each part, shuffled, `[n]` of kind `Int64`. Together they are all rows, each once.
#[derive(Debug)]
pub struct Parts {
    /// The numbers of the training rows.
    pub train: Tensor,
    /// The numbers of the validation rows.
    pub validation: Tensor,
    /// The numbers of the test rows.
    pub test: Tensor,
}

impl Split {
    /// Splits `n` rows.
    ///
    /// # Errors
    /// [`Error::Rows`] if a fraction is not positive, nothing is left for training, or a part has fewer than two
    /// rows.
    pub fn parts(&self, n: i64) -> Result<Parts> {
        let share = |value: f64| value > 0.0 && value < 1.0;
        if !share(self.validation) || !share(self.test) || self.validation + self.test >= 1.0 {
            let problem = format!(
                "the shares of the split must be positive and leave rows for training, found: validation {}, test {}",
                self.validation, self.test
            );
            return Err(Error::Rows { problem });
        }
        let held = |share: f64| (share * n as f64).round() as i64;
        let (n_validation, n_test) = (held(self.validation), held(self.test));
        let n_train = n - n_validation - n_test;
        if n_validation.min(n_test).min(n_train) < 2 {
            let problem = format!(
                "each part of the split needs at least 2 rows, found: {n_train}, {n_validation}, {n_test} of {n}\n\
                 hint: larger shares for so few rows, as target.split.validation=0.3 and target.split.test=0.3, which \
                 need 6 rows at least"
            );
            return Err(Error::Rows { problem });
        }
        let order = Stream::new(self.seed, Purpose::Shuffle).at(0).permutation(n as usize);
        let order = Tensor::from_slice(&order.into_iter().map(i64::from).collect::<Vec<_>>());
        let part = |first, length| order.narrow(0, first, length);
        Ok(Parts {
            train: part(0, n_train),
            validation: part(n_train, n_validation),
            test: part(n_train + n_validation, n_test),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parts: &Parts) -> Vec<i64> {
        Vec::<i64>::try_from(Tensor::cat(&[&parts.train, &parts.validation, &parts.test], 0)).unwrap()
    }

    #[test]
    fn the_parts_are_all_rows_once_and_depend_on_the_seed_alone() {
        let split = Split { validation: 0.2, test: 0.1, seed: 3 };
        let parts = split.parts(57).unwrap();
        assert_eq!((parts.validation.size()[0], parts.test.size()[0]), (11, 6));
        let mut rows = all(&parts);
        assert_eq!(rows, all(&split.parts(57).unwrap()));
        assert_ne!(rows, all(&Split { seed: 4, ..split }.parts(57).unwrap()));
        assert_ne!(rows, (0..57).collect::<Vec<_>>());
        rows.sort_unstable();
        assert_eq!(rows, (0..57).collect::<Vec<_>>());
    }

    #[test]
    fn impossible_shares_and_too_few_rows_are_refused() {
        for (validation, test) in [(0.0, 0.1), (0.5, 0.5), (f64::NAN, 0.1), (-0.1, 0.3)] {
            assert!(Split { validation, test, seed: 0 }.parts(100).is_err(), "{validation}, {test}");
        }
        assert!(Split::default().parts(10).unwrap_err().to_string().contains("found: 8, 1, 1 of 10"));
    }
}
