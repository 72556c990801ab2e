//! The kernels of `interflow-libtorch`: linear layers, multi-tensor updates, autocasting.

use interflow_core::backward::{Graph, gradients};
use interflow_libtorch::{
    AdamW, AdamWState, autocast_bf16, foreach_lerp_, foreach_mul_, fused_adamw_, linear, linear_silu,
    total_norm, without_autocast,
};
use tch::{Kind, Tensor};

use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("libtorch/linear", linear_layer),
    Check::new("libtorch/linear-silu", linear_silu_layer),
    Check::new("libtorch/adamw", adamw),
    Check::new("libtorch/multi-tensor", multi_tensor),
    Check::new("libtorch/autocast", autocast).within(Tolerance::Share(2e-2)),
];

type Layer = fn(&Tensor, &Tensor, Option<&Tensor>) -> interflow_libtorch::Result<Tensor>;

fn linear_layer(place: Place) -> Found {
    layer(place, linear)
}

fn linear_silu_layer(place: Place) -> Found {
    layer(place, linear_silu)
}

/// A layer's value, its gradients, and a gradient of these.
fn layer(place: Place, layer: Layer) -> Found {
    const OPERATION: &str = "a layer's gradient";
    let leaf = |index, shape: &[i64]| place.normal(index, shape).set_requires_grad(true);
    let inputs = [leaf(0, &[5, 17, 33]), leaf(1, &[40, 33]), leaf(2, &[40])];
    let value = layer(&inputs[0], &inputs[1], Some(&inputs[2]))?;
    let loss = (&value * &value).sum(None);
    let first = gradients(OPERATION, &loss, &inputs, Graph::Recorded)?;
    let again = first.iter().map(|gradient| gradient.square().sum(None)).sum::<Tensor>();
    let second = gradients(OPERATION, &again, &inputs, Graph::Freed)?;
    let without_bias = layer(&inputs[0], &inputs[1], None)?;
    Ok(Values::new()
        .with("the value", &value)
        .with("the value without a bias", &without_bias)
        .with_each("the gradient of input", first.iter().enumerate())
        .with_each("the second gradient of input", second.iter().enumerate()))
}

/// Weights of a few shapes.
fn weights(place: Place, first: u64) -> [Tensor; 3] {
    [place.normal(first, &[7, 5]), place.normal(first + 1, &[5]), place.normal(first + 2, &[3, 2, 3, 3])]
}

fn adamw(place: Place) -> Found {
    let (params, means) = (weights(place, 0), weights(place, 10).map(|x| x.zeros_like()));
    let squares = weights(place, 10).map(|x| x.zeros_like());
    let steps = [(); 3].map(|()| Tensor::zeros([1], (Kind::Float, place.device)));
    let settings = AdamW { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, weight_decay: 0.1, epsilon: 1e-8 };
    for step in 0..20 {
        let grads = weights(place, 100 + 10 * step);
        for count in &steps {
            let _ = count.shallow_clone().g_add_scalar_(1.0);
        }
        let state = AdamWState {
            params: &params,
            grads: &grads,
            exp_avgs: &means,
            exp_avg_sqs: &squares,
            steps: &steps,
        };
        fused_adamw_(state, settings)?;
    }
    Ok(Values::new()
        .with_each("weight", params.iter().enumerate())
        .with_each("mean", means.iter().enumerate())
        .with_each("square", squares.iter().enumerate()))
}

fn multi_tensor(place: Place) -> Found {
    let (dst, src) = (weights(place, 0), weights(place, 10));
    foreach_lerp_(&dst, &src, 0.25)?;
    foreach_mul_(&dst, 1.75)?;
    Ok(Values::new().with_each("weight", dst.iter().enumerate()).with_number("the norm", total_norm(&dst)?))
}

/// Products in bfloat16 within a region, and in their own kind in a region within it.
fn autocast(place: Place) -> Found {
    let single = Place { kind: Kind::Float, ..place };
    let (x, weight) = (single.normal(0, &[64, 48]), single.normal(1, &[32, 48]));
    let product = || x.matmul(&weight.tr());
    let exact = product();
    let (cast, inner) = autocast_bf16(place.device, || -> anyhow::Result<_> {
        Ok((product(), without_autocast(place.device, product)?))
    })??;
    anyhow::ensure!(cast.kind() == Kind::BFloat16, "the product is of kind {:?}", cast.kind());
    anyhow::ensure!(inner.kind() == Kind::Float, "the inner product is of kind {:?}", inner.kind());
    Ok(Values::new().with("cast", &cast).with("not cast", &inner).with("outside", &exact))
}
