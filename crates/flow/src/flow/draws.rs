//! Log-densities of values that have a cell of the flow's coordinates instead of a point: categories, numbers on a
//! lattice, atoms, missing values, and the levels of images.
//!
//! The probability of a cell C is `∫_C ρ(u) du = E_{u~q}[ρ(u)/q(u)]`, with q the distribution of the places at which
//! training puts its values. One place gives an estimate; the mean over several comes nearer \[BGS16\].

use interflow_core::rng::Stream;
use tch::{Device, Kind, Tensor};

use super::{AsPoints, Flow};
use crate::engine::Computed;
use crate::error::{Result, refuse};
use crate::path::check_time;

/// How log-densities are computed.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_core::target::DensityConfig;
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// use interflow_flow::DensityOptions;
///
/// # let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// let points = flow.sample(5, 0)?;
/// let found = flow.log_density_with(&points, 1.0, &DensityOptions::default().draws(8))?;
/// // All values of these points are numbers with a density.
/// assert_eq!(found.rows, flow.log_density(&points, 1.0)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct DensityOptions {
    /// For a flow map that has learned divergences, the number of network calls. Without it, the flow's solver computes
    /// them.
    pub calls: Option<u32>,
    /// At t = 1, the number of places within each row's cells at which the density is evaluated. The result is their mean,
    /// and the cost grows in proportion. Without it there is one: in tables the middle of each cell, in images a draw of the
    /// dequantisation noise. In tables several places fill the cells evenly, in all rows alike. Rows without cells are not
    /// affected.
    pub draws: Option<u32>,
}

impl DensityOptions {
    /// The same options with this number of network calls.
    #[must_use]
    pub fn calls(self, calls: u32) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// The same options with this number of places in the cells of each row.
    #[must_use]
    pub fn draws(self, draws: u32) -> Self {
        Self { draws: Some(draws), ..self }
    }
}

/// More places than any accuracy asks for.
const MOST: u32 = 1 << 16;

impl Flow {
    /// As [`Flow::log_density`], as `options` say, with the number of network calls.
    ///
    /// # Errors
    /// As [`Flow::log_density`]; [`crate::Error::Refused`] for no draws, or over 65 536, and for a number of calls if it is 0, or
    /// the network is no flow map that has learned divergences.
    pub fn log_density_with(
        &self,
        points: &impl AsPoints,
        t: f64,
        options: &DensityOptions,
    ) -> Result<Computed> {
        check_time(t)?;
        let n = match options.draws {
            Some(n) if !(1..=MOST).contains(&n) => {
                return refuse(format!("a log-density needs 1 to {MOST} draws, found: {n}"));
            }
            Some(n) if self.has_cells_at(t) => n,
            _ => 1,
        };
        let points = points.points();
        // Images have noise instead.
        let dim = if self.levels_at(t).is_some() { 0 } else { self.space().dim };
        let places = places(n, dim);
        let task = self.engine().work().begin("log-density", u64::from(n) * points.len().unsigned_abs());
        Computed::mean_density((0..n as usize).map(|number| {
            let draw = Draw { number: number as u64, place: places.get(number as i64) };
            let (entered, log_jacobian) = self.enter_at(&points, t, &draw)?;
            let found = match options.calls {
                None => self.engine().log_density(&entered, t, &task)?,
                Some(calls) => self.engine().jump_log_density(&entered, t, calls, &task)?,
            };
            Ok(Computed { rows: found.rows.to_device(Device::Cpu) + log_jacobian, nfe: found.nfe })
        }))
    }

    /// Whether a value may have a cell at time `t`.
    fn has_cells_at(&self, t: f64) -> bool {
        let columns = self.columns_at(t);
        let is_discrete =
            columns.is_some_and(|columns| columns.states().any(|one| one.marginal.is_discrete()));
        is_discrete || self.levels_at(t).is_some()
    }
}

/// Where discrete values are placed in their cells.
pub(super) struct Draw {
    /// The number of the noise that images get.
    pub(super) number: u64,
    /// The place in the cells of a table's coordinates, `[D]` in (0, 1).
    pub(super) place: Tensor,
}

impl Draw {
    /// The first noise, and the middle of the cells.
    pub(super) fn first(dim: i64) -> Self {
        Self { number: 0, place: Tensor::full([dim], 0.5, (Kind::Double, Device::Cpu)) }
    }
}

/// `n` places in a unit cube, `[n, dim]`. In each of its directions they are the middles of `n` equal parts, in an order of
/// its own (a Latin hypercube).
fn places(n: u32, dim: i64) -> Tensor {
    let orders = Stream::named(0, "places in cells");
    let part = |d: i64| {
        let order = orders.at(d.unsigned_abs()).permutation(n as usize);
        let middles: Vec<f64> =
            order.into_iter().map(|part| (f64::from(part) + 0.5) / f64::from(n)).collect();
        Tensor::from_slice(&middles)
    };
    match dim {
        0 => Tensor::zeros([i64::from(n), 0], (Kind::Double, Device::Cpu)),
        _ => Tensor::stack(&(0..dim).map(part).collect::<Vec<_>>(), 1),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn one_place_is_the_middle() {
        assert_eq!(Vec::<f64>::try_from(places(1, 3).view(-1)).unwrap(), vec![0.5; 3]);
    }

    #[test]
    fn places_fill_each_direction_evenly_and_in_another_order() {
        let places = places(64, 5);
        let (sorted, _) = places.sort(0, false);
        let middles = (Tensor::arange(64, (Kind::Double, Device::Cpu)) + 0.5) / 64.0;
        assert!((sorted - middles.unsqueeze(1)).abs().max().double_value(&[]) < 1e-12);
        let correlation = places.transpose(0, 1).corrcoef() - Tensor::eye(5, (Kind::Double, Device::Cpu));
        // Four standard deviations of one of independent orders.
        assert!(correlation.abs().max().double_value(&[]) < 0.5);
    }
}
