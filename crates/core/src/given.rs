//! Conditions, which a flow is given beside its state: numbers, or a class.
//!
//! A condition does not move with the flow, so it is not a coordinate of the state. It goes with the points through
//! sources, couplings and networks, and is bound to a network ([`crate::network::At`]) before a solver gets the
//! field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The kind of conditions that a network or a data set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum GivenSpace {
    /// No condition at all.
    Nothing {},
    /// Numbers for each point.
    Numbers {
        /// The number K of numbers.
        n: i64,
    },
    /// A class for each point, a number in `0..n_classes`; `n_classes` itself stands for no class.
    Class {
        /// The number of classes.
        n_classes: i64,
    },
}

impl Default for GivenSpace {
    fn default() -> Self {
        Self::Nothing {}
    }
}

impl GivenSpace {
    /// Whether points have no conditions.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing {})
    }

    /// How many numbers a perceptron gets for the conditions: the numbers themselves, or one for each class.
    pub fn n_inputs(&self) -> i64 {
        match *self {
            Self::Nothing {} => 0,
            Self::Numbers { n } => n,
            Self::Class { n_classes } => n_classes,
        }
    }

    /// Checks that conditions consist of at least one number or class.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the count is not positive.
    pub fn check(&self) -> Result<()> {
        let (name, count) = match *self {
            Self::Nothing {} => return Ok(()),
            Self::Numbers { n } => ("the number of conditions", n),
            Self::Class { n_classes } => ("n_classes", n_classes),
        };
        if count > 0 {
            return Ok(());
        }
        Err(Error::OutOfRange { name, requirement: "positive", value: count as f64 })
    }
}

/// The conditions of a batch, one row for each point.
#[derive(Debug, Default)]
pub enum Given {
    /// The points have no conditions.
    #[default]
    Nothing,
    /// Numbers, `[B, K]`, floating-point.
    Numbers(Tensor),
    /// The classes' numbers, `[B]`, of kind `Int64`.
    Class(Tensor),
}

impl Given {
    /// The same class for each of `n` points.
    pub fn class(class: i64, n: i64) -> Self {
        Self::Class(Tensor::full([n], class, (Kind::Int64, Device::Cpu)))
    }

    /// Whether the points have no conditions.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// The tensor of conditions, whose first axis counts the points; `None` if the points have no conditions.
    pub fn tensor(&self) -> Option<&Tensor> {
        match self {
            Self::Nothing => None,
            Self::Numbers(numbers) => Some(numbers),
            Self::Class(class) => Some(class),
        }
    }

