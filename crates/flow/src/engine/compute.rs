//! What an engine computes, batch by batch.

use interflow_core::Points;
use interflow_core::rng::{Purpose, Stream};
use interflow_data::Whitening;
use interflow_libtorch::Share;
use interflow_solvers::{Divergence, log_density, push_log_density};
use tch::{Device, Kind, Tensor};

use super::Engine;
use super::room::Room;
use crate::divergence::DivergenceConfig;
use crate::error::{Result, refuse};
use crate::work::Task;

/// The result of a computation for N points that was done batch by batch.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// use interflow_flow::DensityOptions;
///
/// let found = flow.log_density_with(&flow.sample(4, 0)?, 1.0, &DensityOptions::default())?;
/// println!("{} network calls for {:?}", found.nfe, found.rows);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Computed {
    /// One value or one point for each of the N rows, `[N]` or `[N, D]`.
    pub rows: Tensor,
    /// The NFE: the largest number of network calls that any batch took; of a mean density the sum over all densities.
    pub nfe: u64,
}

impl Computed {
    /// The logarithm of the mean of the densities whose logarithms `members` are, `[N]` each, and the sum of their calls.
    /// One alone is as it was.
    pub(crate) fn mean_density(members: impl ExactSizeIterator<Item = Result<Self>>) -> Result<Self> {
        let n = members.len();
        let double = |rows: Tensor| rows.to_device(Device::Cpu).to_kind(Kind::Double);
        let sum = |sum: Self, next: Self| Self {
            rows: double(sum.rows).logaddexp(&double(next.rows)),
            nfe: sum.nfe + next.nfe,
        };
        let sum = members.reduce(|all, next| Ok(sum(all?, next?)));
        match sum {
            None => refuse("the mean of no densities"),
            Some(alone) if n == 1 => alone,
            Some(sum) => sum.map(|sum| Self { rows: sum.rows - (n as f64).ln(), nfe: sum.nfe }),
        }
    }
}

impl Engine {
    /// The same points, moved to the flow's device and converted to its precision.
    ///
    /// # Errors
    /// If the points have another dimension, or other conditions, than those of the flow.
    pub fn admit(&self, points: &Points) -> Result<Points> {
        self.space().check("the flow", &points.x, &points.given)?;
        let to = (self.manifest.precision.kind(), self.device);
        Ok(Points { x: points.x.to_kind(to.0).to_device(to.1), given: points.given.place(to) })
    }

    /// Carries the points `[N, D]` along the flow from time `from` to time `to`. At t = 1, points of a whitened data
    /// set are its rows before whitening.
    ///
    /// # Errors
    /// If the points do not fit the flow, the solver fails, or the work is cancelled.
    pub fn carry(&self, points: &Points, from: f64, to: f64, task: &Task) -> Result<Computed> {
        let solve = |batch: &Points, _first| {
            let solution = self.solver.solve(&self.network.at(&batch.given), &batch.x, from, to)?;
            Ok((solution.x, solution.statistics.nfe))
        };
        self.carry_by(points, from, to, task, solve)
    }

    /// As [`Engine::carry`], but with `solve` in place of the flow's own solver. It gets a batch and the number of
    /// the batch's first row, and returns the end points `[B, D]` and the number of network calls.
    ///
    /// # Errors
    /// As [`Engine::carry`].
    pub fn carry_by(
        &self,
        points: &Points,
        from: f64,
        to: f64,
        task: &Task,
        solve: impl Fn(&Points, u64) -> Result<(Tensor, u64)>,
    ) -> Result<Computed> {
        let points = self.enter(&self.admit(points)?, from);
        let found = self.in_batches(&points, task, solve)?;
        Ok(Computed { rows: self.leave(&found.rows, to), nfe: found.nfe })
    }

    /// The log-density `log ρ_t` of points `[N, D]` at time `t`, `[N]` in nats. If the divergence is estimated, it is
    /// the mean over the probes of each point, which are functions of the point's number. At t = 1, points and
    /// densities of a whitened data set are those of its rows before whitening.
    ///
    /// # Errors
    /// As [`Engine::carry`]; [`crate::Error::Refused`] for a base that is known by samples only.
    pub fn log_density(&self, points: &Points, t: f64, task: &Task) -> Result<Computed> {
        let base = self.base_density()?;
        let at = |batch: &Points, first| {
            let velocity = self.network.at(&batch.given);
            let divergences = self.divergences(&batch.x, first);
            let (mut sum, mut nfe) = (batch.x.select(1, 0).zeros_like(), 0);
            for divergence in &divergences {
                task.check()?;
                let found = log_density(&self.solver, &velocity, &*base, divergence, &batch.x, t)?;
                sum += found.log_density;
                nfe = nfe.max(found.statistics.nfe);
            }
            Ok((sum / divergences.len() as f64, nfe))
        };
        self.log_density_by(points, t, task, at)
    }

