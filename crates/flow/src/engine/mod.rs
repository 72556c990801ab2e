//! A trained flow in its own coordinates: integrates the learned velocity, batch by batch, on its device and in its
//! precision.
//!
//! [`crate::Flow`] is the same in the data's units; evaluation and studies work here.

mod compute;
mod jumps;
mod paced;
mod room;
mod undescribed;

use std::sync::Arc;

use interflow_core::density::Density;
use interflow_core::interpolant::{Interpolant, ScheduleKind};
use interflow_core::{Network, Space};
use interflow_data::Whitening;
use interflow_models::VelocityAndDenoiser;
use interflow_solvers::{Solver, SolverConfig};
use interflow_train::Checkpoint;
use interflow_transport::{LearnablePath, restore_path};
use tch::Device;

pub use self::compute::Computed;
use self::paced::Paced;
pub(crate) use self::undescribed::{MakeInterpolant, Undescribed};
use crate::base::BaseLaw;
use crate::error::{During as _, Error, Result, refuse};
use crate::manifest::FlowManifest;
use crate::threads::Threads;
use crate::work::Work;

/// A trained flow in its own coordinates.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.flow();
/// use interflow_core::Points;
/// use tch::Kind;
///
/// let engine = flow.engine();
/// let x0 = engine.base().sample(0, 8, engine.seed(), Kind::Float)?;
/// let found = engine.carry(&Points::from(x0), (0.0, 1.0), &engine.work().quietly())?;
/// assert_eq!(found.rows.size(), [8, 2]);
/// assert!(found.nfe > 0);
/// # Ok(())
/// # }
/// ```
pub struct Engine {
    manifest: FlowManifest,
    network: Box<dyn Network>,
    /// The learned path, where it is not the interpolant's.
    path: Option<LearnablePath>,
    undescribed: Undescribed,
    solver: Solver,
    base: BaseLaw,
    whitening: Option<Whitening>,
    device: Device,
    step: u64,
    work: Work,
    tf32: bool,
}

impl Engine {
    /// The flow of a checkpoint, with averaged weights where there are some.
    ///
    /// # Errors
    /// If the weights are not of the network that the manifest describes.
    pub fn restore(manifest: FlowManifest, checkpoint: &Checkpoint, device: Device) -> Result<Self> {
        manifest.check_weights(checkpoint)?;
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
            return refuse(format!(
                "the network is not the manifest's, expected: {wanted:?}, found: {found:?}"
            ));
        }
        let dim = manifest.space.dim;
        let whitening = manifest.target.whitening.as_ref().map(Whitening::from_numbers).transpose()?;
        if whitening.as_ref().is_some_and(|whitening| whitening.dim() != dim) {
            return refuse(format!("the manifest whitens rows of another dimension than the flow's: {dim}"));
        }
        let device = network.parameters().device();
        let (solver, base) = (manifest.solver.build()?, manifest.base_law()?);
        Ok(Self {
            manifest,
            network,
            path,
            undescribed: Undescribed::default(),
            solver,
            base,
            whitening,
            device,
            step,
            work: Work::default(),
            tf32: false,
        })
    }

    /// The same flow, shown and stopped by `work`.
    #[must_use]
    pub fn with_work(self, work: Work) -> Self {
        Self { work, ..self }
    }

    /// The same flow with these threads of a tensor operation: a number holds for the whole process from here on, while with
    /// [`Threads::Auto`] each call of the network gets the threads with which such calls are fastest.
    #[must_use]
    pub fn with_threads(self, threads: Threads) -> Self {
        if threads.choice(self.device).is_some() {
            return Self { network: Box::new(Paced::new(self.network)), ..self };
        }
        threads.set();
        self
    }

    /// The same flow whose single-precision products on NVIDIA GPUs may be in TF32, or may not, as at first: faster, by
    /// how much nobody has measured, but with errors of 2⁻¹¹ in products, for which an adaptive solver takes many small steps at tolerances
    /// below that, and a bias of log-densities.
    #[must_use]
    pub fn with_tf32(self, tf32: bool) -> Self {
        Self { tf32, ..self }
    }

    /// The same flow with these parts from outside.
    #[must_use]
    pub(crate) fn with_undescribed(self, undescribed: Undescribed) -> Self {
        Self { undescribed, ..self }
    }

    /// The parts that the manifest does not describe.
    pub(crate) fn undescribed(&self) -> &Undescribed {
        &self.undescribed
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
        match &self.undescribed.interpolant {
            Some(make) => Ok(make()),
            None => self.manifest.path_of(self.path.as_ref()),
        }
    }

    /// The schedule of that path by its name; none where the path is learned or has no name.
    pub fn schedule(&self) -> Option<ScheduleKind> {
        let named = self.path.is_none() && self.undescribed.interpolant.is_none();
        named.then_some(self.manifest.interpolant.kind)
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
}
