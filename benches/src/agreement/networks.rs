//! The networks of `interflow-models`: values, derivatives in the state, gradients in the weights, in bfloat16 too.

use interflow_core::backward::{Graph, gradients};
use interflow_core::interpolant::ScheduleKind;
use interflow_core::{Given, GivenSpace, Network, Space};
use interflow_libtorch::autocast_bf16;
use interflow_models::{
    Activation, Ends, MlpConfig, ModelConfig, ResidualMlpConfig, StateFeatures, TimeEmbedding, UNetConfig,
    VelocityAndDenoiser,
};
use tch::Kind;

use super::place::draw;
use super::{Check, Found, Place, Tolerance, Values};

pub(super) const CHECKS: &[Check] = &[
    Check::new("models/mlp", mlp),
    Check::new("models/mlp-of-every-activation", activations),
    Check::new("models/mlp-with-waves", waves),
    Check::new("models/residual-mlp", residual_mlp),
    Check::new("models/two-networks", two_networks),
    Check::new("models/u-net", u_net),
    Check::new("models/u-net-with-classes", u_net_with_classes),
    Check::new("models/u-net-of-the-paper", u_net_of_the_paper),
    Check::new("models/mlp-in-bfloat16", mlp_in_bfloat16).within(Tolerance::Share(5e-2)),
    Check::new("models/u-net-in-bfloat16", u_net_in_bfloat16).within(Tolerance::Share(1e-1)),
];

/// The images of the small U-Nets.
const SHAPE: [i64; 3] = [3, 8, 8];

/// What a network makes of some points, with the divergence in the state where a network knows it forwards.
fn all_of(place: Place, network: &dyn Network, given: &Given, divergence: Divergence) -> Found {
    let dim = network.space().dim;
    let (t, x, u) = (place.times(12), place.normal(0, &[12, dim]), place.normal(1, &[12, dim]).sign());
    let value = network.value(&t, &x, given);
    let loss = (&value * &value).sum(None);
    let weights = network.parameters().tensors();
    let of_weights = gradients("a network's gradient", &loss, &weights, Graph::Freed)?;
    let (_, form) = network.value_and_quadratic_form(&t, &x, given, &u);
    let names = network.parameters().trained().map(|(name, _)| name);
    let values = Values::new()
        .with("the value", &value)
        .with("the quadratic form", &form)
        .with_each("the gradient of", names.zip(&of_weights));
    Ok(match divergence {
        Divergence::Asked => {
            let (again, divergence) = network.value_and_divergence(&t, &x, given);
            values.with("the value with it", &again).with("the divergence", &divergence)
        }
        Divergence::LeftOut => values,
    })
}

/// Whether an exact divergence is part of a check.
#[derive(Clone, Copy)]
enum Divergence {
    Asked,
    LeftOut,
}

fn mlp(place: Place) -> Found {
    let space = Space { dim: 5, given: GivenSpace::Numbers { n: 2 } };
    let network = place.network(&ModelConfig::Mlp(MlpConfig::new(vec![64, 48])), space)?;
    all_of(place, &*network, &Given::Numbers(place.normal(5, &[12, 2])), Divergence::Asked)
}

fn activations(place: Place) -> Found {
    let all = [Activation::Relu, Activation::Silu, Activation::Gelu, Activation::Elu, Activation::Tanh];
    all.into_iter().try_fold(Values::new(), |values, activation| {
        let config = MlpConfig { activation, ..MlpConfig::new(vec![32, 32]) };
        let network = place.network(&ModelConfig::Mlp(config), 4)?;
        let (t, x) = (place.times(12), place.normal(0, &[12, 4]));
        let (value, divergence) = network.value_and_divergence(&t, &x, &Given::Nothing);
        Ok(values
            .with(format!("{activation:?}: the value"), &value)
            .with(format!("{activation:?}: the divergence"), &divergence))
    })
}

fn waves(place: Place) -> Found {
    let waves = StateFeatures { ends: Ends::Both, ..StateFeatures::octaves(4) };
    let time_embedding =
        TimeEmbedding::Fourier { n_frequencies: 6, n_log_frequencies: 4, schedule: ScheduleKind::Linear };
    let config = MlpConfig { time_embedding, state_features: Some(waves), ..MlpConfig::new(vec![48, 48]) };
    let network = place.network(&ModelConfig::Mlp(config), 3)?;
    all_of(place, &*network, &Given::Nothing, Divergence::Asked)
}

