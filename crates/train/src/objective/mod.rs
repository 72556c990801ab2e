//! What training makes small: one trait, and the objectives of this crate, each of which implements it in a file of its
//! own.
//!
//! An [`Objective`] says in one place ([`Objective::check`]) what it needs of path, points, network and config, makes the
//! gradient of a step ([`Objective::gradient`]) and its value on held-out data ([`Objective::held_out`]). The trainer
//! knows the trait alone, so that an objective of one's own, written against the public interface, trains like those here.

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

pub use self::config::ObjectiveConfig;
pub use self::flow_map::{DivergenceTarget, FlowMapMatching, FlowMapMatchingConfig, JumpTimes, MapCondition};
pub use self::form::ObjectiveForm;
pub use self::held_out::HeldOut;
pub use self::likelihood::MaximumLikelihood;
pub use self::regression::Regression;
pub use self::setting::Setting;
pub use self::step::{Gradient, TrainingStep};
pub use self::velocity::Velocity;
pub use self::velocity_with_denoiser::VelocityWithDenoiser;

use crate::error::Result;
use crate::self_check::TermCheck;

/// A number that training makes small by moving a network's weights.
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
    /// Refuses a setting that the objective cannot be used in: a path without what it needs, a network without a part that
    /// it trains, batches that it does not cut. The trainer asks before the first step.
    ///
    /// # Errors
    /// [`crate::Error::Objective`] naming the objective and what it does not go with ([`Setting::refuse`]).
    fn check(&self, setting: &Setting<'_>) -> Result<()>;

    /// The loss of one training step and its gradient in the network's weights. A function of the step alone, so that a
    /// resumed run computes the same bits: random numbers come from the step's streams.
    ///
    /// # Errors
    /// A refusal of the path, the network or libtorch; it ends the run.
    fn gradient(&self, step: &TrainingStep<'_>) -> Result<Gradient>;

    /// The objective's terms on held-out pairs, at least one; the first is reported as the objective. Called while no
    /// gradient is recorded.
    ///
    /// # Errors
    /// A refusal of the path, the network or libtorch; it ends the run.
    fn held_out(&self, held_out: &HeldOut<'_>) -> Result<Vec<TermCheck>>;
}
