//! One column of a table: its name, how its values are written, and how they become a coordinate.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::Error;
use crate::form::Form;
use crate::marginal::{Affine, Coordinates, Marginal, Scores};

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Column {
    /// Its name in the table's header.
    pub name: String,
    /// Whether it is a condition of the flow, instead of a coordinate of the state.
    pub given: bool,
    /// How its values are written in the file.
    pub form: Form,
    /// How its values become coordinates.
    pub marginal: Marginal,
}

/// A column as a file has it: either mean and deviation, or a law.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deviation: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantum: Option<f64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    given: bool,
    #[serde(default, skip_serializing_if = "Form::is_number")]
    form: Form,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    law: Option<Scores>,
}

impl Column {
    /// A column of numbers that are standardised by their mean and standard deviation.
    pub fn affine(name: &str, mean: f64, deviation: f64) -> Self {
        let marginal = Marginal::Affine(Affine { mean, deviation, quantum: None });
        Self { name: name.to_owned(), given: false, form: Form::Number, marginal }
    }

    /// The same with this quantum, the distance between neighbouring values, if they are dequantised. Only for a
    /// column that is standardised by mean and deviation.
    #[must_use]
    pub fn with_quantum(mut self, quantum: Option<f64>) -> Self {
        if let Marginal::Affine(affine) = &mut self.marginal {
            affine.quantum = quantum;
        }
        self
    }

    /// The same as a condition of the flow, or as a coordinate of its state.
    #[must_use]
    pub fn with_given(self, given: bool) -> Self {
        Self { given, ..self }
    }

    /// The mean and standard deviation, if nothing else maps its values to coordinates.
    pub fn scale(&self) -> Option<Affine> {
        match &self.marginal {
            Marginal::Affine(affine) => Some(*affine),
            Marginal::Scores(_) => None,
        }
    }

    /// How many numbers stand for a value that a flow is given: one for each label of a category, one for a number, and one
    /// more that says whether it is missing.
    pub(crate) fn width(&self) -> i64 {
        let labels = self.form.labels().len() as i64;
        labels.max(1) + i64::from(self.marginal.may_miss())
    }

    /// The numbers `[N, width]` that stand for the values `x`, `[N]`, where a flow is given them.
    ///
    /// # Errors
    /// [`Error::Rows`] for a category that was not there when the column's law was fitted, or a missing value where none was.
    pub(crate) fn as_given(&self, x: &Tensor) -> Result<Tensor, Error> {
        let missing = x.isnan();
        let labels = self.form.labels().len() as i64;
        let holds = |mask: Tensor| mask.any().int64_value(&[]) != 0;
        if labels > 0 && holds(x.lt(0.0).logical_or(&x.ge(labels as f64))) {
            let problem =
                format!("the flow was never given a category of `{}` that is not a label of it", self.name);
            return Err(Error::Rows { problem });
        }
        if !self.marginal.may_miss() && holds(missing.shallow_clone()) {
            let problem = format!("the flow was never given a row without its `{}`", self.name);
            return Err(Error::Rows { problem });
        }
        let numbers = if labels > 0 {
            let places = Tensor::arange(labels, (Kind::Double, x.device()));
            x.unsqueeze(1).eq_tensor(&places).to_kind(Kind::Double)
        } else {
            let middle = x.full_like(0.5);
            let z = self.marginal.coordinates(x, &middle).z;
            z.masked_fill(&missing, 0.0).unsqueeze(1)
        };
        if !self.marginal.may_miss() {
            return Ok(numbers);
        }
        Ok(Tensor::cat(&[numbers, missing.to_kind(Kind::Double).unsqueeze(1)], 1))
    }

    /// The values `[N]` that numbers `[N, width]` stand for.
    pub(crate) fn of_given(&self, numbers: &Tensor) -> Tensor {
        let labels = self.form.labels().len() as i64;
        let values = if labels > 0 {
            numbers.narrow(1, 0, labels).argmax(1, false).to_kind(Kind::Double)
        } else {
            self.marginal.values(&numbers.select(1, 0))
        };
        if !self.marginal.may_miss() {
            return values;
        }
        values.masked_fill(&numbers.select(1, self.width() - 1).gt(0.5), f64::NAN)
    }

    /// The coordinates of the values `x`, `[N]`.
    pub(crate) fn coordinates(&self, x: &Tensor, share: &Tensor) -> Coordinates {
        self.marginal.coordinates(x, share)
    }
}

impl TryFrom<Written> for Column {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self, Error> {
        let Written { name, mean, deviation, quantum, given, form, law } = written;
        let marginal = match (mean, deviation, law) {
            (Some(mean), Some(deviation), None) => Marginal::Affine(Affine { mean, deviation, quantum }),
            (None, None, Some(law)) if quantum.is_none() => Marginal::Scores(law),
            _ => {
                let problem = format!("column `{name}` needs either mean and deviation or a law");
                return Err(Error::Rows { problem });
            }
        };
        Ok(Self { name, given, form, marginal })
    }
}

impl From<Column> for Written {
    fn from(column: Column) -> Self {
        let Column { name, given, form, marginal } = column;
        let empty = Self { name, mean: None, deviation: None, quantum: None, given, form, law: None };
        match marginal {
            Marginal::Affine(Affine { mean, deviation, quantum }) => {
                Self { mean: Some(mean), deviation: Some(deviation), quantum, ..empty }
            }
            Marginal::Scores(law) => Self { law: Some(law), ..empty },
        }
    }
}
