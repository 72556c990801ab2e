//! What every block sees of time and class.

use std::f64::consts::TAU;

use interflow_core::{Given, GivenSpace};
use tch::Tensor;

use super::assembly::{Assembly, Start};
use super::config::UNetConfig;
use super::layer::Linear;
use crate::time_inputs::TimeInputs;

/// `σ(M₂ σ(M₁ τ) + c)` with σ = `SiLU`, τ the time's features and c the class's vector.
#[derive(Debug)]
pub(super) struct Conditions {
    pub(super) time: TimeInputs,
    /// Learned frequencies w, `[F]`.
    frequencies: Option<Tensor>,
    first: Linear,
    second: Linear,
    /// A vector per class and, last, one for none, `[classes + 1, E]`.
    classes: Option<Tensor>,
}

impl Conditions {
    pub(super) fn new(assembly: &mut Assembly<'_>, config: &UNetConfig, given: GivenSpace) -> Self {
        let UNetConfig { time_embedding, n_learned_frequencies: n_learned, .. } = *config;
        let n_classes = match given {
            GivenSpace::Class { n_classes } => n_classes,
            _ => 0,
        };
        let (n_time, n_features) = (time_embedding.n_features() + 2 * n_learned, config.n_features());
        Self {
            time: time_embedding.into(),
            frequencies: (n_learned > 0)
                .then(|| assembly.add("time.frequencies", &[n_learned], Start::Normal(1.0))),
            first: Linear::new(assembly, "time.first", [n_time, n_features], Start::fan_in(n_time)),
            second: Linear::new(assembly, "time.second", [n_features; 2], Start::fan_in(n_features)),
            classes: (n_classes > 0)
                .then(|| assembly.add("classes", &[n_classes + 1, n_features], Start::Normal(1.0))),
        }
    }

    /// The features `[B, E]` of times `[B]` and of the classes, where the images have some.
    pub(super) fn features(&self, t: &Tensor, given: &Given) -> Tensor {
        let time = self.second.apply(&self.first.apply(&self.embed(t)).silu());
        match (&self.classes, given) {
            (Some(classes), Given::Class(class)) => (time + look_up(classes, class)).silu(),
            _ => time.silu(),
        }
    }

    fn embed(&self, t: &Tensor) -> Tensor {
        let fixed = self.time.value(t);
        let Some(frequencies) = &self.frequencies else { return fixed };
        let phase = t.unsqueeze(1) * frequencies * TAU;
        Tensor::cat(&[fixed, phase.sin(), phase.cos()], 1)
    }
}

/// The rows of `classes` of these numbers; a number that is no class is taken for the nearest one.
fn look_up(classes: &Tensor, class: &Tensor) -> Tensor {
    let row = class.clamp(0, classes.size()[0] - 1);
    Tensor::embedding(classes, &row, -1, false, false)
}
