//! Networks for velocities. A config describes an architecture; its `init` builds the network with fresh weights.
//!
//! A perceptron computes its own derivative with respect to the state: it propagates tangents forward through its
//! layers, so that the exact divergence costs no backward pass. A U-Net leaves derivatives to reverse mode. Each may
//! also be a flow map, a network of two times ([`flow_map`]), and then has forward tangents with respect to both
//! times too.

mod activation;
mod config;
mod dropout;
mod error;
pub mod flow_map;
mod given_inputs;
mod known_coordinates;
mod layer;
mod mlp;
mod residual_block;
mod residual_mlp;
mod state_features;
mod state_inputs;
mod tangent;
mod time_embedding;
mod time_inputs;
mod u_net;
mod velocity_and_denoiser;

pub use activation::Activation;
pub use config::ModelConfig;
pub use error::{Error, Result};
pub use flow_map::FlowMapConfig;
pub use known_coordinates::KnownCoordinates;
pub use mlp::{Mlp, MlpConfig};
pub use residual_mlp::{ResidualMlp, ResidualMlpConfig};
pub use state_features::{Damping, Ends, StateFeatures};
pub use time_embedding::TimeEmbedding;
pub use u_net::{UNet, UNetConfig};
pub use velocity_and_denoiser::VelocityAndDenoiser;
