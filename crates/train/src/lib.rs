//! Training of a velocity: the objective `G(v̂) = ∫E[|v̂|² − 2 ẋ·v̂] dt`, stratified times, `AdamW` and Muon, an average of
//! the weights, held-out checks and checkpoints.
//!
//! A step is a function of (seed, step) and the state before it, and a checkpoint holds all of that state: a
//! resumed run computes, on the CPU, the bits that the uninterrupted run would have computed.
//!
//! ```
//! use interflow_core::density::{Sampler as _, StandardNormal};
//! use interflow_core::{coupling::Independent, interpolant::Interpolant, rng::{Purpose, Stream}, source::Fresh};
//! use interflow_core::{target::TargetConfig, tch::{Device, Kind}};
//! use interflow_train::{Problem, Silent, TrainConfig, Trainer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (base, moons) = (|| Box::new(Fresh(StandardNormal { dim: 2 })), TargetConfig::TwoMoons {});
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
//! let mut trainer = Trainer::new(config, problem, Box::new(mlp), 0)?;
//! trainer.run(&mut Silent)?;
//!
//! let x0 = StandardNormal { dim: 2 }.sample(100, &mut Stream::new(0, Purpose::Sampling).at(0), Kind::Float);
//! let solver = interflow_solvers::SolverConfig::default().build()?;
//! let samples = solver.solve(&trainer.ema_network(), &x0, 0.0, 1.0)?.x;
//! assert_eq!(samples.size(), [100, 2]);
//! # Ok(())
//! # }
//! ```

pub mod batch;
pub mod checkpoint;
pub mod checkpoints;
pub mod companion;
pub mod config;
pub mod ema;
pub mod error;
pub mod likelihood;
pub mod muon;
pub mod objective;
pub mod observer;
pub mod optimizer;
mod patience;
pub mod precondition;
pub mod principal_axes;
pub mod problem;
pub mod schedule;
pub mod self_check;
pub mod time;
pub mod trainer;

pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use companion::{Companion, Moment};
pub use config::{MixedPrecision, TrainConfig};
pub use ema::Ema;
pub use error::{Error, Result};
pub use likelihood::LikelihoodConfig;
pub use muon::MuonConfig;
pub use objective::ObjectiveForm;
pub use observer::{Failure, Observer, Silent, StepReport};
pub use optimizer::{Optimizer, OptimizerConfig};
pub use precondition::{GaussianResidual, PreconditionConfig};
pub use principal_axes::{AxesKind, CosineAxes, PrincipalAxes};
pub use problem::Problem;
pub use schedule::ScheduleConfig;
pub use self_check::{Balance, DenoiserCheck, Estimate, SelfCheck};
pub use time::{TimeConfig, TimeSampler};
pub use trainer::{Outcome, StopReason, Trainer};

/// The README's code, which `cargo test --doc` compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
