//! The costs of carrying each point of one sample to each point of another.

use interflow_core::shape::check_same;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result, torch};

/// A square matrix of finite costs, `[n, n]` in double precision.
#[derive(Debug, Clone)]
pub struct Costs {
    values: Vec<f64>,
    n: usize,
}

impl Costs {
    /// The squared distances `|x0_i − x1_j|²` between the rows of `x0` and `x1`, both `[n, D]`, in double precision.
    ///
    /// # Errors
    /// If the shapes differ, or a distance is not finite ([`Error::Costs`]).
    pub fn squared_distances(x0: &Tensor, x1: &Tensor) -> Result<Self> {
        check_same("costs between points", x0, x1)?;
        let (n, _) = x0.size2().map_err(torch("costs between points"))?;
        let place = |x: &Tensor| x.detach().to_device(Device::Cpu).to_kind(Kind::Double);
        // Differences, not a product of matrices, so that nothing cancels.
        let distances =
            Tensor::f_cdist(&place(x0), &place(x1), 2.0, 2).map_err(torch("costs between points"))?;
        Self::new(
            Vec::<f64>::try_from(distances.square().view(-1)).map_err(torch("costs between points"))?,
            n as usize,
        )
    }

    /// The costs `values` of an n × n matrix, row by row.
    ///
    /// # Errors
    /// [`Error::Mismatch`] unless there are n² values, [`Error::Costs`] unless all are finite.
    pub fn new(values: Vec<f64>, n: usize) -> Result<Self> {
        if values.len() != n * n {
            let problem = format!("expected {n} × {n} costs, found: {}", values.len());
            return Err(Error::Mismatch { what: "a matrix of costs", problem });
        }
        match values.iter().find(|value| !value.is_finite()) {
            Some(&value) => Err(Error::Costs { value }),
            None => Ok(Self { values, n }),
        }
    }

    /// The number of points on each side.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The costs of row `i`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.n..(i + 1) * self.n]
    }

    /// The mean over the rows of the cost of carrying row `i` to column `columns[i]`.
    pub fn mean_of(&self, columns: &[usize]) -> f64 {
        let total: f64 = columns.iter().enumerate().map(|(i, &j)| self.row(i)[j]).sum();
        total / self.n.max(1) as f64
    }

    /// The difference of the greatest and the least cost.
    pub(crate) fn spread(&self) -> f64 {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = self.values.iter().fold(ends, |(low, high), &c| (low.min(c), high.max(c)));
        if low > high { 0.0 } else { high - low }
    }

    /// The costs as a tensor, `[n, n]`.
    pub(crate) fn tensor(&self) -> Tensor {
        Tensor::from_slice(&self.values).view([self.n as i64, self.n as i64])
    }
}
