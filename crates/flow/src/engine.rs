//! A trained flow in its own coordinates: integrates the learned velocity, batch by batch, on its device and in its
//! precision.
//!
//! [`crate::Flow`] is the same in the data's units; evaluation and studies work here.

use std::sync::Arc;

use interflow_core::density::Density;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::{Network, Points, Space};
use interflow_data::Whitening;
use interflow_models::VelocityAndDenoiser;
use interflow_solvers::{Divergence, Solver, SolverConfig, log_density};
use interflow_train::Checkpoint;
use interflow_transport::{LearnablePath, restore_path};
use tch::{Device, Tensor};

use crate::base::BaseLaw;
use crate::divergence::DivergenceConfig;
use crate::error::{During as _, Error, Result, refuse};
use crate::manifest::FlowManifest;
use crate::work::{Task, Work};

/// A trained flow in its own coordinates.
pub struct Engine {
    manifest: FlowManifest,
    network: Box<dyn Network>,
    /// The learned path, where it is not the interpolant's.
    path: Option<LearnablePath>,
    solver: Solver,
    base: BaseLaw,
    whitening: Option<Whitening>,
    device: Device,
    step: u64,
    work: Work,
}

/// What a batch-wise computation gives for all rows.
#[derive(Debug)]
pub struct Computed {
    /// One value or point for each row, `[N]` or `[N, D]`.
    pub rows: Tensor,
    /// The largest number of network calls that a batch took.
    pub nfe: u64,
}

impl Engine {
    /// The flow of a checkpoint, with averaged weights where there are some.
    ///
    /// # Errors
    /// If the weights are not of the network that the manifest describes.
    pub fn restore(manifest: FlowManifest, checkpoint: &Checkpoint, device: Device) -> Result<Self> {
        let mut network = manifest.network(device, None)?;
        network.parameters_mut().assign(checkpoint.network_weights()).during(
            "its weights are not of the network that its manifest describes\n\
             hint: the file belongs to no run of this program; use another checkpoint",
        )?;
        // On the network's device: times that meet the path's numbers live there.
        let mut path = manifest.fresh_path(device)?;
        if let Some(path) = &mut path {
            restore_path(path.parameters_mut(), &checkpoint.companion)
                .during("its path is not of the family that its manifest describes")?;
        }
        Self::new(manifest, network, (path, checkpoint.step))
    }

    /// The flow of a network that fits the manifest; `path` is the learned path and the training step.
    ///
    /// # Errors
    /// If the network's space is not the manifest's, or a number of the manifest is out of range.
    pub fn new(
        manifest: FlowManifest,
        network: Box<dyn Network>,
        (path, step): (Option<LearnablePath>, u64),
    ) -> Result<Self> {
        if network.space() != manifest.space {
            let (wanted, found) = (manifest.space, network.space());
            return refuse(format!("the network is not the manifest's, expected: {wanted:?}, found: {found:?}"));
        }
        let dim = manifest.space.dim;
        let whitening = manifest.target.whitening.as_ref().map(Whitening::from_numbers).transpose()?;
        if whitening.as_ref().is_some_and(|whitening| whitening.dim() != dim) {
            return refuse(format!("the manifest whitens rows of another dimension than the flow's: {dim}"));
        }
        let device = network.parameters().device();
        let (solver, base) = (manifest.solver.build()?, manifest.base_law()?);
        Ok(Self { manifest, network, path, solver, base, whitening, device, step, work: Work::default() })
    }

    /// The same flow, shown and stopped by `work`.
    #[must_use]
    pub fn with_work(self, work: Work) -> Self {
        Self { work, ..self }
    }

