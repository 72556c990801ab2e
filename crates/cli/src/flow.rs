//! A trained flow, restored from its checkpoint.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use interflow_core::Network;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_data::Whitening;
use interflow_solvers::{Divergence, Solution, Solver, log_density};
use interflow_train::Checkpoint;
use interflow_transport::{LearnablePath, restore_path};
use tch::{Device, Tensor};

use crate::args::FlowArgs;
use crate::config::{DivergenceConfig, ExperimentConfig};
use crate::device;
use crate::end::End;
use crate::images::ImageSpace;
use crate::interrupt;

/// A flow that can be sampled, inverted and evaluated.
pub(crate) struct Flow {
    /// The config it was trained by.
    pub(crate) config: ExperimentConfig,
    /// The learned velocity with averaged weights, and with it the denoiser where one was learned.
    pub(crate) velocity: Box<dyn Network>,
    /// The learned path, where it is not the interpolant's.
    pub(crate) path: Option<LearnablePath>,
    /// Integrates it.
    pub(crate) solver: Solver,
    /// Where it lives.
    pub(crate) device: Device,
    /// What makes the target's rows the flow's points at t = 1, where these differ.
    pub(crate) whitening: Option<Whitening>,
    /// The training step of the weights.
    pub(crate) step: u64,
}

/// The newest checkpoint of a run folder, or the file itself.
pub(crate) fn checkpoint_file(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    for folder in [path.join("checkpoints"), path.to_owned()] {
        if let Some((_, newest)) = interflow_train::checkpoints::list(&folder)?.into_iter().next() {
            return Ok(newest);
        }
    }
    bail!("no checkpoint file and no run folder with checkpoints: {}", path.display())
}

impl Flow {
    /// Restores the flow that the arguments name.
    pub(crate) fn open(args: &FlowArgs) -> Result<Self> {
        let device = device::parse_device(&args.device)?;
        let file = checkpoint_file(&args.checkpoint)?;
        let checkpoint = Checkpoint::load(&file)?;
        let config = ExperimentConfig::from_checkpoint(&checkpoint.config_text)?;
        device::set_threads(args.threads, config.threads.max(2));
        Self::restore(config, &checkpoint, device)
            .with_context(|| format!("cannot use the checkpoint: {}", file.display()))
    }

    /// The flow of a checkpoint.
    pub(crate) fn restore(config: ExperimentConfig, checkpoint: &Checkpoint, device: Device) -> Result<Self> {
        let dim = config.dim.context("the checkpoint's config names no dimension")?;
        let mut velocity = config.network(dim, device, None)?;
        velocity.parameters_mut().assign(checkpoint.network_weights()).context(
            "its weights are not of the network that its config describes\n\
             hint: the file belongs to no run of this program; use another checkpoint",
        )?;
        let whitening = config.whitening.as_ref().map(Whitening::from_numbers).transpose()?;
        if whitening.as_ref().is_some_and(|whitening| whitening.dim() != dim) {
            bail!("the checkpoint's config whitens rows of another dimension than the flow's: {dim}");
        }
        let path = restored_path(&config, dim, checkpoint)?;
        Ok(Self {
            path,
            solver: config.solver.build()?,
            config,
            velocity,
            device,
            whitening,
            step: checkpoint.step,
        })
    }

    /// The interpolant that the velocity belongs to.
    pub(crate) fn interpolant(&self) -> Result<Interpolant> {
        match &self.path {
            Some(path) => Ok(path.interpolant()),
            None => Ok(self.config.interpolant.build()?),
        }
    }

    /// Refuses points that do not have the flow's dimension.
    pub(crate) fn check_dim(&self, x: &Tensor) -> Result<()> {
        let (found, wanted) = (x.size(), self.velocity.dim());
        if found.len() != 2 || found[1] != wanted {
            bail!("the flow's points have {wanted} columns, found: {}", found.get(1).unwrap_or(&1));
        }
        Ok(())
    }

    /// Moves points `[B, D]` to the flow's device and precision.
    pub(crate) fn admit(&self, x: &Tensor) -> Result<Tensor> {
        self.check_dim(x)?;
        Ok(x.to_kind(self.config.precision.kind()).to_device(self.device))
    }

    /// Points at time `t` in the target's units become the flow's.
    fn enter(&self, x: &Tensor, t: f64) -> Tensor {
        self.whitening_at(t).map_or_else(|| x.shallow_clone(), |whitening| whitening.whiten(x))
    }

    /// The flow's points at time `t` become those in the target's units.
    fn leave(&self, x: &Tensor, t: f64) -> Tensor {
        self.whitening_at(t).map_or_else(|| x.shallow_clone(), |whitening| whitening.restore(x))
    }

    /// Only at the very end the flow's points are rows.
    fn whitening_at(&self, t: f64) -> Option<&Whitening> {
        self.whitening.as_ref().filter(|_| t >= 1.0)
    }

    /// Carries points along the flow from time `from` to time `to`; `tick` is told of each finished batch.
    pub(crate) fn carry(
        &self,
        x: &Tensor,
        from: f64,
        to: f64,
        tick: impl FnMut(u64),
    ) -> Result<(Tensor, u64)> {
        let solve = |batch: &Tensor, _first| Ok(self.solver.solve(&self.velocity, batch, from, to)?);
        self.in_batches(x, (from, to), solve, tick)
    }

