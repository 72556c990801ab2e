//! What the benches share: networks and points of the sizes that matter, on one thread.

use interflow_core::Network;
use interflow_core::rng::{Purpose, Stream};
use interflow_models::MlpConfig;
use tch::{Device, Kind, Tensor};

/// A multilayer perceptron of `n_layers` hidden layers of `width` in `dim` dimensions, single precision, with
/// weights that are all different from zero.
///
/// # Panics
/// If the sizes are not positive.
pub fn mlp(dim: i64, width: i64, n_layers: usize) -> Box<dyn Network> {
    tch::set_num_threads(1);
    let config = MlpConfig::new(vec![width; n_layers]);
    let mut draw = Stream::new(0, Purpose::Init).at(0);
    let mut mlp = config.init(dim, &mut draw, (Kind::Float, Device::Cpu)).expect("a valid config");
    let filled: Vec<(String, Tensor)> = mlp
        .parameters()
        .iter()
        .map(|(name, weight)| {
            let fan_in = *weight.size().last().unwrap_or(&1) as f64;
            (name.to_owned(), draw.normal(&weight.size(), Kind::Float) / fan_in.sqrt())
        })
        .collect();
    mlp.parameters_mut().assign(&filled).expect("the same shapes");
    Box::new(mlp)
}

/// Times `[n]` spread over [0, 1] and standard normal points `[n, dim]`.
pub fn points(n: i64, dim: i64) -> (Tensor, Tensor) {
    let mut draw = Stream::new(1, Purpose::Test).at(0);
    (draw.uniform(&[n], Kind::Float), draw.normal(&[n, dim], Kind::Float))
}