    /// The same flow integrated as `solver` says.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn with_solver(mut self, solver: SolverConfig) -> Result<Self> {
        self.solver = solver.build()?;
        self.manifest.solver = solver;
        Ok(self)
    }

    /// The same flow with another seed of base points and probes than the run's.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.manifest.seed = seed;
        self
    }

    /// What the checkpoint says of it.
    pub fn manifest(&self) -> &FlowManifest {
        &self.manifest
    }

    /// The dimension of its states and what they are given.
    pub fn space(&self) -> Space {
        self.manifest.space
    }

    /// The seed of base points and probes.
    pub fn seed(&self) -> u64 {
        self.manifest.seed
    }

    /// The training step of the weights.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Where it lives.
    pub fn device(&self) -> Device {
        self.device
    }

    /// What integrates it.
    pub fn solver(&self) -> &Solver {
        &self.solver
    }

    /// What is known of its base.
    pub fn base(&self) -> &BaseLaw {
        &self.base
    }

    /// How its work is shown and stopped.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// The learned velocity.
    pub fn network(&self) -> &dyn Network {
        &*self.network
    }

    /// The learned denoiser, where there is one.
    pub fn denoiser(&self) -> Option<&dyn Network> {
        self.network.part(VelocityAndDenoiser::DENOISER)
    }

    /// The learned path, where it is not the interpolant's.
    pub fn learned_path(&self) -> Option<&LearnablePath> {
        self.path.as_ref()
    }

    /// What whitens the target's rows, where something does.
    pub fn whitening(&self) -> Option<&Whitening> {
        self.whitening.as_ref()
    }

    /// The path that the velocity follows.
    ///
    /// # Errors
    /// If the interpolant has numbers out of range.
    pub fn interpolant(&self) -> Result<Interpolant> {
        self.manifest.path_of(self.path.as_ref())
    }

    /// The base's density.
    ///
    /// # Errors
    /// [`Error::Refused`] for a base that is known by samples only.
    pub fn base_density(&self) -> Result<Arc<dyn Density>> {
        self.base.density().ok_or_else(|| {
            Error::refused(
                "a log-likelihood needs the base's density in closed form, and this base is known by samples only",
            )
        })
    }

    /// The points on the flow's device and in its precision.
    ///
    /// # Errors
    /// If they are not points of the flow's space.
    pub fn admit(&self, points: &Points) -> Result<Points> {
        self.space().check("the flow", &points.x, &points.given)?;
        let to = (self.manifest.precision.kind(), self.device);
        Ok(Points { x: points.x.to_kind(to.0).to_device(to.1), given: points.given.place(to) })
    }

    /// Carries points, states `[N, D]`, along the flow from time `from` to time `to`. At t = 1 they are the data set's rows
    /// before whitening.
    ///
    /// # Errors
    /// If the points are not the flow's, the solver fails, or the work is cancelled.
    pub fn carry(&self, points: &Points, (from, to): (f64, f64), task: &Task) -> Result<Computed> {
        let solve = |batch: &Points, _first| {
            let solution = self.solver.solve(&self.network.at(&batch.given), &batch.x, from, to)?;
            Ok((solution.x, solution.statistics.nfe))
        };
        self.carry_by(points, (from, to), task, solve)
    }

    /// As [`Engine::carry`] by `solve`, which is told a batch and the number of its first row, and answers with the end
    /// points and the calls.
    ///
    /// # Errors
    /// As [`Engine::carry`].
    pub fn carry_by(
        &self,
        points: &Points,
        (from, to): (f64, f64),
        task: &Task,
        solve: impl Fn(&Points, u64) -> Result<(Tensor, u64)>,
    ) -> Result<Computed> {
        let points = self.enter(&self.admit(points)?, from);
        let found = self.in_batches(&points, task, solve)?;
        Ok(Computed { rows: self.leave(&found.rows, to), nfe: found.nfe })
    }

    /// `log ρ_t` in nats at points, states `[N, D]`, as `[N]`. With the divergence estimated, it is the mean over each
    /// point's probes, which are a function of the point's number. At t = 1 points and densities are those of the data
    /// set's rows before whitening.
    ///
    /// # Errors
    /// As [`Engine::carry`]; [`Error::Refused`] for a base that is known by samples only.
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

    /// As [`Engine::log_density`] by `solve`, which is told a batch and the number of its first row, and answers with the
    /// log-densities and the calls.
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

    /// What `solve` makes of each batch of the points, joined; of no points, what it would be of one, without rows.
    fn in_batches(
        &self,
        points: &Points,
        task: &Task,
        solve: impl Fn(&Points, u64) -> Result<(Tensor, u64)>,
    ) -> Result<Computed> {
        let (n, batch) = (points.len(), self.manifest.batch.max(1));
        let (mut parts, mut nfe) = (Vec::new(), 0);
        for first in (0..n).step_by(batch as usize) {
            task.check()?;
            let rows = batch.min(n - first);
            let (part, calls) = solve(&points.narrow(first, rows), first as u64)?;
            nfe = nfe.max(calls);
            task.advance(rows as u64);
            parts.push(part);
        }
        let rows = if parts.is_empty() { points.x.zeros_like() } else { Tensor::cat(&parts, 0) };
        Ok(Computed { rows, nfe })
    }

    /// Points at time `t` in the rows' units become the flow's.
    fn enter(&self, points: &Points, t: f64) -> Points {
        match self.whitening_at(t) {
            None => points.shallow_clone(),
            Some(whitening) => {
                Points { x: whitening.whiten(&points.x), given: points.given.shallow_clone() }
            }
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
