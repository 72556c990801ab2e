//! Training of a velocity, or of anything else that an objective learns on a path.
//!
//! The velocity of an interpolant is the minimiser of `G(v̂) = ∫E[|v̂|² − 2 ẋ·v̂] dt` (\[AV23\] eq. 10), an
//! expectation over pairs (x0, x1) and times, so no equation is solved while it is learned. This crate draws the
//! pairs, takes the steps, checks the result on held-out data, and saves the state.
//!
//! **A run** is a [`Trainer`], which is made of a [`TrainConfig`], a [`Problem`] (the interpolant, and the data at
//! its ends), a network and an [`Objective`]. The network below learns to carry a normal law to two moons; then a
//! solver carries points along its flow.
//!
//! ```
//! use interflow_core::density::{Sampler as _, StandardNormal};
//! use interflow_core::{Given, coupling::Independent, interpolant::Interpolant, source::Fresh};
//! use interflow_core::{rng::{Purpose, Stream}, target::DensityConfig, tch::{Device, Kind}};
//! use interflow_train::{Problem, Silent, TrainConfig, Trainer, VelocityMatching};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (base, moons) = (|| Box::new(Fresh(StandardNormal { dim: 2 })), DensityConfig::TwoMoons {});
//! let problem = Problem {
//!     interpolant: Interpolant::trigonometric(),
//!     coupling: Box::new(Independent),
//!     base: base(),
//!     target: Box::new(Fresh(moons.build()?)),
//!     base_density: None,
//!     held_out_base: base(),
//!     held_out_target: Box::new(Fresh(moons.build()?)),
//! };
//! let mut init = Stream::new(0, Purpose::Init).at(0);
//! let mlp = interflow_models::MlpConfig::new(vec![64, 64]).init(2, &mut init, (Kind::Float, Device::Cpu))?;
//! let config = TrainConfig { steps: 50, batch: 128, ..TrainConfig::default() };
//! let mut trainer = Trainer::new(config, problem, Box::new(mlp), Box::new(VelocityMatching::default()), 0)?;
//! trainer.run(&mut Silent)?;
//!
//! let x0 = StandardNormal { dim: 2 }.sample(100, &mut Stream::new(0, Purpose::Sampling).at(0), Kind::Float);
//! let solver = interflow_solvers::SolverConfig::default().build()?;
//! let samples = solver.solve(&trainer.ema_network().at(&Given::Nothing), &x0, 0.0, 1.0)?.x;
//! assert_eq!(samples.size(), [100, 2]);
//!
//! // Whatever the exact velocity is, G(v̂) = −E|v̂|² at the minimiser: the gap says how far training has come.
//! let check = trainer.self_check(1000)?;
//! assert!(check.balance().is_some_and(|balance| balance.gap.mean.is_finite()));
//! # Ok(())
//! # }
//! ```
//!
//! **The objective** decides what is learned: [`VelocityMatching`], [`VelocityWithDenoiser`], [`MaximumLikelihood`],
//! [`FlowMapMatching`], or one of your own, which implements the trait [`Objective`] with a [`TrainingStep`] and
//! [`HeldOut`] data; the trait has an example.
//!
//! **Conditions**, numbers or a class, come with the target's points and go with them to the network.
//!
//! **Observers** watch a run: an [`Observer`] is told of steps, checks and checkpoints, and is asked before every
//! step whether to stop. A [`Companion`], such as the search for a path, is trained beside the network.
//!
//! **Resuming** is exact. A step is a function of (seed, step) and the state before it, and a [`Checkpoint`] holds
//! all of that state. On the CPU and with the same number of threads, a resumed run computes the bits that the
//! uninterrupted run would have computed. (Another number of threads divides libtorch's sums differently, and changes
//! last digits.)
//!
//! **On a GPU** the host works ahead of the device: threads draw the end points of the next steps and upload them
//! without blocking, and losses and norms stay on the device until one is reported ([`Trainer::overlapped`]).
//!
//! **In several processes** each computes the gradient of its own rows of every batch ([`Trainer::with_group`]).
//!
//! **On a shared machine** a step that uses every core waits for whichever thread was preempted. With [`Trainer::with_threads`] the measured times of the steps decide how many threads they get.

mod accumulate;
mod batch;
mod batches;
mod checkpoint;
mod checkpoint_writer;
pub mod checkpoints;
mod companion;
mod config;
mod ema;
mod error;
mod host_batch;
mod mixed_precision;
mod muon;
pub mod objective;
mod observer;
mod optimizer;
mod outcome;
mod patience;
mod precondition;
mod prepared;
mod principal_axes;
mod problem;
mod rows;
mod run_state;
mod schedule;
mod self_check;
mod time;
mod trainer;

pub use accumulate::Accumulate;
pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use checkpoint_writer::CheckpointWriter;
pub use companion::{Companion, Turn};
pub use config::{MOST_POINTS, TrainConfig};
pub use ema::Ema;
pub use error::{Error, Failure, Result};
pub use mixed_precision::MixedPrecision;
pub use muon::MuonConfig;
pub use objective::{
    DivergenceTarget, FlowMapMatching, FlowMapMatchingConfig, Gradient, HeldOut, JumpTimes, MapCondition,
    MaximumLikelihood, Objective, ObjectiveConfig, ObjectiveForm, Regression, Setting, TrainingStep,
    VelocityMatching, VelocityWithDenoiser,
};
pub use observer::{Observer, Silent, StepReport};
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerState};
pub use outcome::{Outcome, StopReason};
pub use precondition::{GaussianResidual, PreconditionConfig};
pub use principal_axes::{AxesKind, CosineAxes, PrincipalAxes};
pub use problem::Problem;
pub use run_state::RunState;
pub use schedule::ScheduleConfig;
pub use self_check::{Balance, SelfCheck, TermCheck};
pub use time::{TimeConfig, TimeSampler};
pub use trainer::Trainer;
