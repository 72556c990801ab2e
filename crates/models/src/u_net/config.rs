//! The config of a U-Net.

use interflow_core::rng::Draw;
use interflow_core::{GivenSpace, Space};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::UNet;
use super::assembly::Start;
use super::mixing::Mixing;
use crate::error::{Error, Result};
use crate::error::{MOST, check_blocks, check_memory, check_positive, check_share};
use crate::flow_map::FlowMapConfig;
use crate::time_embedding::TimeEmbedding;

/// The config of a U-Net, a velocity on images similar to those of \[HJA20\].
///
/// A state is an image as a row of C·H·W numbers, channel by channel and row by row. Its condition is nothing or a
/// class. Level k of the network has `width · multipliers[k]` channels on feature maps of height `H / (patch · 2ᵏ)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetConfig {
    /// The numbers of channels, rows and columns of the images, `[C, H, W]`.
    pub shape: [i64; 3],
    /// The side of the square patches of pixels that become channels before the first convolution, and pixels again
    /// after the last: feature maps have sides that are `patch` times smaller than the image's.
    #[serde(default = "one")]
    pub patch: i64,
    /// The number of channels that the multipliers multiply.
    pub width: i64,
    /// The channels of each level in units of `width`. From one level to the next the sides of the maps halve.
    pub multipliers: Vec<i64>,
    /// The number of residual blocks of a level on the way down; on the way up there is one more.
    #[serde(default = "two")]
    pub n_blocks: i64,
    /// The heights of the maps whose blocks are followed by self-attention. The middle of the network always has it.
    #[serde(default)]
    pub attention: Vec<i64>,
    /// The heights of the maps whose blocks are followed by linear attention, whose cost is proportional to the
    /// number of pixels.
    #[serde(default)]
    pub linear_attention: Vec<i64>,
    /// The number of channels of an attention head.
    #[serde(default = "sixty_four")]
    pub head_channels: i64,
    /// The number of groups of channels in group normalisation.
    #[serde(default = "eight")]
    pub n_groups: i64,
    /// The fraction of activations that each residual block drops in training.
    #[serde(default)]
    pub dropout: f64,
    /// The features of the time that the network gets.
    #[serde(default = "sinusoidal")]
    pub time_embedding: TimeEmbedding,
    /// The number of learned frequencies w of the time, each with the features `sin 2πwt` and `cos 2πwt`.
    #[serde(default)]
    pub n_learned_frequencies: i64,
    /// If set, the network is a flow map; without it, it is a velocity alone. Training drops activations on the
    /// diagonal only, where the map is the velocity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_map: Option<FlowMapConfig>,
}

fn one() -> i64 {
    1
}

fn two() -> i64 {
    2
}

fn eight() -> i64 {
    8
}

fn sixty_four() -> i64 {
    64
}

fn sinusoidal() -> TimeEmbedding {
    TimeEmbedding::Sinusoidal { n_frequencies: 64 }
}

impl UNetConfig {
    /// A U-Net for images of this shape, with everything else by default.
    pub fn new(shape: [i64; 3], width: i64, multipliers: Vec<i64>) -> Self {
        Self {
            shape,
            patch: one(),
            width,
            multipliers,
            n_blocks: two(),
            attention: Vec::new(),
            linear_attention: Vec::new(),
            head_channels: sixty_four(),
            n_groups: eight(),
            dropout: 0.0,
            time_embedding: sinusoidal(),
            n_learned_frequencies: 0,
            flow_map: None,
        }
    }

    /// A network for images of `space`, with weights from `draw`. The second convolution of each block, the last
    /// layer of each attention and the last convolution start at zero, and so does the velocity.
    ///
    /// # Errors
    /// [`Error::Size`] if a size is not allowed, or `space` has another dimension than these images, [`Error::Given`]
    /// if the images have numbers as conditions.
    pub fn init(
        &self,
        space: impl Into<Space>,
        draw: &mut Draw,
        (kind, device): (Kind, Device),
    ) -> Result<UNet> {
        let space = space.into();
        check_memory(self.n_scalars(space)?, kind)?;
        self.check_space(space)?;
        let mut weights =
            |_: &str, shape: &[i64], start: Start| start.weights(shape, draw, kind).to_device(device);
        Ok(UNet::assemble(self, space.given, &mut weights))
    }

    /// The number of scalar weights of a network for images of `space`, computed without making the weights.
    ///
    /// # Errors
    /// [`Error::Size`] if a size is not allowed.
    pub fn n_scalars(&self, space: Space) -> Result<f64> {
        self.check()?;
        let (mut n, nothing) = (0.0, Tensor::zeros([0], (Kind::Float, Device::Cpu)));
        let mut counted = |_: &str, shape: &[i64], _: Start| {
            n += shape.iter().map(|&side| side as f64).product::<f64>();
            nothing.shallow_clone()
        };
        let _ = UNet::assemble(self, space.given, &mut counted);
        Ok(n)
    }

