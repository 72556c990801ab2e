//! How samples are drawn, and the samples themselves.

use interflow_core::guidance::Observation;
use interflow_core::interpolant::ScheduleKind;
use interflow_core::{Given, Points};
use tch::Tensor;

use crate::error::{Result, refuse};
use crate::path::NoiseConfig;

/// How samples are drawn. All values are in the data's units; [`SampleOptions::default`] follows the flow's own path
/// without noise.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// use interflow_core::interpolant::ScheduleKind;
/// use interflow_flow::SampleOptions;
///
/// let options = SampleOptions::default().seed(3).along(ScheduleKind::Linear);
/// let samples = flow.sample_with(10, &options)?;
/// // Sample i is a function of seed and i: the last five again.
/// let last = flow.sample_with(5, &options.first(5))?;
/// let gap = (samples.points.x.narrow(0, 5, 5) - last.points.x).abs().max();
/// assert!(gap.double_value(&[]) < 1e-4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct SampleOptions {
    /// The number of the first sample. Sample i is the same whatever the other samples are, except for the rounding
    /// of batches of other sizes, which in single precision moves adaptive steps a little ([`interflow_solvers`] has
    /// the numbers).
    pub first: u64,
    /// The seed of base points and noise; without it, that of the flow.
    pub seed: Option<u64>,
    /// The conditions of each sample, in the data's units: a row of numbers, or a class. Without them, samples of a
    /// flow with classes take the classes in turn.
    pub given: Given,
    /// Another interpolant to follow from the base to the target; without it, the flow's own path.
    pub along: Option<ScheduleKind>,
    /// The noise of the stochastic equation, which has the same marginals as the flow; without it there is none.
    pub noise: Option<NoiseConfig>,
    /// Coordinates that were observed with noise, in the data's units. Samples are drawn given these, approximately.
    pub observed: Vec<Observation>,
    /// The weight of classifier-free guidance. With 1 or without it, samples follow the class-conditional flow;
    /// larger weights exaggerate the class.
    pub guidance: Option<f64>,
    /// For a flow map, the number of network calls: each sample reaches the target in that many jumps of equal length.
    /// Without it, the flow's solver carries the samples.
    pub calls: Option<u32>,
    /// Whether log-densities come with the samples. The same solve computes them, at the additional cost of the
    /// divergence.
    pub log_density: bool,
}

impl SampleOptions {
    /// The same options with this seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The same options with these conditions, one row for each sample.
    #[must_use]
    pub fn given(self, given: Given) -> Self {
        Self { given, ..self }
    }

    /// The same options with noise, so that samples follow the stochastic equation.
    #[must_use]
    pub fn noise(self, noise: NoiseConfig) -> Self {
        Self { noise: Some(noise), ..self }
    }

    /// The same options along another interpolant.
    #[must_use]
    pub fn along(self, schedule: ScheduleKind) -> Self {
        Self { along: Some(schedule), ..self }
    }

    /// The same options in this many calls of a flow map.
    #[must_use]
    pub fn calls(self, calls: u32) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// The same options with log-densities.
    #[must_use]
    pub fn log_density(self) -> Self {
        Self { log_density: true, ..self }
    }

    /// Refuses log-densities of samples that are not along the flow itself.
    pub(crate) fn check_log_density(&self) -> Result<()> {
        self.check_calls()?;
        if self.calls.is_some() {
            return refuse(
                "samples of a flow map come without log-densities\nhint: ask for those of the samples",
            );
        }
        Ok(())
    }

    /// Refuses a number of calls beside what only a solver can do.
    pub(crate) fn check_calls(&self) -> Result<()> {
        let others = [
            ("another interpolant", self.along.is_some()),
            ("noise", self.noise.is_some()),
            ("observations", !self.observed.is_empty()),
            ("guidance", self.guidance.is_some()),
        ];
        match others.into_iter().find(|(_, asked)| *asked) {
            Some((other, _)) => refuse(format!(
                "calls of a flow map and log-densities are of the flow itself, not with {other}\nhint: leave one of the two out"
            )),
            None => Ok(()),
        }
    }

    /// The same options, with the samples numbered from `first` on.
    #[must_use]
    pub fn first(self, first: u64) -> Self {
        Self { first, ..self }
    }

    /// The same options, given one more observed coordinate.
    #[must_use]
    pub fn observed(mut self, observation: Observation) -> Self {
        self.observed.push(observation);
        self
    }

    /// The same options with classifier-free guidance of this weight.
    #[must_use]
    pub fn guidance(self, weight: f64) -> Self {
        Self { guidance: Some(weight), ..self }
    }
}

/// Samples in the data's units.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// use interflow_flow::SampleOptions;
///
/// let samples = flow.sample_with(10, &SampleOptions::default())?;
/// println!("{:?} after {} network calls", samples.points.x.size(), samples.nfe);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Samples {
    /// The samples, `[N, D]`, and their conditions. Images are levels, which are whole numbers.
    pub points: Points,
    /// The NFE: the largest number of network calls that any batch took.
    pub nfe: u64,
    /// The log-densities of the samples, `[N]` in nats, if the options asked for them. They equal those of
    /// [`crate::Flow::log_density`] within the solver's tolerance, except for discrete values: there the density is
    /// taken at the sample's own place in the value's cell.
    pub log_density: Option<Tensor>,
}