    /// Carries base points `[N, D]` to time 1 and computes their log-densities there in the same solves:
    /// `[N, D + 1]`, with the log-densities in the last column, in nats. If the divergence is estimated by several
    /// probes, each probe has its own solve, and the points are those of the first.
    ///
    /// # Errors
    /// As [`Engine::log_density`].
    pub fn push(&self, points: &Points, task: &Task) -> Result<Computed> {
        let base = self.base_density()?;
        let points = self.admit(points)?;
        let push = |batch: &Points, first| {
            let velocity = self.network.at(&batch.given);
            let divergences = self.divergences(&batch.x, first);
            let (mut x, mut sum, mut nfe) = (None, batch.x.select(1, 0).zeros_like(), 0);
            for divergence in &divergences {
                task.check()?;
                let found = push_log_density(&self.solver, &velocity, &*base, divergence, &batch.x, 1.0)?;
                sum += found.log_density;
                nfe = nfe.max(found.statistics.nfe);
                x = x.or(Some(found.x));
            }
            let log_density = sum / divergences.len() as f64;
            let x = x.unwrap_or_else(|| batch.x.shallow_clone());
            Ok((Tensor::cat(&[x, log_density.unsqueeze(1)], 1), nfe))
        };
        let found = self.in_batches(&points, task, push)?;
        let dim = self.space().dim;
        if found.rows.size()[1] == dim {
            // No points at all.
            return Ok(Computed {
                rows: Tensor::zeros([0, dim + 1], (found.rows.kind(), found.rows.device())),
                ..found
            });
        }
        let (x, log_density) = (found.rows.narrow(1, 0, dim), found.rows.narrow(1, dim, 1));
        let log_jacobian = self.whitening_at(1.0).map_or(0.0, Whitening::log_jacobian);
        Ok(Computed {
            rows: Tensor::cat(&[self.leave(&x, 1.0), log_density + log_jacobian], 1),
            nfe: found.nfe,
        })
    }

    /// As [`Engine::log_density`], but with `solve` in place of the flow's own solver. It gets a batch and the number
    /// of the batch's first row, and returns the log-densities `[B]` in nats and the number of network calls.
    ///
    /// # Errors
    /// As [`Engine::carry`].
    pub fn log_density_by(
        &self,
        points: &Points,
        t: f64,
        task: &Task,
        solve: impl Fn(&Points, u64) -> Result<(Tensor, u64)>,
    ) -> Result<Computed> {
        let points = self.enter(&self.admit(points)?, t);
        let found = self.in_batches(&points, task, solve)?;
        let log_jacobian = self.whitening_at(t).map_or(0.0, Whitening::log_jacobian);
        let rows = if found.rows.dim() == 2 { found.rows.select(1, 0) } else { found.rows };
        Ok(Computed { rows: rows + log_jacobian, nfe: found.nfe })
    }

    /// What `solve` makes of the points, joined; where several processes share the work, each solves its rows, and all have what
    /// comes of it. Too few points for that are solved by every process.
    fn in_batches(
        &self,
        points: &Points,
        task: &Task,
        solve: impl Fn(&Points, u64) -> Result<(Tensor, u64)>,
    ) -> Result<Computed> {
        let n = points.len();
        let group = self.work.group().filter(|group| n >= group.share().size());
        let Some(group) = group else { return self.rows_in_batches(points, Share::WHOLE, task, solve) };
        let own = self.rows_in_batches(points, group.share(), task, solve)?;
        let calls = group.all_gather(&Tensor::from_slice(&[own.nfe.cast_signed()]))?;
        let nfe = calls.iter().map(|calls| calls.int64_value(&[0])).max().unwrap_or_default().cast_unsigned();
        Ok(Computed { rows: group.gather_rows(&own.rows)?, nfe })
    }

    /// What `solve` makes of each batch of a share of the points, joined; of no points, what it would be of one, without rows. On
    /// a GPU batches grow after the first one to what its memory holds. Each row stands for one of every process's in the task.
    fn rows_in_batches(
        &self,
        points: &Points,
        share: Share,
        task: &Task,
        solve: impl Fn(&Points, u64) -> Result<(Tensor, u64)>,
    ) -> Result<Computed> {
        let (own, mut batch) = (share.rows(points.len()), self.manifest.batch.max(1));
        let (mut parts, mut nfe, mut first) = (Vec::new(), 0, own.start);
        while first < own.end {
            task.check()?;
            let rows = batch.min(own.end - first);
            let part = points.narrow(first, rows);
            let room = Room::before(self.device)?;
            let (part, calls) = interflow_libtorch::with_tf32(self.tf32, || solve(&part, first as u64))?;
            batch = batch.max(room.rows_after(rows)?);
            nfe = nfe.max(calls);
            task.advance((rows * share.size()).unsigned_abs());
            parts.push(part);
            first += rows;
        }
        let rows = if parts.is_empty() { points.x.zeros_like() } else { Tensor::cat(&parts, 0) };
        Ok(Computed { rows, nfe })
    }

    /// Points at time `t` in the rows' units become the flow's.
    pub(super) fn enter(&self, points: &Points, t: f64) -> Points {
        match self.whitening_at(t) {
            None => points.shallow_clone(),
            Some(whitening) => Points { x: whitening.whiten(&points.x), given: points.given.shallow_clone() },
        }
    }

    /// The flow's states at time `t` become those in the rows' units.
    fn leave(&self, x: &Tensor, t: f64) -> Tensor {
        self.whitening_at(t).map_or_else(|| x.shallow_clone(), |whitening| whitening.restore(x))
    }

    /// Only at the very end the flow's states are rows.
    fn whitening_at(&self, t: f64) -> Option<&Whitening> {
        self.whitening.as_ref().filter(|_| t >= 1.0)
    }

    /// How the divergence is computed along each trajectory of a batch whose first point has the number `first`.
    fn divergences(&self, x: &Tensor, first: u64) -> Vec<Divergence> {
        let DivergenceConfig::Hutchinson { n_probes } = self.manifest.divergence else {
            return vec![Divergence::Exact];
        };
        let (n, dim, n_probes) = (x.size()[0], x.size()[1], i64::from(n_probes.max(1)));
        let stream = Stream::new(self.seed(), Purpose::Probe);
        let signs = stream.sign_rows(first * n_probes as u64, n * n_probes, dim, x.kind());
        let signs = signs.view([n, n_probes, dim]).to_device(x.device());
        (0..n_probes)
            .map(|probe| Divergence::Hutchinson { probes: signs.select(1, probe).contiguous() })
            .collect()
    }
}