fn residual_mlp(place: Place) -> Found {
    let config = ResidualMlpConfig {
        width: 48,
        n_blocks: 3,
        activation: Activation::Silu,
        time_embedding: TimeEmbedding::Sinusoidal { n_frequencies: 8 },
        state_features: Some(StateFeatures::octaves(3)),
        dropout: 0.0,
        flow_map: None,
    };
    let network = place.network(&ModelConfig::ResidualMlp(config), 4)?;
    all_of(place, &*network, &Given::Nothing, Divergence::Asked)
}

fn two_networks(place: Place) -> Found {
    let part = |hidden| place.network(&ModelConfig::Mlp(MlpConfig::new(hidden)), 3);
    let both = VelocityAndDenoiser::new(part(vec![32, 32])?, part(vec![24])?);
    let Some(denoiser) = both.part(VelocityAndDenoiser::DENOISER) else { anyhow::bail!("no denoiser") };
    let (t, x) = (place.times(12), place.normal(0, &[12, 3]));
    let value = denoiser.value(&t, &x, &Given::Nothing);
    Ok(all_of(place, &both, &Given::Nothing, Divergence::Asked)?.with("the denoiser", &value))
}

/// A small U-Net with all that one can have.
pub(super) fn small_u_net() -> UNetConfig {
    UNetConfig {
        attention: vec![4],
        linear_attention: vec![8],
        head_channels: 16,
        n_learned_frequencies: 4,
        ..UNetConfig::new(SHAPE, 32, vec![1, 2])
    }
}

fn u_net(place: Place) -> Found {
    let network = place.network(&ModelConfig::UNet(small_u_net()), small_u_net().dim())?;
    all_of(place, &*network, &Given::Nothing, Divergence::LeftOut)
}

fn u_net_with_classes(place: Place) -> Found {
    let config = UNetConfig { patch: 2, attention: vec![4], linear_attention: vec![], ..small_u_net() };
    let space = Space { dim: config.dim(), given: GivenSpace::Class { n_classes: 10 } };
    let network = place.network(&ModelConfig::UNet(config), space)?;
    let classes = draw(4).integers(12, 11).to_device(place.device);
    all_of(place, &*network, &Given::Class(classes), Divergence::LeftOut)
}

/// The form of `configs/cifar10.toml` with an eighth of its channels.
fn u_net_of_the_paper(place: Place) -> Found {
    let config = UNetConfig {
        linear_attention: vec![32, 16, 8, 4, 2],
        head_channels: 32,
        n_learned_frequencies: 8,
        time_embedding: TimeEmbedding::Centred {},
        ..UNetConfig::new([3, 32, 32], 32, vec![1, 2, 2, 2, 2])
    };
    let network = place.network(&ModelConfig::UNet(config.clone()), config.dim())?;
    all_of(place, &*network, &Given::Nothing, Divergence::LeftOut)
}

fn mlp_in_bfloat16(place: Place) -> Found {
    in_bfloat16(place, &ModelConfig::Mlp(MlpConfig::new(vec![64, 64])), 5)
}

fn u_net_in_bfloat16(place: Place) -> Found {
    in_bfloat16(place, &ModelConfig::UNet(small_u_net()), small_u_net().dim())
}

/// The value and the whole gradient as training computes them: weights in single precision, products in bfloat16.
fn in_bfloat16(place: Place, model: &ModelConfig, dim: i64) -> Found {
    let single = Place { kind: Kind::Float, ..place };
    let network = single.network(model, dim)?;
    let (t, x) = (single.times(12), single.normal(0, &[12, dim]));
    let value = autocast_bf16(place.device, || network.value(&t, &x, &Given::Nothing))?.to_kind(Kind::Float);
    let loss = (&value * &value).sum(None);
    let weights = network.parameters().tensors();
    let of_weights = gradients("a network's gradient", &loss, &weights, Graph::Freed)?;
    let flat: Vec<_> = of_weights.iter().map(|gradient| gradient.flatten(0, -1)).collect();
    Ok(Values::new().with("the value", &value).with("the gradient", &tch::Tensor::cat(&flat, 0)))
}