    /// The ends of `solve`, from time `from` to time `to`, and the largest NFE of a batch; `solve` is told a batch
    /// and the number of its first row.
    pub(crate) fn in_batches(
        &self,
        x: &Tensor,
        (from, to): (f64, f64),
        solve: impl Fn(&Tensor, u64) -> Result<Solution>,
        mut tick: impl FnMut(u64),
    ) -> Result<(Tensor, u64)> {
        let x = self.enter(&self.admit(x)?, from);
        let (mut nfe, mut first) = (0, 0);
        let mut parts = Vec::new();
        for batch in x.split(self.config.evaluation.batch, 0) {
            interrupt::check()?;
            let solution = solve(&batch, first)?;
            nfe = nfe.max(solution.statistics.nfe);
            first += batch.size()[0] as u64;
            tick(batch.size()[0] as u64);
            parts.push(solution.x);
        }
        Ok((self.leave(&join(&parts, &x), to), nfe))
    }

    /// `log ρ_t` in nats at points `x`, `[B]`, and the largest NFE of a batch. With the divergence estimated, it is
    /// the mean over each point's probes, which are a function of the point's number.
    pub(crate) fn log_density(
        &self,
        base: &End,
        x: &Tensor,
        t: f64,
        tick: impl FnMut(u64),
    ) -> Result<(Tensor, u64)> {
        let Some(base) = base.density() else {
            bail!(
                "a log-likelihood needs the base's density in closed form, and this base is known by samples only"
            );
        };
        let at = |batch: &Tensor, first| {
            let divergences = self.divergences(batch, first);
            let (mut sum, mut nfe) = (batch.select(1, 0).zeros_like(), 0);
            for divergence in &divergences {
                interrupt::check()?;
                let found = log_density(&self.solver, &self.velocity, base, divergence, batch, t)?;
                sum += found.log_density;
                nfe = nfe.max(found.statistics.nfe);
            }
            Ok((sum / divergences.len() as f64, nfe))
        };
        self.log_density_by(x, t, at, tick)
    }

    /// The log-densities of `solve` at points `x` at time `t`, `[B]`, in the target's units, and the largest NFE of a
    /// batch; `solve` is told a batch and the number of its first row, and answers with both.
    pub(crate) fn log_density_by(
        &self,
        x: &Tensor,
        t: f64,
        solve: impl Fn(&Tensor, u64) -> Result<(Tensor, u64)>,
        mut tick: impl FnMut(u64),
    ) -> Result<(Tensor, u64)> {
        let x = self.enter(&self.admit(x)?, t);
        let (mut nfe, mut first) = (0, 0);
        let mut parts = Vec::new();
        for batch in x.split(self.config.evaluation.batch, 0) {
            interrupt::check()?;
            let (log_density, calls) = solve(&batch, first)?;
            nfe = nfe.max(calls);
            first += batch.size()[0] as u64;
            tick(batch.size()[0] as u64);
            parts.push(log_density);
        }
        let empty = x.select(1, 0);
        let log_jacobian = self.whitening_at(t).map_or(0.0, Whitening::log_jacobian);
        Ok((join(&parts, &empty) + log_jacobian, nfe))
    }

    /// How the divergence is computed along each trajectory of a batch whose first point has the number `first`.
    fn divergences(&self, batch: &Tensor, first: u64) -> Vec<Divergence> {
        let (n, dim) = (batch.size()[0], batch.size()[1]);
        let DivergenceConfig::Hutchinson { n_probes } = self.config.evaluation.divergence(dim) else {
            return vec![Divergence::Exact];
        };
        let n_probes = i64::from(n_probes);
        let stream = Stream::new(self.config.seed, Purpose::Probe);
        let signs = stream.sign_rows(first * n_probes as u64, n * n_probes, dim, batch.kind());
        // Conditions do not move; a probe along them would only add noise.
        let _ = signs.narrow(1, 0, self.config.n_given()).zero_();
        let signs = signs.view([n, n_probes, dim]).to_device(batch.device());
        (0..n_probes)
            .map(|probe| Divergence::Hutchinson { probes: signs.select(1, probe).contiguous() })
            .collect()
    }

    /// What its coordinates are, where it is a flow of images.
    pub(crate) fn image_space(&self) -> Result<ImageSpace> {
        self.config.images.context("the flow is not one of images")
    }
}

/// A path of the config's family before it is learned, for points of dimension `dim`.
pub(crate) fn new_path(config: &ExperimentConfig, dim: i64, device: Device) -> Result<Option<LearnablePath>> {
    let Some(path) = &config.path else { return Ok(None) };
    let mut draw = Stream::new(config.seed, Purpose::Init).at(2);
    let options = (config.precision.kind(), device);
    Ok(Some(LearnablePath::new(&path.family, &config.interpolant, dim, &mut draw, options)?))
}

/// The path of a checkpoint, on the CPU.
fn restored_path(
    config: &ExperimentConfig,
    dim: i64,
    checkpoint: &Checkpoint,
) -> Result<Option<LearnablePath>> {
    let Some(mut path) = new_path(config, dim, Device::Cpu)? else { return Ok(None) };
    restore_path(path.parameters_mut(), &checkpoint.companion)
        .context("its path is not of the family that its config describes")?;
    Ok(Some(path))
}

fn join(parts: &[Tensor], empty: &Tensor) -> Tensor {
    if parts.is_empty() { empty.zeros_like() } else { Tensor::cat(parts, 0) }
}
