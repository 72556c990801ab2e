//! What every block sees of time and class.

use std::f64::consts::TAU;

use interflow_core::flow_map::{Direction, Jump};
use interflow_core::{Given, GivenSpace};
use tch::Tensor;

use super::assembly::{Assembly, Start};
use super::config::UNetConfig;
use super::dual::Dual;
use super::layer::Linear;
use crate::time_inputs::TimeInputs;

/// `σ(M₂ σ(M₁ τ) + c)` with σ = `SiLU`, τ the features of the time, or of a jump's two, and c the class's vector.
#[derive(Debug)]
pub(super) struct Conditions {
    pub(super) time: TimeInputs,
    /// Learned frequencies w, `[F]`.
    frequencies: Option<Tensor>,
    /// Whether the times are a jump's two.
    is_map: bool,
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
        let n_times = if config.flow_map.is_some() { 2 } else { 1 };
        let n_time = n_times * (time_embedding.n_features() + 2 * n_learned);
        let n_features = config.n_features();
        Self {
            time: time_embedding.into(),
            frequencies: (n_learned > 0)
                .then(|| assembly.add("time.frequencies", &[n_learned], Start::Normal(1.0))),
            is_map: config.flow_map.is_some(),
            first: Linear::new(assembly, "time.first", [n_time, n_features], Start::fan_in(n_time)),
            second: Linear::new(assembly, "time.second", [n_features; 2], Start::fan_in(n_features)),
            classes: (n_classes > 0)
                .then(|| assembly.add("classes", &[n_classes + 1, n_features], Start::Normal(1.0))),
        }
    }

    /// What is seen of times `t`, `[B]`; of a flow map's, that it starts and lands there.
    pub(super) fn time(&self, t: &Tensor) -> Dual {
        let seen = self.embed(t);
        Dual::fixed(if self.is_map { Tensor::cat(&[&seen, &seen], 1) } else { seen })
    }

    /// What is seen of the times of jumps, those of the start first.
    pub(super) fn pair(&self, jump: &Jump<'_>) -> Dual {
        Dual::fixed(Tensor::cat(&[self.embed(jump.from), self.embed(jump.to)], 1))
    }

    /// The same with its derivative along a direction.
    pub(super) fn pair_along(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> Dual {
        let fixed = |t: &Tensor| Dual::fixed(self.embed(t));
        match direction {
            Direction::To => fixed(jump.from).beside(&self.embed_with_rate(jump.to), 1),
            Direction::Along(_) => self.embed_with_rate(jump.from).beside(&fixed(jump.to), 1),
            Direction::State(_) => self.pair(jump),
        }
    }

    /// The features `[B, E]` of what is seen of the times, and of the classes, where the images have some.
    pub(super) fn features(&self, seen: &Dual, given: &Given) -> Dual {
        let time = self.second.apply(&self.first.apply(seen).silu());
        match (&self.classes, given) {
            (Some(classes), Given::Class(class)) => time.plus(&Dual::fixed(look_up(classes, class))).silu(),
            _ => time.silu(),
        }
    }

    fn embed(&self, t: &Tensor) -> Tensor {
        let fixed = self.time.value(t);
        let Some(frequencies) = &self.frequencies else { return fixed };
        let phase = t.unsqueeze(1) * frequencies * TAU;
        Tensor::cat(&[fixed, phase.sin(), phase.cos()], 1)
    }

    fn embed_with_rate(&self, t: &Tensor) -> Dual {
        let (value, rate) = self.time.value_and_rate(t);
        let fixed = Dual { value, tangent: Some(rate) };
        let Some(frequencies) = &self.frequencies else { return fixed };
        let omega = frequencies * TAU;
        let phase = t.unsqueeze(1) * &omega;
        let (sin, cos) = (phase.sin(), phase.cos());
        let rate = Tensor::cat(&[&cos * &omega, -(&sin * &omega)], 1);
        fixed.beside(&Dual { value: Tensor::cat(&[sin, cos], 1), tangent: Some(rate) }, 1)
    }
}

/// The rows of `classes` of these numbers; a number that is no class is taken for the nearest one.
fn look_up(classes: &Tensor, class: &Tensor) -> Tensor {
    let row = class.clamp(0, classes.size()[0] - 1);
    Tensor::embedding(classes, &row, -1, false, false)
}
