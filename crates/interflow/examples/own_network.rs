//! A network of one's own: `v = A(t) x + b(t)`, enough to carry a Gaussian to a Gaussian.
//!
//! `cargo run --release -p interflow --example own_network [STEPS]`
#![allow(clippy::print_stdout, reason = "an example prints what it finds")]

use interflow::core::target::DensityConfig;
use interflow::core::{Given, Network, Parameters, Result, Space};
use interflow::tch::{Device, Kind, Tensor};
use interflow::{Experiment, ExperimentConfig};

/// `v = Σ_k φ_k(t) (A_k x + b_k)` with the hat functions `φ_k` of equally spaced times.
struct Affine(Parameters);

const N_TIMES: i64 = 9;
const DIM: i64 = 2;

impl Affine {
    fn new() -> Self {
        let mut parameters = Parameters::new();
        for (name, shape) in [("matrices", &[N_TIMES, DIM, DIM][..]), ("shifts", &[N_TIMES, DIM])] {
            let _ = parameters.add(name, &Tensor::zeros(shape, (Kind::Float, Device::Cpu)));
        }
        Self(parameters)
    }
}

impl Network for Affine {
    fn space(&self) -> Space {
        Space::from(DIM)
    }
    fn parameters(&self) -> &Parameters {
        &self.0
    }
    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.0
    }
    fn value(&self, t: &Tensor, x: &Tensor, _given: &Given) -> Tensor {
        let places = Tensor::arange(N_TIMES, (t.kind(), t.device()));
        let distance = (t.unsqueeze(1) * (N_TIMES - 1) as f64 - places).abs();
        let hats = (distance.ones_like() - distance).clamp_min(0.0);
        let weights = self.0.tensors();
        let matrix = hats.matmul(&weights[0].flatten(1, 2)).view([-1, DIM, DIM]);
        matrix.bmm(&x.unsqueeze(2)).squeeze_dim(2) + hats.matmul(&weights[1])
    }
    fn duplicate(&self) -> Result<Box<dyn Network>> {
        let mut copy = Self::new();
        copy.0.assign(&self.0.detached_copy())?;
        Ok(Box::new(copy))
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let steps = std::env::args().nth(1).map_or(Ok(2000), |steps| steps.parse())?;
    let mut config = ExperimentConfig::synthetic("affine", DensityConfig::TwoMoons {});
    config.train.steps = steps;
    let flow = Experiment::new(config).network(Box::new(Affine::new())).train()?.into_flow();
    let mean = flow.sample(4000, 0)?.mean_dim(0i64, false, Kind::Float);
    println!("mean {:?}, as the two moons have", Vec::<f32>::try_from(mean)?);
    Ok(())
}
