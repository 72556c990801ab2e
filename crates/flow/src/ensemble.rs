//! Several flows as one density, the mean of their densities.
//!
//! Flows that were trained apart, or one flow at several moments of its training, err in different places. The mean
//! of their densities `ρ = (ρ₁ + … + ρ_M)/M` is a density too: that of a flow drawn at random. By Jensen's inequality
//! `log ρ ≥ (log ρ₁ + … + log ρ_M)/M`, so its log-density is never below the mean of theirs. The cost is M times that
//! of one flow. All this holds where divergences are exact: the noise of probes makes the mean of densities too large, by up to
//! half the noise's variance in nats where it is small.

use interflow_core::Points;
use tch::Tensor;

use crate::engine::{Computed, Engine};
use crate::error::{Result, refuse};
use crate::flow::{AsPoints, DensityOptions, Flow};
use crate::manifest::FlowManifest;
use crate::work::Task;

/// Several flows of the same data whose densities are averaged.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # let run = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/v1/mlp.safetensors");
/// use interflow_flow::{Ensemble, Flow};
///
/// let flow = Flow::load(run)?;
/// let points = flow.sample(4, 0)?;
/// let alone = flow.log_density(&points, 1.0)?;
/// // A flow beside itself is itself.
/// let together = Ensemble::new(vec![flow, Flow::load(run)?])?.log_density(&points, 1.0)?;
/// assert!((together - alone).abs().max().double_value(&[]) < 1e-4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Ensemble {
    flows: Vec<Flow>,
}

impl Ensemble {
    /// The ensemble of these flows. All draw with the seed of the first one: probes, and the noise that dequantises
    /// images, so that all see the same points.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if there are no flows, or if they are not of the same data: the same columns on the
    /// same scales, or the same images.
    pub fn new(flows: Vec<Flow>) -> Result<Self> {
        let Some((first, others)) = flows.split_first() else {
            return refuse("an ensemble needs at least one flow");
        };
        for (other, number) in others.iter().zip(2..) {
            if let Some(difference) = difference(first.manifest(), other.manifest()) {
                return refuse(format!(
                    "the densities of flows of different data have no mean: flow {number} of them has another \
                     {difference} than the first\n\
                     hint: take runs of the same data, split alike, that differ in their seed, network or training"
                ));
            }
        }
        let seed = first.engine().seed();
        Ok(Self { flows: flows.into_iter().map(|flow| flow.with_seed(seed)).collect() })
    }

    /// The flows that it averages.
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// The flows' engines.
    pub(crate) fn engines(&self) -> Vec<&Engine> {
        self.flows.iter().map(Flow::engine).collect()
    }

    /// The logarithm of the mean density of points `[N, D]` at time `t`, `[N]` in nats, as [`Flow::log_density`]
    /// computes it for one flow.
    ///
    /// # Errors
    /// As [`Flow::log_density`].
    pub fn log_density(&self, points: &impl AsPoints, t: f64) -> Result<Tensor> {
        Ok(self.log_density_with(points, t, &DensityOptions::default())?.rows)
    }

    /// As [`Ensemble::log_density`], as `options` say, with the number of network calls, summed over all flows.
    ///
    /// # Errors
    /// As [`Flow::log_density_with`].
    pub fn log_density_with(
        &self,
        points: &impl AsPoints,
        t: f64,
        options: &DensityOptions,
    ) -> Result<Computed> {
        Computed::mean_density(self.flows.iter().map(|flow| flow.log_density_with(points, t, options)))
    }
}

/// What makes flows ones of different points, if they are.
fn difference(one: &FlowManifest, other: &FlowManifest) -> Option<&'static str> {
    let (of_one, of_other) = (&one.target, &other.target);
    let differ = [
        ("dimension", one.space.dim != other.space.dim),
        ("way with holes (--fill)", of_one.fill != of_other.fill),
        ("kind of images or of their dequantisation", of_one.images != of_other.images),
        ("condition", one.space.given != other.space.given),
        ("set of columns or split, and so other scales,", of_one.columns != of_other.columns),
        ("target", of_one != of_other),
    ];
    differ.into_iter().find(|(_, differs)| *differs).map(|(name, _)| name)
}

/// The logarithm of the mean density that `members` have at the flow's states `points` of time 1, `[N]` in nats.
pub(crate) fn log_density(members: &[&Engine], points: &Points, task: &Task) -> Result<Computed> {
    Computed::mean_density(members.iter().map(|engine| engine.log_density(points, 1.0, task)))
}
