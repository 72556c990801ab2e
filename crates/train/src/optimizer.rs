//! `AdamW` on all parameters in one kernel call.

use interflow_core::Parameters;
use interflow_libtorch as libtorch;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::{Error, Result, check_range};

/// The optimiser's settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWConfig {
    /// The learning rate after the warm-up.
    pub learning_rate: f64,
    /// The decay of the gradients' mean.
    pub beta1: f64,
    /// The decay of the gradients' second moment.
    pub beta2: f64,
    /// The decoupled weight decay.
    pub weight_decay: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, weight_decay: 0.0, epsilon: 1e-8 }
    }
}

impl AdamWConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn check(&self) -> Result<()> {
        let Self { learning_rate, beta1, beta2, weight_decay, epsilon } = *self;
        let positive = |value: f64| value > 0.0 && value.is_finite();
        check_range("learning_rate", "positive and finite", learning_rate, positive(learning_rate))?;
        check_range("beta1", "in [0, 1)", beta1, (0.0..1.0).contains(&beta1))?;
        check_range("beta2", "in [0, 1)", beta2, (0.0..1.0).contains(&beta2))?;
        check_range("weight_decay", "in [0, 1)", weight_decay, (0.0..1.0).contains(&weight_decay))?;
        check_range("epsilon", "positive and finite", epsilon, positive(epsilon))
    }
}

/// The optimiser and its state for one network's parameters.
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    names: Vec<String>,
    params: Vec<Tensor>,
    exp_avgs: Vec<Tensor>,
    exp_avg_sqs: Vec<Tensor>,
    /// One count that all parameters share, once per parameter.
    steps: Vec<Tensor>,
}

/// The optimiser's running moments by parameter name.
#[derive(Debug)]
pub struct Moments {
    /// The gradients' mean.
    pub exp_avg: Vec<(String, Tensor)>,
    /// The gradients' second moment.
    pub exp_avg_sq: Vec<(String, Tensor)>,
}

impl AdamW {
    /// A fresh optimiser that updates `parameters` in place.
    pub fn new(config: AdamWConfig, parameters: &Parameters) -> Self {
        let params = parameters.tensors();
        let zeros = || params.iter().map(|p| p.detach().zeros_like()).collect();
        let count = Tensor::zeros([] as [i64; 0], (Kind::Float, parameters.device()));
        Self {
            config,
            names: parameters.iter().map(|(name, _)| name.to_owned()).collect(),
            exp_avgs: zeros(),
            exp_avg_sqs: zeros(),
            steps: params.iter().map(|_| count.shallow_clone()).collect(),
            params,
        }
    }

    /// The parameters, as handles on the network's storage.
    pub fn params(&self) -> &[Tensor] {
        &self.params
    }

    /// Takes step number `step` (from 1) with gradients in the parameters' order.
    ///
    /// # Errors
    /// If the gradients do not fit the parameters.
    pub fn step(&mut self, grads: &[Tensor], step: u64, learning_rate: f64) -> Result<()> {
        if let Some(count) = self.steps.first_mut() {
            let _ = count.fill_(step as f64);
        }
        let AdamWConfig { beta1, beta2, weight_decay, epsilon, .. } = self.config;
        let settings = libtorch::AdamW { learning_rate, beta1, beta2, weight_decay, epsilon };
        let state = libtorch::AdamWState {
            params: &self.params,
            grads,
            exp_avgs: &self.exp_avgs,
            exp_avg_sqs: &self.exp_avg_sqs,
            steps: &self.steps,
        };
        Ok(libtorch::fused_adamw_(state, settings)?)
    }

    /// Handles on the running moments.
    pub fn moments(&self) -> Moments {
        let named = |list: &[Tensor]| -> Vec<(String, Tensor)> {
            self.names.iter().cloned().zip(list.iter().map(Tensor::shallow_clone)).collect()
        };
        Moments { exp_avg: named(&self.exp_avgs), exp_avg_sq: named(&self.exp_avg_sqs) }
    }

    /// Overwrites the running moments.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if names or shapes differ; nothing is overwritten then.
    pub fn restore(&mut self, moments: &Moments) -> Result<()> {
        self.check_fits(moments)?;
        for (own, saved) in
            [(&mut self.exp_avgs, &moments.exp_avg), (&mut self.exp_avg_sqs, &moments.exp_avg_sq)]
        {
            for (tensor, name) in own.iter_mut().zip(&self.names) {
                if let Some((_, value)) = saved.iter().find(|(other, _)| other == name) {
                    tensor.copy_(value);
                }
            }
        }
        Ok(())
    }

    /// Checks that moments are these parameters'.
    pub(crate) fn check_fits(&self, moments: &Moments) -> Result<()> {
        for saved in [&moments.exp_avg, &moments.exp_avg_sq] {
            if saved.len() != self.names.len() {
                let problem = format!("expected {} moments, found: {}", self.names.len(), saved.len());
                return Err(Error::Mismatch { problem });
            }
            for (name, param) in self.names.iter().zip(&self.params) {
                let value = saved.iter().find(|(other, _)| other == name).map(|(_, value)| value.size());
                if value.as_deref() != Some(param.size().as_slice()) {
                    let problem =
                        format!("moment `{name}`: expected shape {:?}, found: {value:?}", param.size());
                    return Err(Error::Mismatch { problem });
                }
            }
        }
        Ok(())
    }
}
