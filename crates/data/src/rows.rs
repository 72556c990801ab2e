//! Rows of a data set as a source of training points.

use std::sync::{Mutex, PoisonError};

use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::Source;
use tch::{Kind, Tensor};

use crate::epochs::Epochs;
use crate::{Error, Result};

/// Fresh uniform noise of one quantum per column at every visit of a row, then standardisation.
#[derive(Debug)]
pub struct Dequantisation {
    /// Each column's quantum, `[D]`.
    pub quantum: Tensor,
    /// What is subtracted from the noisy value, `[D]`.
    pub mean: Tensor,
    /// What it is divided by then, `[D]`.
    pub deviation: Tensor,
}

/// Rows in a new random order in each epoch, each row once.
#[derive(Debug)]
pub struct Rows {
    values: Mutex<Tensor>,
    n: i64,
    dim: i64,
    dequantisation: Option<Mutex<Dequantisation>>,
    epochs: Epochs,
}

impl Rows {
    /// A source of the given rows, `[N, D]`.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there is at least one row of at least one column.
    pub fn new(values: Tensor) -> Result<Self> {
        match values.size()[..] {
            [n, dim] if n > 0 && dim > 0 => {
                let epochs = Epochs::new(n);
                Ok(Self { values: Mutex::new(values), n, dim, dequantisation: None, epochs })
            }
            ref size => Err(Error::Rows { problem: format!("expected rows [N, D], found: {size:?}") }),
        }
    }

    /// A source that dequantises and standardises each row when it is visited.
    ///
    /// # Errors
    /// As [`Rows::new`].
    pub fn dequantised(values: Tensor, dequantisation: Dequantisation) -> Result<Self> {
        Ok(Self { dequantisation: Some(Mutex::new(dequantisation)), ..Self::new(values)? })
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> i64 {
        self.n
    }
}

impl Source for Rows {
    fn dim(&self) -> i64 {
        self.dim
    }

    fn batch(&self, n: i64, step: u64, stream: &Stream) -> Tensor {
        if n <= 0 {
            return Tensor::zeros([0, self.dim], (Kind::Float, tch::Device::Cpu));
        }
        let visited = Tensor::from_slice(&self.epochs.visited(step * n as u64, n as u64, stream));
        let rows = self.values.lock().unwrap_or_else(PoisonError::into_inner).index_select(0, &visited);
        let Some(dequantisation) = &self.dequantisation else { return rows };
        let dequantisation = dequantisation.lock().unwrap_or_else(PoisonError::into_inner);
        let noise = stream.with_purpose(Purpose::Dequantise).at(step).uniform(&[n, self.dim], Kind::Float);
        let noisy = rows + noise.to_kind(Kind::Double) * &dequantisation.quantum;
        ((noisy - &dequantisation.mean) / &dequantisation.deviation).to_kind(Kind::Float)
    }
}
