//! Rows as a data set.

use std::sync::Arc;

use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::source::Source;
use interflow_core::{Points, Space, known};
use tch::{Kind, Tensor};

use crate::columns::Columns;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::whitening::Whitening;

/// A data set of rows, split into training, validation and test rows.
///
/// ```
/// use interflow_data::{Dataset, Rows, TableDataset};
/// use tch::{Device, Kind, Tensor};
///
/// // 80 + 10 + 10 rows of two columns that are given one number each.
/// let part = |n: i64| Tensor::randn([n, 2], (Kind::Float, Device::Cpu));
/// let numbers = |n: i64| Tensor::rand([n, 1], (Kind::Float, Device::Cpu));
/// let rows = |n: i64| Rows::new(part(n))?.given(numbers(n));
/// let dataset = TableDataset::new(rows(80)?, rows(10)?, rows(10)?.all())?;
/// assert_eq!(dataset.space().dim, 2);
/// assert_eq!(dataset.test(4, 0).given.tensor().map(Tensor::size), Some(vec![4, 1]));
/// # Ok::<(), interflow_data::Error>(())
/// ```
#[derive(Debug)]
pub struct TableDataset {
    training: Arc<Rows>,
    validation: Arc<Rows>,
    test: Points,
    columns: Option<Columns>,
    whitening: Option<Arc<Whitening>>,
    log_jacobian: Tensor,
    /// Whether points are told coordinates of theirs.
    known: bool,
}

impl TableDataset {
    /// A data set of these parts. The test rows are in the coordinates of the others.
    ///
    /// # Errors
    /// [`Error::Rows`] if the parts differ in their dimension or their conditions.
    pub fn new(training: Rows, validation: Rows, test: Points) -> Result<Self> {
        let space = training.space();
        if validation.space() != space || space.check("a data set's test rows", &test.x, &test.given).is_err()
        {
            let (found, test) = (validation.space(), test.x.size());
            let problem = format!(
                "the parts of a data set differ in their columns, found: {space:?}, {found:?}, {test:?}"
            );
            return Err(Error::Rows { problem });
        }
        let (training, validation) = (Arc::new(training), Arc::new(validation));
        Ok(Self {
            training,
            validation,
            test,
            columns: None,
            whitening: None,
            log_jacobian: Tensor::from(0.0),
            known: false,
        })
    }

    /// A data set whose training and validation rows are whitened by the mean and covariance of the training rows,
    /// while the test rows stay as they are. All are `[N, D]`.
    ///
    /// # Errors
    /// [`Error::Rows`] if the training rows' covariance is singular, or as [`TableDataset::new`].
    pub fn whitened(training: &Tensor, validation: &Tensor, test: Tensor) -> Result<Self> {
        let whitening = Whitening::of(training)?;
        let rows = |x| Rows::new(whitening.whiten(x));
        let parts = Self::new(rows(training)?, rows(validation)?, test.into())?;
        Ok(Self { whitening: Some(Arc::new(whitening)), ..parts })
    }

    /// The same with the names and scales of its columns, by which the rows were standardised.
    #[must_use]
    pub fn with_columns(self, columns: Columns) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// The same with what to add to the log-density of the test rows to get the one that is reported, in nats: one
    /// number for all, or `[N]`.
    #[must_use]
    pub fn with_log_jacobian(self, log_jacobian: impl Into<Tensor>) -> Self {
        Self { log_jacobian: log_jacobian.into(), ..self }
    }

    /// The same for a flow that can be told any of its coordinates ([`interflow_core::known`]). Half of the training
    /// points are told some of their coordinates, each with its own probability; held-out points are told none.
    #[must_use]
    pub fn with_known_coordinates(self) -> Self {
        Self { known: true, ..self }
    }

    /// The same data set, sharing its memory.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            training: self.training.clone(),
            validation: self.validation.clone(),
            test: self.test.shallow_clone(),
            columns: self.columns.clone(),
            whitening: self.whitening.clone(),
            log_jacobian: self.log_jacobian.shallow_clone(),
            known: self.known,
        }
    }

    /// Points that are told nothing of themselves.
    fn untold(&self, points: Points) -> Points {
        if !self.known {
            return points;
        }
        let given = known::nothing(&points.given, &points.x);
        Points { given, ..points }
    }

    /// The training rows.
    pub fn training_part(&self) -> &Rows {
        &self.training
    }

    /// The validation rows.
    pub fn validation_part(&self) -> &Rows {
        &self.validation
    }

    /// All test rows with their conditions.
    pub fn test_part(&self) -> &Points {
        &self.test
    }
}

impl Dataset for TableDataset {
    fn space(&self) -> Space {
        let space = self.training.space();
        if self.known { known::space(space) } else { space }
    }

    fn training(&self) -> Box<dyn Source> {
        let told = if self.known { Told::Some } else { Told::Never };
        Box::new(Part { rows: self.training.clone(), told })
    }

    fn held_out(&self) -> Box<dyn Source> {
        let told = if self.known { Told::Nothing } else { Told::Never };
        Box::new(Part { rows: self.validation.clone(), told })
    }

    fn test(&self, n: i64, _seed: u64) -> Points {
        self.untold(self.test.narrow(0, n.clamp(0, self.test.len())))
    }

    fn training_points(&self, seed: u64) -> Option<Points> {
        let points = self.training.batch(self.training.n_rows(), 0, &Stream::new(seed, Purpose::Resample));
        Some(self.untold(points))
    }

    fn columns(&self) -> Option<&Columns> {
        self.columns.as_ref()
    }

    fn whitening(&self) -> Option<&Whitening> {
        self.whitening.as_deref()
    }

    fn log_jacobian(&self, n: i64, _seed: u64) -> Tensor {
        match self.log_jacobian.size()[..] {
            [rows] => self.log_jacobian.narrow(0, 0, n.clamp(0, rows)),
            _ => self.log_jacobian.shallow_clone(),
        }
    }
}

/// What points are told of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Their flow is never told anything.
    Never,
    Nothing,
    Some,
}

/// One part of a data set as a source that shares its rows.
struct Part {
    rows: Arc<Rows>,
    told: Told,
}

impl Source for Part {
    fn space(&self) -> Space {
        let space = self.rows.space();
        if self.told == Told::Never { space } else { known::space(space) }
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Points {
        let points = self.rows.batch(n, step, stream);
        let given = match self.told {
            Told::Never => return points,
            Told::Nothing => known::nothing(&points.given, &points.x),
            Told::Some => {
                let mut draw = stream.with_purpose(Purpose::Known).at(step);
                known::with(&points.given, &some(&points.x, &mut draw), &points.x)
            }
        };
        Points { given, ..points }
    }
}

/// Which coordinates of `x`, `[B, D]`, are told: none in half of the rows, in the others each with a chance that is drawn for the
/// row.
fn some(x: &Tensor, draw: &mut Draw) -> Tensor {
    let (n, dim) = (x.size()[0], x.size()[1]);
    let (row, each) = (draw.uniform(&[n, 1], Kind::Float), draw.uniform(&[n, dim], Kind::Float));
    let chance = (row * 2.0 - 1.0).clamp_min(0.0);
    each.less_tensor(&chance).to_kind(x.kind())
}
