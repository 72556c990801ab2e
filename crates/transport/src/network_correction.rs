//! Family 2: a network's correction `t(1 − t) f(t, x0, x1)` of the path.
//!
//! The path's derivative needs ∂f/∂t at fixed ends, which travels forward through the layers as a tangent beside the
//! value, and both are differentiable in the weights. The output layer starts at zero: the path starts as the base's.

use interflow_core::Parameters;
use interflow_core::interpolant::{Correction, PathPoint};
use interflow_core::rng::Draw;
use interflow_models::Activation;
use tch::{Device, Kind, Tensor};

use crate::shared::Shared;

const ACTIVATION: Activation = Activation::Silu;

/// A perceptron `f(t, x0, x1)` whose product with t(1 − t) is the correction.
#[derive(Debug)]
pub(crate) struct NetworkCorrection {
    layers: Vec<[Shared; 2]>,
}

impl NetworkCorrection {
    /// Adds the weights of a perceptron with the given hidden widths for points of dimension `dim` to `parameters`.
    pub(crate) fn add_weights(
        parameters: &mut Parameters,
        hidden: &[i64],
        dim: i64,
        draw: &mut Draw,
        options: (Kind, Device),
    ) {
        let mut fan_in = 2 * dim + 1;
        for (index, &width) in hidden.iter().enumerate() {
            let weight = draw.normal(&[width, fan_in], options.0) * (2.0 / fan_in as f64).sqrt();
            add_layer(parameters, &format!("hidden.{index}"), &weight.to_device(options.1), options);
            fan_in = width;
        }
        add_layer(parameters, "output", &Tensor::zeros([dim, fan_in], options), options);
    }

    /// The correction with these weights, as handles on them.
    pub(crate) fn new(parameters: &Parameters) -> Self {
        let handles: Vec<Shared> = parameters.iter().map(|(_, tensor)| Shared::new(tensor)).collect();
        let mut handles = handles.into_iter();
        let mut layers = Vec::new();
        while let (Some(weight), Some(bias)) = (handles.next(), handles.next()) {
            layers.push([weight, bias]);
        }
        Self { layers }
    }

    /// f and ∂f/∂t, both `[B, D]`.
    fn value_and_rate(&self, t: &Tensor, x0: &Tensor, x1: &Tensor) -> (Tensor, Tensor) {
        let mut h = Tensor::cat(&[x0, x1, &t.unsqueeze(1)], 1);
        let mut rate: Option<Tensor> = None;
        let last = self.layers.len() - 1;
        for (index, [weight, bias]) in self.layers.iter().enumerate() {
            let (weight, bias) = (weight.get(), bias.get());
            h = h.linear(&weight, Some(&bias));
            // Only the last input depends on t, with slope 1.
            let tangent = match rate {
                None => weight.select(1, weight.size()[1] - 1).unsqueeze(0),
                Some(rate) => rate.linear(&weight, None::<&Tensor>),
            };
            rate = Some(tangent);
            if index < last {
                let (value, slope) = ACTIVATION.value_and_slope(&h);
                h = value;
                rate = rate.map(|rate| rate * slope);
            }
        }
        let rate = rate.unwrap_or_else(|| h.zeros_like());
        (h, rate)
    }
}

impl Correction for NetworkCorrection {
    fn term(&self, t: &Tensor, x0: &Tensor, x1: &Tensor) -> PathPoint {
        let (value, rate) = self.value_and_rate(t, x0, x1);
        let t = t.unsqueeze(1);
        let bump = &t - t.square();
        PathPoint { path_derivative: &bump * rate + (1.0 - &t * 2.0) * &value, x: bump * value }
    }
}

fn add_layer(parameters: &mut Parameters, name: &str, weight: &Tensor, options: (Kind, Device)) {
    let _ = parameters.add(format!("{name}.weight"), weight);
    let _ = parameters.add(format!("{name}.bias"), &Tensor::zeros([weight.size()[0]], options));
}
