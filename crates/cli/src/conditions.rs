//! The conditions that samples are drawn given: rows of a file.

use anyhow::{Result, bail};
use interflow_data::{Columns, Sheet};
use tch::Tensor;

use crate::args::SampleArgs;

/// One row of conditions for each sample.
pub(crate) struct Conditions {
    /// The flow's coordinates `[N, K]`.
    points: Tensor,
    /// The values `[N, K]` as they stand in the file.
    values: Tensor,
}

impl Conditions {
    /// The conditions that the arguments name, none for a flow without; each row as often as `-n` says, or once.
    pub(crate) fn read(args: &SampleArgs, columns: Option<&Columns>) -> Result<Option<Self>> {
        let conditions =
            columns.map(|columns| (columns, columns.n_given())).filter(|(_, n_given)| *n_given > 0);
        match (&args.given, conditions) {
            (None, None) => Ok(None),
            (Some(_), None) => bail!("the flow has no conditions\nhint: leave out --given"),
            (None, Some((columns, n_given))) => bail!(
                "the flow's samples need conditions\nhint: --given FILE with columns: {}",
                columns.names()[..n_given].join(", ")
            ),
            (Some(file), Some((columns, n_given))) => {
                let sheet = Sheet::read(file)?;
                let values = sheet.complete_numbers(&sheet.places_of(&columns.names()[..n_given])?)?;
                let values = values.repeat_interleave_self_int(args.n.unwrap_or(1) as i64, 0, None);
                Ok(Some(Self { points: columns.standardise_given(&values)?, values }))
            }
        }
    }

    /// How many samples they are for.
    pub(crate) fn n_samples(&self) -> i64 {
        self.values.size()[0]
    }

    /// Base points `[N, D]` with the conditions in their places.
    pub(crate) fn before(&self, x0: &Tensor) -> Tensor {
        put_given(&self.points, x0)
    }

    /// Samples `[N, D]` in the table's units with the file's own values, free of rounding.
    pub(crate) fn beside(&self, samples: &Tensor) -> Tensor {
        put_given(&self.values, samples)
    }
}

/// Points `x`, `[N, D]`, with `given`, `[N, K]`, as their first K coordinates.
pub(crate) fn put_given(given: &Tensor, x: &Tensor) -> Tensor {
    let n_given = given.size()[1];
    Tensor::cat(
        &[&given.to_kind(x.kind()).to_device(x.device()), &x.narrow(1, n_given, x.size()[1] - n_given)],
        1,
    )
}
