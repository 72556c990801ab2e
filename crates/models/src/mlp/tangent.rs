//! Forward tangents: derivatives of the perceptron's output along directions of its state.
//!
//! For the exact divergence all D unit directions travel together. Their first-layer tangents are columns of the
//! weights, and of the output layer only the diagonal is contracted, so that neither end costs a full product;
//! rows are taken in chunks whose tangents fit the cache.

use tch::Tensor;

use super::Mlp;

/// Numbers in a chunk's block of tangents: 2 MB in single precision, the size of a core's second-level cache
/// with some room.
const BLOCK: i64 = 1 << 19;

/// The value and the derivative along `u`, both `[B, D]`.
pub(super) fn value_and_jvp(mlp: &Mlp, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
    let (mut h, mut tangent) = input_and_tangent(mlp, t, x, u);
    for (index, layer) in mlp.hidden_layers().iter().enumerate() {
        let (value, slope) = mlp.config.activation.value_and_slope(&layer.apply(&h));
        let weight = if index == 0 { state_columns(mlp) } else { layer.weight.shallow_clone() };
        tangent = tangent.linear(&weight, None::<&Tensor>) * slope;
        h = value;
    }
    let output = mlp.output_layer();
    (output.apply(&h), tangent.linear(&output.weight, None::<&Tensor>))
}

/// The first layer's input `[B, F]`, and the tangent of its part that depends on the state.
fn input_and_tangent(mlp: &Mlp, t: &Tensor, x: &Tensor, u: &Tensor) -> (Tensor, Tensor) {
    let time = mlp.config.time_embedding.embed(t);
    match mlp.config.state_features {
        None => (Tensor::cat(&[x, &time], 1), u.shallow_clone()),
        Some(features) => {
            let (waves, slope) = features.value_and_slope(t, x);
            let tangent = (slope * u.unsqueeze(2)).flatten(1, 2);
            (Tensor::cat(&[x, &waves.flatten(1, 2), &time], 1), Tensor::cat(&[u, &tangent], 1))
        }
    }
}

/// The first layer's weights for the inputs that depend on the state, `[H, D (1 + 2K)]`.
fn state_columns(mlp: &Mlp) -> Tensor {
    let weight = &mlp.layers[0].weight;
    weight.narrow(1, 0, weight.size()[1] - mlp.config.time_embedding.n_features())
}

/// The value `[B, D]` and the divergence `[B]`.
pub(super) fn value_and_divergence(mlp: &Mlp, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
    let widest = mlp.config.hidden.iter().copied().max().unwrap_or(1);
    let rows = (BLOCK / (mlp.dim * widest)).max(1);
    let parts = t.split(rows, 0).into_iter().zip(x.split(rows, 0));
    let (values, divergences): (Vec<_>, Vec<_>) = parts.map(|(t, x)| chunk(mlp, &t, &x)).unzip();
    (Tensor::cat(&values, 0), Tensor::cat(&divergences, 0))
}

fn chunk(mlp: &Mlp, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
    let (mut h, mut tangents) = first_tangents(mlp, t, x);
    for (index, layer) in mlp.hidden_layers().iter().enumerate() {
        let (value, slope) = mlp.config.activation.value_and_slope(&layer.apply(&h));
        if index > 0 {
            tangents = tangents.linear(&layer.weight, None::<&Tensor>);
        }
        tangents *= slope;
        h = value;
    }
    let output = mlp.output_layer();
    let diagonal = tangents.bmm(&output.weight.unsqueeze(2));
    (output.apply(&h), diagonal.sum_dim_intlist(0i64, false, x.kind()).squeeze_dim(1))
}

/// The first layer's input `[B, F]` and its product with the D unit tangents, `[D, B, H]`.
fn first_tangents(mlp: &Mlp, t: &Tensor, x: &Tensor) -> (Tensor, Tensor) {
    let (dim, batch) = (mlp.dim, x.size()[0]);
    let weight = &mlp.layers[0].weight;
    let width = weight.size()[0];
    let columns = weight.narrow(1, 0, dim).tr().unsqueeze(1);
    let time = mlp.config.time_embedding.embed(t);
    let Some(features) = mlp.config.state_features else {
        let tangents = columns.expand([dim, batch, width], false).contiguous();
        return (Tensor::cat(&[x, &time], 1), tangents);
    };
    let (waves, slope) = features.value_and_slope(t, x);
    let n_waves = features.n_per_coordinate();
    let wave_columns = weight.narrow(1, dim, dim * n_waves).reshape([width, dim, n_waves]).permute([1, 2, 0]);
    let tangents = slope.transpose(0, 1).bmm(&wave_columns) + columns;
    (Tensor::cat(&[x, &waves.flatten(1, 2), &time], 1), tangents)
}
