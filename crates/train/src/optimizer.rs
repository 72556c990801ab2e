//! `AdamW` on all parameters in one kernel call, or on those that Muon leaves.

use interflow_core::{Network, Parameters};
use interflow_libtorch as libtorch;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::{Error, Result, check_range};
use crate::muon::{self, MuonConfig};

/// The settings of the optimiser, `AdamW` with or without Muon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The learning rate after the warm-up.
    pub learning_rate: f64,
    /// The decay of the running mean of gradients.
    pub beta1: f64,
    /// The decay of the running second moment of gradients.
    pub beta2: f64,
    /// The decoupled weight decay.
    pub weight_decay: f64,
    /// The number ε that is added to the root of the second moment.
    pub epsilon: f64,
    /// The settings of Muon for the weight matrices between hidden layers, whose learning rate follows the same
    /// schedule. Without it, `AdamW` moves all weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muon: Option<MuonConfig>,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, weight_decay: 0.0, epsilon: 1e-8, muon: None }
    }
}

impl OptimizerConfig {
    /// Rejects values that make no sense.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the value.
    pub fn check(&self) -> Result<()> {
        let Self { learning_rate, beta1, beta2, weight_decay, epsilon, muon } = *self;
        muon.map_or(Ok(()), |muon| muon.check())?;
        let positive = |value: f64| value > 0.0 && value.is_finite();
        check_range("learning_rate", "positive and finite", learning_rate, positive(learning_rate))?;
        check_range("beta1", "in [0, 1)", beta1, (0.0..1.0).contains(&beta1))?;
        check_range("beta2", "in [0, 1)", beta2, (0.0..1.0).contains(&beta2))?;
        check_range("weight_decay", "in [0, 1)", weight_decay, (0.0..1.0).contains(&weight_decay))?;
        check_range("epsilon", "positive and finite", epsilon, positive(epsilon))
    }
}

/// An optimiser with its state, for the parameters of one network.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    names: Vec<String>,
    params: Vec<Tensor>,
    /// The gradients' running mean of every parameter, Muon's momentum included.
    exp_avgs: Vec<Tensor>,
    /// The gradients' second moment, of the parameters in `adamw` only.
    exp_avg_sqs: Vec<Tensor>,
    /// One count that all parameters share, once per parameter in `adamw`.
    steps: Vec<Tensor>,
    /// Which parameters `AdamW` moves.
    adamw: Vec<usize>,
    /// Which parameters Muon moves.
    muon: Vec<usize>,
}

/// The running moments of an optimiser by parameter name, which are all of its state except the step.
#[derive(Debug)]
pub struct OptimizerState {
    /// The running means of the gradients.
    pub exp_avg: Vec<(String, Tensor)>,
    /// The running second moments of the gradients, for parameters that have them.
    pub exp_avg_sq: Vec<(String, Tensor)>,
}

impl Optimizer {
    /// A new optimiser, which updates the parameters of the network in place.
    pub fn new(config: OptimizerConfig, network: &dyn Network) -> Self {
        Self::of_parameters(config, network.parameters(), &network.hidden_matrices())
    }

    /// A new optimiser, which updates these parameters in place. `hidden_matrices` names those that Muon may move.
    pub fn of_parameters(
        config: OptimizerConfig,
        parameters: &Parameters,
        hidden_matrices: &[String],
    ) -> Self {
        let names: Vec<String> = parameters.trained().map(|(name, _)| name.to_owned()).collect();
        let matrices = if config.muon.is_some() { hidden_matrices } else { &[] };
        let (muon, adamw): (Vec<usize>, Vec<usize>) =
            (0..names.len()).partition(|&index| matrices.contains(&names[index]));
        let params = parameters.tensors();
        let zeros = |index: &usize| params[*index].detach().zeros_like();
        let count = Tensor::zeros([] as [i64; 0], (Kind::Float, parameters.device()));
        Self {
            config,
            exp_avgs: (0..names.len()).map(|index| zeros(&index)).collect(),
            exp_avg_sqs: adamw.iter().map(zeros).collect(),
            steps: adamw.iter().map(|_| count.shallow_clone()).collect(),
            names,
            params,
            adamw,
            muon,
        }
    }

