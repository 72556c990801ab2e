//! A trained flow in its own coordinates: integrates the learned velocity batch by batch, on its device and in its
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

/// A trained flow in its own coordinates: those of standardised rows for a table, and of pixels scaled to [−1, 1) for
/// images.
///
/// Use [`crate::Flow`] to work in the data's units.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// use interflow_core::Points;
/// use tch::Kind;
///
/// let engine = flow.engine();
/// let x0 = engine.base().sample(0, 8, engine.seed(), Kind::Float)?;
/// let found = engine.carry(&Points::from(x0), 0.0, 1.0, &engine.work().quietly())?;
/// assert_eq!(found.rows.size(), [8, 2]);
/// assert!(found.nfe > 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
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
    /// Restores the flow of a checkpoint on a device. Its weights are the running averages (EMA), if training kept
    /// these.
    ///
    /// # Errors
    /// If the weights do not fit the network that the manifest describes.
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
        Self::new(manifest, network, path, checkpoint.step)
    }

    /// A flow of this network, which has to fit the manifest. `path` is the learned path, if there is one, `step` the
    /// training step.
    ///
    /// # Errors
    /// If the network has another dimension or other conditions than the manifest, or a number of the manifest is out
    /// of range.
    pub fn new(
        manifest: FlowManifest,
        network: Box<dyn Network>,
        path: Option<LearnablePath>,
        step: u64,
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

    /// The same flow with `work`, which shows the progress of its computations and can stop them.
    #[must_use]
    pub fn with_work(self, work: Work) -> Self {
        Self { work, ..self }
    }

    /// The same flow with this number of CPU threads for each tensor operation. A fixed number holds for the whole
    /// process from now on. With [`Threads::Auto`] each call of the network runs with the number that was fastest for
    /// such calls.
    #[must_use]
    pub fn with_threads(self, threads: Threads) -> Self {
        if threads.choice(self.device).is_some() {
            return Self { network: Box::new(Paced::new(self.network)), ..self };
        }
        threads.set();
        self
    }

    /// The same flow, with TF32 allowed or forbidden for its single-precision matrix products on NVIDIA GPUs; a flow
    /// starts without. TF32 makes products faster, by how much has not been measured, but with relative errors of
    /// 2⁻¹¹: adaptive solvers with smaller tolerances take many small steps, and log-densities are biased.
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

    /// The same flow with another solver.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn with_solver(mut self, solver: SolverConfig) -> Result<Self> {
        self.solver = solver.build()?;
        self.manifest.solver = solver;
        Ok(self)
    }

    /// The same flow with this seed of base points and probes instead of the one of its training.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.manifest.seed = seed;
        self
    }

    /// The description of the flow that its checkpoint carries.
    pub fn manifest(&self) -> &FlowManifest {
        &self.manifest
    }

    /// The dimension D of its points, and what it is given.
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

    /// The device of its weights.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The solver that integrates the flow.
    pub fn solver(&self) -> &Solver {
        &self.solver
    }

    /// What is known of the base's law.
    pub fn base(&self) -> &BaseLaw {
        &self.base
    }

    /// What shows the progress of its computations and can stop them.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// The network of the learned velocity.
    pub fn network(&self) -> &dyn Network {
        &*self.network
    }

    /// The network of the learned denoiser, if there is one.
    pub fn denoiser(&self) -> Option<&dyn Network> {
        self.network.part(VelocityAndDenoiser::DENOISER)
    }

    /// The learned path; `None` if the path is that of the interpolant.
    pub fn learned_path(&self) -> Option<&LearnablePath> {
        self.path.as_ref()
    }

    /// The map that whitens the rows of the target, if they are whitened.
    pub fn whitening(&self) -> Option<&Whitening> {
        self.whitening.as_ref()
    }

    /// The interpolant that the velocity belongs to: the learned path, or else the interpolant of the config.
    ///
    /// # Errors
    /// If the numbers of the interpolant are out of range.
    pub fn interpolant(&self) -> Result<Interpolant> {
        match &self.undescribed.interpolant {
            Some(make) => Ok(make.interpolant()),
            None => self.manifest.path_of(self.path.as_ref()),
        }
    }

    /// The name of the interpolant's schedule; `None` if the path was learned or made by a program.
    pub fn schedule(&self) -> Option<ScheduleKind> {
        let named = self.path.is_none() && self.undescribed.interpolant.is_none();
        named.then_some(self.manifest.interpolant.kind)
    }

    /// The density of the base.
    ///
    /// # Errors
    /// [`Error::Refused`] for a base without a density in closed form.
    pub fn base_density(&self) -> Result<Arc<dyn Density>> {
        self.base.density().ok_or_else(|| {
            Error::refused(
                "a log-likelihood needs the base's density in closed form, and this base is known by samples only",
            )
        })
    }
}
