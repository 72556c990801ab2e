//! Named weights, taken one by one.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::layer::Layer;
use crate::{Error, Result};

/// Added to the variance by every batch norm.
const BATCH_NORM_EPSILON: f64 = 1e-3;

/// What the published file holds beyond the features' network: the classifier, and counters of training steps.
const UNUSED: [&str; 3] = ["fc.weight", "fc.bias", ".num_batches_tracked"];

/// Weights that no layer has taken yet.
pub(super) struct Weights {
    by_name: BTreeMap<String, Tensor>,
    device: Device,
}

impl Weights {
    pub(super) fn new(weights: impl IntoIterator<Item = (String, Tensor)>, device: Device) -> Self {
        Self { by_name: weights.into_iter().collect(), device }
    }

    /// The convolution `name` with weights of `shape`, `[out, in, height, width]`, and its batch norm,
    /// `γ (w∗x − m)/√(v + ε) + β`, as one convolution with a bias.
    pub(super) fn conv(
        &mut self,
        name: &str,
        shape: [i64; 4],
        stride: i64,
        padding: [i64; 2],
    ) -> Result<Layer> {
        let n = [shape[0]];
        let weight = self.take(&format!("{name}.conv.weight"), &shape)?;
        let [gain, shift, mean, variance] =
            ["weight", "bias", "running_mean", "running_var"].map(|part| format!("{name}.bn.{part}"));
        let (gain, shift) = (self.take(&gain, &n)?, self.take(&shift, &n)?);
        let (mean, variance) = (self.take(&mean, &n)?, self.take(&variance, &n)?);
        let scale = gain / (variance + BATCH_NORM_EPSILON).sqrt();
        let place = |x: Tensor| x.to_kind(Kind::Float).to_device(self.device);
        Ok(Layer::Conv {
            weight: place(weight * scale.view([-1, 1, 1, 1])),
            bias: place(shift - mean * scale),
            stride,
            padding,
        })
    }

    /// Refuses weights that are left over.
    pub(super) fn finish(self) -> Result<()> {
        match self.by_name.keys().find(|name| !UNUSED.iter().any(|unused| name.ends_with(unused))) {
            None => Ok(()),
            Some(name) => Err(Error::Weights { problem: format!("there is no place for: {name}") }),
        }
    }

    fn take(&mut self, name: &str, shape: &[i64]) -> Result<Tensor> {
        let refuse = |problem: String| Err(Error::Weights { problem });
        match self.by_name.remove(name) {
            None => refuse(format!("there is no weight {name}")),
            Some(weight) if weight.size() != shape => {
                refuse(format!("{name} must have the shape {shape:?}, found: {:?}", weight.size()))
            }
            Some(weight) if weight.isfinite().all().int64_value(&[]) == 0 => {
                refuse(format!("a value of {name} is not finite"))
            }
            Some(weight) => Ok(weight.to_kind(Kind::Double)),
        }
    }
}