    /// The parameters, as handles on the network's storage.
    pub fn params(&self) -> &[Tensor] {
        &self.params
    }

    /// Takes step number `step` (counted from 1) with gradients in the order of the parameters. `factor` multiplies
    /// the learning rates.
    ///
    /// # Errors
    /// [`Error::Gradient`] if there is not one gradient for each parameter, [`Error::Kernel`] if their shapes differ.
    pub fn step(&self, grads: &[Tensor], step: u64, factor: f64) -> Result<()> {
        if grads.len() != self.params.len() {
            return Err(Error::Gradient { expected: self.params.len(), found: grads.len() });
        }
        self.step_adamw(grads, step, factor)?;
        let Some(config) = self.config.muon else { return Ok(()) };
        for &index in &self.muon {
            muon::step_(
                &self.params[index],
                &grads[index],
                &self.exp_avgs[index],
                config,
                config.learning_rate * factor,
                self.config.weight_decay,
            );
        }
        Ok(())
    }

    fn step_adamw(&self, grads: &[Tensor], step: u64, factor: f64) -> Result<()> {
        if let Some(count) = self.steps.first() {
            let _ = count.shallow_clone().fill_(step as f64);
        }
        let OptimizerConfig { learning_rate, beta1, beta2, weight_decay, epsilon, .. } = self.config;
        let learning_rate = learning_rate * factor;
        let settings = libtorch::AdamW { learning_rate, beta1, beta2, weight_decay, epsilon };
        let own = |list: &[Tensor]| -> Vec<Tensor> {
            self.adamw.iter().map(|&index| list[index].shallow_clone()).collect()
        };
        let state = libtorch::AdamWState {
            params: &own(&self.params),
            grads: &own(grads),
            exp_avgs: &own(&self.exp_avgs),
            exp_avg_sqs: &self.exp_avg_sqs,
            steps: &self.steps,
        };
        Ok(libtorch::fused_adamw_(state, settings)?)
    }

    /// The running moments, sharing their memory.
    pub fn state(&self) -> OptimizerState {
        let all = self.names.iter().cloned().zip(self.exp_avgs.iter().map(Tensor::shallow_clone));
        let squares = self.adamw.iter().map(|&index| self.names[index].clone());
        let squares = squares.zip(self.exp_avg_sqs.iter().map(Tensor::shallow_clone));
        OptimizerState { exp_avg: all.collect(), exp_avg_sq: squares.collect() }
    }

    /// Overwrites the running moments.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if names or shapes differ; then nothing is overwritten.
    pub fn restore(&mut self, state: &OptimizerState) -> Result<()> {
        self.check_fits(state)?;
        let own = self.state();
        for (own, saved) in [(own.exp_avg, &state.exp_avg), (own.exp_avg_sq, &state.exp_avg_sq)] {
            for (name, mut tensor) in own {
                if let Some((_, value)) = saved.iter().find(|(other, _)| *other == name) {
                    tensor.copy_(value);
                }
            }
        }
        Ok(())
    }

    /// Checks that moments are of these parameters.
    pub(crate) fn check_fits(&self, state: &OptimizerState) -> Result<()> {
        let own = self.state();
        for (own, saved) in [(own.exp_avg, &state.exp_avg), (own.exp_avg_sq, &state.exp_avg_sq)] {
            if saved.len() != own.len() {
                let problem = format!("expected {} moments, found: {}", own.len(), saved.len());
                return Err(Error::Mismatch { problem });
            }
            for (name, moment) in own {
                let found = saved.iter().find(|(other, _)| *other == name).map(|(_, value)| value.size());
                if found.as_ref() != Some(&moment.size()) {
                    let problem =
                        format!("moment `{name}`: expected shape {:?}, found: {found:?}", moment.size());
                    return Err(Error::Mismatch { problem });
                }
            }
        }
        Ok(())
    }
}