    /// The conditions with `f` applied to their tensor, for functions that select, repeat or move rows.
    #[must_use]
    pub fn map(&self, f: impl FnOnce(&Tensor) -> Tensor) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Numbers(numbers) => Self::Numbers(f(numbers)),
            Self::Class(class) => Self::Class(f(class)),
        }
    }

    /// The same conditions, sharing their memory.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        self.map(Tensor::shallow_clone)
    }

    /// The `n` rows from row `first` on.
    #[must_use]
    pub fn narrow(&self, first: i64, n: i64) -> Self {
        self.map(|rows| rows.narrow(0, first, n))
    }

    /// The rows whose numbers are `rows`, `[n]` of kind `Int64`.
    #[must_use]
    pub fn select(&self, rows: &Tensor) -> Self {
        self.map(|all| all.index_select(0, &rows.to_device(all.device())))
    }

    /// The conditions in `n` parts, divided as `Tensor::chunk` divides the points.
    pub fn chunk(&self, n: i64) -> Vec<Self> {
        match self {
            Self::Nothing => (0..n).map(|_| Self::Nothing).collect(),
            Self::Numbers(numbers) => numbers.chunk(n, 0).into_iter().map(Self::Numbers).collect(),
            Self::Class(class) => class.chunk(n, 0).into_iter().map(Self::Class).collect(),
        }
    }

    /// The conditions twice, the second copy after the first.
    #[must_use]
    pub fn twice(&self) -> Self {
        self.map(|rows| Tensor::cat(&[rows, rows], 0))
    }

    /// The same conditions on a device, numbers in the given floating-point kind.
    #[must_use]
    pub fn place(&self, (kind, device): (Kind, Device)) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Numbers(numbers) => Self::Numbers(numbers.to_device(device).to_kind(kind)),
            Self::Class(class) => Self::Class(class.to_device(device)),
        }
    }

    /// Checks that these are conditions of `space` for `batch` points.
    ///
    /// # Errors
    /// [`Error::Given`] naming `operation` if the kind or the shape differs.
    pub fn check(&self, operation: &'static str, space: GivenSpace, batch: i64) -> Result<()> {
        let fits = match (self, space) {
            (Self::Nothing, GivenSpace::Nothing {}) => true,
            (Self::Numbers(numbers), GivenSpace::Numbers { n }) => numbers.size() == [batch, n],
            (Self::Class(class), GivenSpace::Class { .. }) => {
                class.size() == [batch] && class.kind() == Kind::Int64
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(Error::Given { operation, expected: described(space, batch), found: self.described() })
    }

    /// Checks that there is one row of conditions for each of `n` points, if they have any.
    ///
    /// # Errors
    /// [`Error::Given`] naming `operation`.
    pub fn check_rows(&self, operation: &'static str, n: i64) -> Result<()> {
        if self.tensor().is_none_or(|rows| rows.size().first() == Some(&n)) {
            return Ok(());
        }
        let expected = format!("one row for each of {n} points");
        Err(Error::Given { operation, expected, found: self.described() })
    }

    /// The row numbers of a batch of `n` points, grouped by equal conditions; one group if the points have no
    /// conditions.
    ///
    /// # Errors
    /// [`Error::Given`] if there is not one row of conditions for each point, [`Error::Torch`] if they cannot be read.
    pub fn groups(&self, n: i64) -> Result<Vec<Vec<i64>>> {
        let operation = "grouping conditions";
        let Some(tensor) = self.tensor() else { return Ok(vec![(0..n).collect()]) };
        self.check_rows(operation, n)?;
        if tensor.numel() == 0 {
            return Ok(vec![(0..n).collect()]);
        }
        let flat = tensor.to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view(-1);
        let values = Vec::<f64>::try_from(flat).map_err(|source| Error::Torch { operation, source })?;
        let mut groups: BTreeMap<Vec<u64>, Vec<i64>> = BTreeMap::new();
        for (row, conditions) in (0..n).zip(values.chunks(values.len() / n as usize)) {
            // Zero has two signs, which mean one condition.
            let bits = conditions.iter().map(|value| (value + 0.0).to_bits()).collect();
            groups.entry(bits).or_default().push(row);
        }
        Ok(groups.into_values().collect())
    }

    fn described(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Numbers(numbers) => format!("numbers of shape {:?}", numbers.size()),
            Self::Class(class) => format!("classes of shape {:?} and kind {:?}", class.size(), class.kind()),
        }
    }
}

fn described(space: GivenSpace, batch: i64) -> String {
    match space {
        GivenSpace::Nothing {} => "nothing".to_owned(),
        GivenSpace::Numbers { n } => format!("numbers of shape [{batch}, {n}]"),
        GivenSpace::Class { n_classes } => format!("one of {n_classes} classes for each of {batch} points"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Given {
        Given::Numbers(Tensor::from_slice(&[1.0, 2.0, 0.0, 5.0, 1.0, 2.0, -0.0, 5.0]).view([4, 2]))
    }

    #[test]
    fn equal_conditions_form_a_group() {
        let mut groups = numbers().groups(4).unwrap();
        groups.sort();
        assert_eq!(groups, [vec![0, 2], vec![1, 3]]);
        assert_eq!(Given::Nothing.groups(3).unwrap(), [vec![0, 1, 2]]);
        assert_eq!(Given::class(7, 2).groups(2).unwrap(), [vec![0, 1]]);
    }

    #[test]
    fn conditions_of_another_kind_or_shape_are_refused() {
        let two = GivenSpace::Numbers { n: 2 };
        assert!(numbers().check("a test", two, 4).is_ok());
        assert!(Given::class(1, 4).check("a test", GivenSpace::Class { n_classes: 3 }, 4).is_ok());
        for (given, space) in
            [(numbers(), GivenSpace::Numbers { n: 3 }), (Given::Nothing, two), (Given::class(1, 4), two)]
        {
            let message = given.check("a test", space, 4).unwrap_err().to_string();
            assert!(message.starts_with("a test"), "{message}");
        }
    }

    #[test]
    fn rows_are_picked_and_parted() {
        let picked = numbers().select(&Tensor::from_slice(&[1i64, 0]));
        assert_eq!(Vec::<f64>::try_from(picked.tensor().unwrap().view(-1)).unwrap(), [0.0, 5.0, 1.0, 2.0]);
        let sizes: Vec<_> = numbers().chunk(2).iter().map(|part| part.tensor().unwrap().size()).collect();
        assert_eq!(sizes, [[2, 2], [2, 2]]);
        assert_eq!(Given::Nothing.chunk(3).len(), 3);
    }
}
