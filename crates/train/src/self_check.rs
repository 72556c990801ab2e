//! The held-out self-check: at the minimiser `G(v̂) = −E|v̂|²`, whatever the exact velocity is.

use tch::{Kind, Tensor};

use interflow_core::{Network, VectorField};

use crate::batch::{Batch, Batches};
use crate::{Problem, Result, TimeConfig};

/// A mean over samples with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The mean's standard error.
    pub standard_error: f64,
}

impl Estimate {
    /// The estimate from independent values, at least two.
    pub(crate) fn of(values: &Tensor) -> Self {
        let n = values.numel() as f64;
        let standard_error = values.std(true).double_value(&[]) / n.sqrt();
        Self { mean: values.mean(Kind::Double).double_value(&[]), standard_error }
    }
}

/// The held-out objective, with both sides of `G(v̂) = −E|v̂|²` at uniform times where it is G.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SelfCheck {
    /// After which step.
    pub step: u64,
    /// `G(v̂) = E[|v̂|² − 2 ẋ·v̂]`, or the mean negative log-likelihood (nats) where that is what is trained.
    pub objective: Estimate,
    /// The other side of the check, for G.
    pub balance: Option<Balance>,
    /// The same for the denoiser, where the network holds one.
    pub denoiser: Option<DenoiserCheck>,
    /// How many pairs were used.
    pub n: i64,
}

impl SelfCheck {
    /// What training makes small: the objective, with the denoiser's where there is one.
    pub fn trained_objective(&self) -> f64 {
        self.objective.mean + self.denoiser.map_or(0.0, |check| check.objective.mean)
    }
}

/// What G is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Balance {
    /// `−E|v̂|²`.
    pub minus_square: Estimate,
    /// `G(v̂) + E|v̂|²` sample by sample, far more precise than the difference of the two; 0 at the minimiser.
    pub gap: Estimate,
}

/// The denoiser's held-out objective `E[|η̂|² − 2 z·η̂]`, which is `−E|η̂|²` at its minimiser `E[z | x_t = x]`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct DenoiserCheck {
    /// The objective.
    pub objective: Estimate,
    /// What it is held against.
    pub balance: Balance,
}

const BATCH: i64 = 1024;

/// Numbers of states that go through the network at once: a network on images keeps a hundred times as many.
const NUMBERS: i64 = 1 << 18;

/// The check of a network on `n ≥ 2` held-out pairs.
pub(crate) fn self_check(network: &dyn Network, problem: &Problem, seed: u64, n: i64) -> Result<SelfCheck> {
    let n = n.max(2);
    let parameters = network.parameters();
    let to = (parameters.kind(), parameters.device());
    let times = TimeConfig::Uniform {}.build(&problem.interpolant)?;
    let batches = Batches::held_out(problem, seed);
    let (mut velocity, mut denoiser) = (Sides::default(), Sides::default());
    let _guard = tch::no_grad_guard();
    for (index, first) in (0..n).step_by(BATCH as usize).enumerate() {
        let rows = BATCH.min(n - first);
        let batch = batches.get(rows, index as u64, &times, to)?;
        velocity.add(&value(&network, &batch), &batch.path_derivative, rows);
        if let (Some(field), Some(z)) = (network.denoiser(), &batch.latent) {
            denoiser.add(&value(&field, &batch), z, rows);
        }
    }
    let (objective, balance) = velocity.estimates();
    let denoiser = network.denoiser().map(|_| {
        let (objective, balance) = denoiser.estimates();
        DenoiserCheck { objective, balance }
    });
    Ok(SelfCheck { step: 0, objective, balance: Some(balance), denoiser, n })
}

/// Both sides of the check, one value for each pair of ends.
#[derive(Default)]
struct Sides {
    objective: Vec<Tensor>,
    square: Vec<Tensor>,
}

impl Sides {
    /// Adds `rows` pairs of a batch: a field's values and what it predicts, `[B, D]`; the halves of
    /// antithetic latents are averaged.
    fn add(&mut self, value: &Tensor, target: &Tensor, rows: i64) {
        let per_row = |x: Tensor| {
            let sums = x.sum_dim_intlist(1i64, false, Kind::Double).to_device(tch::Device::Cpu);
            sums.view([-1, rows]).mean_dim(0i64, false, Kind::Double)
        };
        self.objective.push(per_row((value - target * 2.0) * value));
        self.square.push(per_row(value.square()));
    }

    fn estimates(&self) -> (Estimate, Balance) {
        let (objective, square) = (Tensor::cat(&self.objective, 0), Tensor::cat(&self.square, 0));
        let gap = Estimate::of(&(&objective + &square));
        (Estimate::of(&objective), Balance { gap, minus_square: Estimate::of(&square.neg()) })
    }
}

/// A field's value on a batch, in parts that are not too large.
fn value(field: &impl VectorField, batch: &Batch) -> Tensor {
    let rows = (NUMBERS / field.dim()).max(1);
    let parts = batch.t.split(rows, 0).into_iter().zip(batch.x.split(rows, 0));
    let values: Vec<Tensor> = parts.map(|(t, x)| field.value(&t, &x)).collect();
    Tensor::cat(&values, 0)
}
