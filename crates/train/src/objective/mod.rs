//! The objectives that training can minimise: one trait, and the objectives of this crate, each in a file of its own.
//!
//! An [`Objective`] says in [`Objective::check`] what it needs of path, points, network and config.
//! [`Objective::gradient`] computes the gradient of a step, and [`Objective::held_out`] its value on held-out data.
//! The trainer knows only the trait, so an objective of your own trains like those here.

mod config;
mod flow_map;
mod form;
mod held_out;
mod likelihood;
mod regression;
mod setting;
mod step;
mod velocity;
mod velocity_with_denoiser;

use std::fmt;

pub use self::config::ObjectiveConfig;
pub use self::flow_map::{DivergenceTarget, FlowMapMatching, FlowMapMatchingConfig, JumpTimes, MapCondition};
pub use self::form::ObjectiveForm;
pub use self::held_out::HeldOut;
pub use self::likelihood::MaximumLikelihood;
pub use self::regression::Regression;
pub use self::setting::Setting;
pub use self::step::{Gradient, TrainingStep};
pub use self::velocity::VelocityMatching;
pub use self::velocity_with_denoiser::VelocityWithDenoiser;

use crate::error::Result;
use crate::self_check::TermCheck;

/// A function of a network's weights that training minimises.
///
/// ```
/// use interflow_train::objective::{Gradient, HeldOut, Objective, Regression, Setting, TrainingStep};
/// use interflow_train::{Result, TermCheck};
///
/// /// Learns `E[x1 | x_t = x]`, the mean of the ends that the paths through x have.
/// struct EndPoint;
///
/// impl Objective for EndPoint {
///     fn check(&self, _: &Setting<'_>) -> Result<()> {
///         Ok(())
///     }
///
///     fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient> {
///         step.gradient_of(|part, draw| {
///             let value = step.value_of(step.network, part, draw)?;
///             Ok((value - &part.x1).square().sum(None) / part.x1.size()[0] as f64)
///         })
///     }
///
///     fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>> {
///         let mut term = Regression::new("end-point");
///         for batch in held_out.batches() {
///             let batch = batch?;
///             term.add(&batch.value_of(held_out.network), &batch.x1, &batch);
///         }
///         Ok(vec![term.check()])
///     }
/// }
/// ```
pub trait Objective: Send {
    /// Refuses a setting in which the objective cannot be used, for example a path without a latent, a network
    /// without a part that it trains, or batches in several parts. The trainer calls it before the first step.
    ///
    /// # Errors
    /// [`crate::Error::Objective`] naming the objective and what it cannot be used with ([`Setting::refuse`]).
    fn check(&self, setting: &Setting<'_>) -> Result<()>;

    /// The loss of one training step, and its gradient with respect to the network's weights. It must be a function
    /// of the step alone, with random numbers from the step's streams, so that a resumed run computes the same bits.
    ///
    /// # Errors
    /// If the path, the network or libtorch refuses the step, which ends the run.
    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient>;

    /// The terms of the objective on held-out pairs, at least one. The first is reported as the objective. No
    /// gradient is recorded while it is called.
    ///
    /// # Errors
    /// If the path, the network or libtorch refuses the data, which ends the run.
    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>>;
}

impl fmt::Debug for dyn Objective + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objective").finish_non_exhaustive()
    }
}
