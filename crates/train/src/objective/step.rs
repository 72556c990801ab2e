//! One training step as an objective gets it.

use interflow_core::Network;
use interflow_core::backward::{Graph, gradients};
use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_libtorch::{PartsBefore, PassMean, Share};
use tch::{Device, Kind, Tensor};

use crate::batch::Batch;
use crate::batches::Batches;
use crate::config::TrainConfig;
use crate::error::Result;
use crate::prepared::Prepared;
use crate::problem::Problem;
use crate::time::TimeSampler;

/// A loss and its gradient with respect to the weights.
#[derive(Debug)]
pub struct Gradient {
    /// The loss, a scalar.
    pub loss: Tensor,
    /// The derivative with respect to each trained weight, in their order ([`interflow_core::Parameters::tensors`]).
    pub of_weights: Vec<Tensor>,
}

/// What an objective gets to compute the gradient of one step: the network, the pairs of the step, and streams of
/// random numbers. All of it is a function of (seed, step).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TrainingStep<'a> {
    /// The network in training.
    pub network: &'a dyn Network,
    /// The interpolant, and the data at its ends.
    pub problem: &'a Problem,
    /// The settings of the run.
    pub config: &'a TrainConfig,
    /// The law of the training times.
    pub times: &'a TimeSampler,
    /// The run's seed.
    pub seed: u64,
    /// The number of steps taken before this one.
    pub step: u64,
    /// The batches that are made ahead, where they are.
    pub(crate) prepared: Option<&'a Prepared>,
    /// The rows of the batch that are this process's.
    pub(crate) share: Share,
    /// What averages gradients over the processes during the backward pass, where that is to be done.
    pub(crate) pass_mean: Option<&'a PassMean>,
}

impl TrainingStep<'_> {
    /// The step's `config.batch` pairs on the path, jittered as the config says, at times from the run's law. If
    /// several processes train together ([`crate::Trainer::with_group`]), each gets its share of them. Gradients with
    /// respect to a path's own parameters are not recorded, because only the network is trained here.
    ///
    /// # Errors
    /// If the interpolant or the coupling refuses the points.
    pub fn batch(&self) -> Result<Batch> {
        let batches = Batches::training(self.problem, self.seed).jittered(self.config.jitter);
        tch::no_grad(|| {
            let on_host = match self.prepared {
                Some(prepared) => prepared.get(self.seed, self.step),
                None => batches.on_host(self.config.batch, self.step, (self.times, self.share)),
            };
            batches.on_path(on_host?, self.placement())
        })
    }

    /// The same pairs in `config.accumulate` parts of equal size, to go through the network one after the other.
    ///
    /// # Errors
    /// As [`TrainingStep::batch`].
    pub fn parts(&self) -> Result<Vec<Batch>> {
        Ok(self.batch()?.parts(self.config.accumulate.parts()))
    }

    /// The mean over the step's parts of the scalar that `loss` computes on a part, and its gradient, by one backward
    /// pass for each part. The draw is for what a network drops in training. Where several processes train together, the
    /// gradient may be the mean over them already: the pass exchanges it, so all of them have to call this equally often in a
    /// step.
    ///
    /// # Errors
    /// As [`TrainingStep::batch`] and [`TrainingStep::backward`], or an error of `loss`.
    pub fn gradient_of(&self, mut loss: impl FnMut(&Batch, &mut Draw) -> Result<Tensor>) -> Result<Gradient> {
        let parts = self.parts()?;
        let draw = &mut self.dropout();
        let weights = self.network.parameters().tensors();
        let pass_mean = self.pass_mean.filter(|pass_mean| pass_mean.watches(&weights));
        let mut mean = Gradient { loss: Tensor::zeros([], self.placement()), of_weights: Vec::new() };
        for (part, count) in parts.iter().zip(1..) {
            let loss = loss(part, draw)?;
            // Of the first `count` parts.
            let share = 1.0 / f64::from(count);
            mean.loss = if count == 1 { loss.detach() } else { mean.loss.lerp(&loss.detach(), share) };
            let before = PartsBefore { mean: &mean.of_weights, share_of_last: share };
            let before = (count > 1).then_some(before);
            mean.of_weights = match pass_mean.filter(|_| count == parts.len() as u32) {
                Some(pass_mean) => pass_mean.of(before, || self.backward(&loss))?.1,
                None => joined(before, self.backward(&loss)?.of_weights)?,
            };
        }
        Ok(mean)
    }

    /// A scalar and its gradient with respect to the trained weights, by one backward pass. It is zero for weights on
    /// which the scalar does not depend.
    ///
    /// # Errors
    /// [`crate::Error::Core`] if the loss is not a scalar, or libtorch fails in the pass.
    pub fn backward(&self, loss: &Tensor) -> Result<Gradient> {
        let found = loss.size();
        if !found.is_empty() {
            let (operation, expected) = ("a loss", "[], a scalar".to_owned());
            return Err(interflow_core::Error::Shape { operation, expected, found }.into());
        }
        let weights = self.network.parameters().tensors();
        let of_weights = gradients("the loss's backward pass", loss, &weights, Graph::Freed)?;
        Ok(Gradient { loss: loss.detach(), of_weights })
    }

    /// The value `[B, D]` on a batch of `network`, which is the network in training or a part of it, as in training:
    /// its matrix products are in the config's precision, and the value is in that of the weights.
    ///
    /// # Errors
    /// As [`TrainingStep::in_precision`].
    pub fn value_of(&self, network: &dyn Network, batch: &Batch, draw: &mut Draw) -> Result<Tensor> {
        let Batch { t, x, given, .. } = batch;
        let value = self.in_precision(|| network.value_in_training(t, x, given, draw))?;
        Ok(value.to_kind(self.placement().0))
    }

    /// Calls `body` with its matrix products in the config's precision, and returns its result.
    ///
    /// # Errors
    /// [`crate::Error::Kernel`] if the device cannot compute in that precision.
    pub fn in_precision<T>(&self, body: impl FnOnce() -> T) -> Result<T> {
        self.config.in_precision(self.placement().1, body)
    }

    /// The floating-point kind and the device of the weights.
    pub fn placement(&self) -> (Kind, Device) {
        let parameters = self.network.parameters();
        (parameters.kind(), parameters.device())
    }

    /// The step's draw for what a network drops, one for each process.
    fn dropout(&self) -> Draw {
        let stream = match self.share.rank() {
            0 => self.stream(Purpose::Dropout),
            rank => self.named_stream(&format!("what process {rank} drops")),
        };
        stream.at(self.step)
    }

    /// The run's stream of random numbers for this purpose; the draw of this step is `stream(purpose).at(step.step)`.
    pub fn stream(&self, purpose: Purpose) -> Stream {
        Stream::new(self.seed, purpose)
    }

    /// The run's stream of random numbers of this name, for purposes of your own.
    pub fn named_stream(&self, name: &str) -> Stream {
        Stream::named(self.seed, name)
    }
}

/// The mean over all parts so far: the last one's gradient, and those before it, which are overwritten.
fn joined(before: Option<PartsBefore<'_>>, last: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let Some(PartsBefore { mean, share_of_last }) = before else { return Ok(last) };
    interflow_libtorch::foreach_lerp_(mean, &last, share_of_last)?;
    Ok(mean.iter().map(Tensor::shallow_clone).collect())
}
