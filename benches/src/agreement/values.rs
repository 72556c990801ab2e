//! What a check computes.

use tch::{Device, Kind, Tensor};

/// Tensors by name, in the order in which they were computed.
#[derive(Debug, Default)]
pub struct Values(Vec<(String, Tensor)>);

/// How far two lists of values are apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Distance {
    /// The largest difference of two numbers, as a share of the largest number of their tensor.
    pub(super) largest: f64,
    /// The name of the tensor with that difference.
    pub(super) of: String,
}

impl Values {
    /// A list to which values are added, without any yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// These values and one more tensor of any kind.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: &Tensor) -> Self {
        self.0.push((name.into(), value.detach()));
        self
    }

    /// These values and one more number.
    #[must_use]
    pub fn with_number(self, name: impl Into<String>, value: f64) -> Self {
        self.with(name, &Tensor::from(value))
    }

    /// These values and a list of tensors.
    #[must_use]
    pub fn with_each<'a>(
        self,
        name: &str,
        values: impl IntoIterator<Item = (impl std::fmt::Display, &'a Tensor)>,
    ) -> Self {
        values.into_iter().fold(self, |all, (part, value)| all.with(format!("{name} {part}"), value))
    }

    /// Whether one of the tensors lies on this device.
    pub(super) fn any_on(&self, device: Device) -> bool {
        self.0.iter().any(|(_, value)| value.device() == device)
    }

    /// The distance of `other` from these values.
    ///
    /// # Errors
    /// If names or shapes differ, or there is nothing to compare: no tensor, an empty one, or zeros only.
    pub(super) fn distance(&self, other: &Self) -> anyhow::Result<Distance> {
        anyhow::ensure!(self.0.len() == other.0.len(), "values: {} and {}", self.0.len(), other.0.len());
        let mut worst = Distance { largest: 0.0, of: String::new() };
        let mut empty = true;
        for ((name, own), (other_name, other)) in self.0.iter().zip(&other.0) {
            anyhow::ensure!(name == other_name, "values of other names: {name} and {other_name}");
            let shapes = (own.size(), other.size());
            anyhow::ensure!(shapes.0 == shapes.1, "{name} has two shapes: {:?} and {:?}", shapes.0, shapes.1);
            anyhow::ensure!(own.numel() > 0, "{name} is empty");
            let (difference, scale) = difference(own, other);
            empty &= scale <= 0.0;
            let share = if difference <= 0.0 { 0.0 } else { difference / scale };
            if share >= worst.largest || share.is_nan() {
                worst = Distance {
                    largest: if share.is_nan() { f64::INFINITY } else { share },
                    of: name.clone(),
                };
            }
        }
        anyhow::ensure!(!empty, "there is nothing to compare but zeros");
        Ok(worst)
    }
}

/// The largest difference of two tensors of one shape, and the largest finite number of the first. Numbers that are infinite
/// or not a number in both are no difference, in one of them an infinite one.
fn difference(a: &Tensor, b: &Tensor) -> (f64, f64) {
    let double = |x: &Tensor| x.detach().to_device(Device::Cpu).to_kind(Kind::Double);
    let (a, b) = (double(a), double(b));
    let same = a.eq_tensor(&b).logical_or(&a.isnan().logical_and(&b.isnan()));
    let apart = (&a - &b).abs().masked_fill(&same, 0.0).nan_to_num(f64::INFINITY, f64::INFINITY, None::<f64>);
    let sizes = a.abs().masked_fill(&a.isfinite().logical_not(), 0.0);
    (apart.max().double_value(&[]), sizes.max().double_value(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(numbers: &[f64]) -> Values {
        Values::new().with("x", &Tensor::from_slice(numbers))
    }

    #[test]
    fn differences_are_shares_of_the_largest_number() {
        let found = one(&[1.0, -4.0, 0.0]).distance(&one(&[1.0, -4.0, 0.02])).unwrap();
        assert!((found.largest - 0.005).abs() < 1e-12, "{found:?}");
        assert_eq!(found.of, "x");
    }

    #[test]
    fn what_is_not_finite_agrees_with_its_like_only() {
        let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2.0];
        assert!(one(&numbers).distance(&one(&numbers)).unwrap().largest <= 0.0);
        for other in [[0.0, 1.0, 2.0, 2.0], [f64::NAN, f64::INFINITY, f64::INFINITY, 2.0]] {
            let found = one(&numbers).distance(&one(&other)).unwrap().largest;
            assert!(found.is_infinite(), "{found}");
        }
        assert!(one(&[1.0]).distance(&one(&[f64::NAN])).unwrap().largest.is_infinite());
        assert!(
            one(&[0.0, 1.0])
                .with("y", &Tensor::zeros([1], (Kind::Float, Device::Cpu)))
                .distance(&one(&[0.0, 1.0]).with("y", &Tensor::ones([1], (Kind::Float, Device::Cpu))))
                .unwrap()
                .largest
                .is_infinite()
        );
    }

    #[test]
    fn nothing_to_compare_is_no_agreement() {
        for empty in [Values::new(), one(&[]), one(&[0.0, 0.0])] {
            assert!(empty.distance(&empty).is_err(), "{empty:?}");
        }
        assert!(one(&[1.0]).distance(&one(&[1.0, 1.0])).is_err());
        assert!(one(&[1.0]).distance(&Values::new().with_number("y", 1.0)).is_err());
    }
}
