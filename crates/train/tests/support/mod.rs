//! A tiny network and problems for the tests.
#![allow(dead_code, reason = "every test file uses its own share")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use interflow_core::coupling::Independent;
use interflow_core::density::StandardNormal;
use interflow_core::interpolant::Interpolant;
use interflow_core::rng::{Purpose, Stream};
use interflow_core::source::{Fresh, Source};
use interflow_core::tch::{Kind, Tensor};
use interflow_core::{Given, Network, Parameters, Result, Space};
use interflow_train::{
    Checkpoint, Companion, Objective, Problem, RunState, SelfCheck, TrainConfig, Trainer, Turn,
    VelocityMatching,
};

/// A perceptron on (x, t) and numbers that are given, or with `scale` 0 the zero field.
pub(crate) struct Mlp {
    space: Space,
    scale: f64,
    parameters: Parameters,
}

impl Mlp {
    pub(crate) fn new(space: impl Into<Space>, width: i64, hidden: usize) -> Self {
        let space = space.into();
        let dim = space.dim;
        let mut parameters = Parameters::new();
        let mut sizes = vec![space.given.n_inputs() + dim + 1];
        sizes.extend(vec![width; hidden]);
        sizes.push(dim);
        for (i, pair) in sizes.windows(2).enumerate() {
            let weight = Stream::new(7, Purpose::Init).at(i as u64).normal(&[pair[1], pair[0]], Kind::Float);
            let _ = parameters.add(format!("{i}.weight"), &(weight / (pair[0] as f64).sqrt()));
            let _ = parameters
                .add(format!("{i}.bias"), &Tensor::zeros([pair[1]], (Kind::Float, tch::Device::Cpu)));
        }
        Self { space, scale: 1.0, parameters }
    }

    pub(crate) fn zero(space: impl Into<Space>) -> Self {
        Self { scale: 0.0, ..Self::new(space, 4, 1) }
    }
}

impl Network for Mlp {
    fn space(&self) -> Space {
        self.space
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        let weights: Vec<&Tensor> = self.parameters.iter().map(|(_, tensor)| tensor).collect();
        let last = weights.len() / 2 - 1;
        let mut h = Tensor::cat(&[x, &t.unsqueeze(1)], 1);
        if let Given::Numbers(numbers) = given {
            h = Tensor::cat(&[numbers, &h], 1);
        }
        for (i, pair) in weights.chunks(2).enumerate() {
            h = h.linear(pair[0], Some(pair[1]));
            if i < last {
                h = h.silu();
            }
        }
        h * self.scale
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        let n_layers = self.parameters.len() / 2;
        (1..n_layers - 1).map(|index| format!("{index}.weight")).collect()
    }

    fn duplicate(&self) -> Result<Box<dyn Network>> {
        let mut parameters = Parameters::new();
        for (name, tensor) in self.parameters.detached_copy() {
            let _ = parameters.add(name, &tensor);
        }
        Ok(Box::new(Self { space: self.space, scale: self.scale, parameters }))
    }
}

/// From N(0, I) to N(0, I).
pub(crate) fn normals(interpolant: Interpolant, dim: i64) -> Problem {
    let source = || -> Box<dyn Source> { Box::new(Fresh(StandardNormal { dim })) };
    Problem {
        interpolant,
        coupling: Box::new(Independent),
        base: source(),
        target: source(),
        base_density: None,
        held_out_base: source(),
        held_out_target: source(),
    }
}

/// A short run.
pub(crate) fn short(steps: u64) -> TrainConfig {
    TrainConfig { steps, batch: 64, n_validation: 256, log_every: 10, ..TrainConfig::default() }
}

/// A run for the velocity.
pub(crate) fn velocity(
    config: TrainConfig,
    problem: Problem,
    network: impl Network + 'static,
    seed: u64,
) -> Trainer {
    train_with(VelocityMatching::default(), config, problem, network, seed).unwrap()
}

/// A run for an objective, if it is accepted.
pub(crate) fn train_with(
    objective: impl Objective + 'static,
    config: TrainConfig,
    problem: Problem,
    network: impl Network + 'static,
    seed: u64,
) -> interflow_train::Result<Trainer> {
    Trainer::new(config, problem, Box::new(network), Box::new(objective), seed)
}

/// Saves a state without texts and reads it back.
pub(crate) fn saved(path: &Path, state: &RunState<'_>) -> Checkpoint {
    Checkpoint::save(path, state, &BTreeMap::new()).unwrap();
    Checkpoint::load(path).unwrap()
}

/// Something trained beside the network that notes the mean times of its pairs.
#[derive(Default)]
pub(crate) struct Watching(pub(crate) Arc<Mutex<Vec<f64>>>);

impl Companion for Watching {
    fn after_step(&mut self, turn: &Turn<'_>) -> interflow_train::Result<()> {
        let mean = turn.batch(1000)?.t.mean(Kind::Double).double_value(&[]);
        self.0.lock().unwrap().push(mean);
        Ok(())
    }

    fn after_check(
        &mut self,
        _: &Turn<'_>,
        _: &SelfCheck,
    ) -> interflow_train::Result<Vec<(&'static str, f64)>> {
        Ok(Vec::new())
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    fn restore(&mut self, _: &[(String, Tensor)]) -> interflow_train::Result<()> {
        Ok(())
    }
}