    /// The dimension C·H·W of a state.
    pub fn dim(&self) -> i64 {
        self.shape.iter().product()
    }

    /// Checks that the states of `space` are such images, and are given nothing but a class.
    fn check_space(&self, space: Space) -> Result<()> {
        require("shape", "that of the data's images", self.dim() == space.dim, || {
            format!("{:?}, which is {} numbers, for states of {}", self.shape, self.dim(), space.dim)
        })?;
        space.given.check()?;
        match space.given {
            GivenSpace::Nothing {} | GivenSpace::Class { .. } => Ok(()),
            _ => Err(Error::Given { network: "u-net", takes: "a class or nothing" }),
        }
    }

    /// Channels of each level.
    pub(super) fn channels(&self) -> Vec<i64> {
        self.multipliers.iter().map(|multiplier| multiplier * self.width).collect()
    }

    /// The height of each level's maps.
    pub(super) fn heights(&self) -> Vec<i64> {
        (0..self.multipliers.len()).map(|level| self.shape[1] / (self.patch << level)).collect()
    }

    /// Which attention follows the blocks on maps of the given height.
    pub(super) fn attention_at(&self, height: i64) -> Option<Mixing> {
        if self.attention.contains(&height) {
            return Some(Mixing::Softmax);
        }
        self.linear_attention.contains(&height).then_some(Mixing::Linear)
    }

    /// The features that the blocks see of time and class.
    pub(super) fn n_features(&self) -> i64 {
        4 * self.width
    }

    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::Size`] naming the first one that is not allowed.
    pub fn check(&self) -> Result<()> {
        for side in self.shape {
            check_positive("every entry of shape", side)?;
        }
        // Pictures beyond have more numbers than a tensor can count.
        require("shape", "of at most 2⁴⁰ numbers", self.dim() <= 1 << 40, || {
            format!("{:?}", self.shape)
        })?;
        check_positive("patch", self.patch)?;
        check_positive("width", self.width)?;
        check_blocks(self.n_blocks)?;
        check_positive("head_channels", self.head_channels)?;
        check_positive("n_groups", self.n_groups)?;
        for &multiplier in &self.multipliers {
            check_positive("every entry of multipliers", multiplier)?;
        }
        self.check_levels()?;
        self.check_channels()?;
        self.check_conditions()
    }

    fn check_levels(&self) -> Result<()> {
        require("multipliers", "1 to 16 numbers", (1..=16).contains(&self.multipliers.len()), || {
            format!("{:?}", self.multipliers)
        })?;
        let stride = self.patch << (self.multipliers.len() - 1);
        let divides = self.shape[1..].iter().all(|side| side % stride == 0);
        require("shape", "of sides divisible by patch · 2^(levels − 1)", divides, || {
            format!("{:?} with {stride}", self.shape)
        })?;
        let heights = self.heights();
        for (name, attended) in [("attention", &self.attention), ("linear_attention", &self.linear_attention)]
        {
            let known = attended.iter().all(|height| heights.contains(height));
            require(name, "heights of the levels' maps", known, || {
                format!("{attended:?} with maps of heights {heights:?}")
            })?;
        }
        let once = self.attention.iter().all(|height| !self.linear_attention.contains(height));
        require("linear_attention", "at other heights than attention", once, || {
            format!("{:?} with {:?}", self.linear_attention, self.attention)
        })
    }

    fn check_channels(&self) -> Result<()> {
        let channels = self.channels();
        channels.iter().try_for_each(|&channels| check_positive("width · multiplier", channels))?;
        let grouped = channels.iter().all(|channels| channels % self.n_groups == 0);
        require("n_groups", "a divisor of every level's channels", grouped, || {
            format!("{} with {channels:?} channels", self.n_groups)
        })?;
        let last = channels.len() - 1;
        let attended = (0..).zip(channels.iter().zip(self.heights()));
        let attended =
            attended.filter(|(level, (_, height))| *level == last || self.attention_at(*height).is_some());
        let channels: Vec<i64> = attended.map(|(_, (channels, _))| *channels).collect();
        let headed = channels.iter().all(|channels| channels % self.head_channels == 0);
        require("head_channels", "a divisor of the channels wherever there is attention", headed, || {
            format!("{} with {channels:?} channels", self.head_channels)
        })
    }

    fn check_conditions(&self) -> Result<()> {
        self.time_embedding.check()?;
        let allowed = |n: i64| (0..=MOST).contains(&n);
        require("n_learned_frequencies", "from 0 to 2²⁰", allowed(self.n_learned_frequencies), || {
            self.n_learned_frequencies.to_string()
        })?;
        check_share("dropout", self.dropout)?;
        self.flow_map.as_ref().map_or(Ok(()), FlowMapConfig::check)
    }
}

fn require(
    name: &'static str,
    requirement: &'static str,
    holds: bool,
    found: impl FnOnce() -> String,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Size { name, requirement, found: found() }) }
}
