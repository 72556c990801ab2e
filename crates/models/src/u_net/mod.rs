//! The U-Net: a velocity on images, or a flow map.
//!
//! Feature maps go down through levels of halved sides and more channels, and up again. On the way up, each block
//! also gets the output of its mirror image on the way down. As in \[HJA20\] and \[DN21\], each level has `n_blocks`
//! residual blocks down and one more up, a strided convolution between levels down, nearest neighbours and a
//! convolution between levels up, and a middle of block, attention, block. Time and class shift the channels inside
//! every block. The value can be differentiated once: the fused attention has no second derivative. The forward
//! tangents of a flow map go through the same layers, and can be differentiated as a value can.

mod assembly;
mod attention;
mod block;
mod conditions;
mod config;
mod dual;
mod head;
mod layer;
mod mixing;
mod path;

use std::sync::Arc;

use interflow_core::flow_map::{Average, Direction, FlowMap, Jump};
use interflow_core::interpolant::Schedule;
use interflow_core::rng::Draw;
use interflow_core::{Given, GivenSpace, Network, Parameters, Space};
use tch::Tensor;

use self::assembly::{Assembly, Weights};
use self::conditions::Conditions;
pub use self::config::UNetConfig;
use self::dual::Dual;
use self::head::DivergenceHead;
use self::layer::{Convolution, GroupNorm};
use self::path::Path;
use crate::dropout::Dropout;

/// A U-Net as a velocity on images.
#[derive(Debug)]
pub struct UNet {
    config: UNetConfig,
    given: GivenSpace,
    parameters: Parameters,
    conditions: Conditions,
    input: Convolution,
    path: Path,
    output_norm: GroupNorm,
    output: Convolution,
    /// The average divergence, for a flow map that learns it.
    head: Option<DivergenceHead>,
}

impl UNet {
    /// The config of the network.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// The same network with `schedule` in place of the one that its config names: a logarithmic clock reads α from
    /// it. It is for a path whose schedule no config can name, and is not recorded in [`Self::config`]; the weights
    /// are the same for every schedule.
    #[must_use]
    pub fn along(mut self, schedule: Arc<dyn Schedule>) -> Self {
        self.conditions.time = self.conditions.time.along(schedule);
        self
    }

    /// A net of a checked form whose weights are those that `weights` yields.
    fn assemble(config: &UNetConfig, given: GivenSpace, weights: Weights<'_>) -> Self {
        let mut owned = Assembly::new(weights);
        let assembly = &mut owned;
        let folded = config.shape[0] * config.patch * config.patch;
        let conditions = Conditions::new(assembly, config, given);
        let input = Convolution::new(assembly, "input", [folded, config.width], 3);
        let path = Path::new(assembly, config);
        let output_norm = GroupNorm::new(assembly, "output_norm", config.channels()[0], config.n_groups);
        let output = Convolution::zero(assembly, "output", [config.channels()[0], folded], 3);
        let head = DivergenceHead::new(assembly, config);
        let parameters = owned.finish();
        Self { config: config.clone(), given, parameters, conditions, input, path, output_norm, output, head }
    }

    /// The last maps, activated, which the outputs read, of states `[B, D]` and of what is seen of their times.
    fn maps(&self, seen: &Dual, x: &Dual, given: &Given, dropout: &mut Dropout<'_>) -> Dual {
        let features = &self.conditions.features(seen, given);
        let UNetConfig { shape: [channels, height, width], patch, .. } = self.config;
        let h = x.map(|x| x.reshape([-1, channels, height, width]).pixel_unshuffle(patch));
        let h = self.path.apply(self.input.apply(&h), features, dropout);
        self.output_norm.apply(&h).silu()
    }

    /// The velocity as rows, `[B, D]`.
    fn velocity(&self, maps: &Dual) -> Dual {
        self.output.apply(maps).map(|h| h.pixel_shuffle(self.config.patch).flatten(1, 3))
    }

    fn forward(&self, t: &Tensor, x: &Tensor, given: &Given, dropout: &mut Dropout<'_>) -> Tensor {
        let x = Dual::fixed(x.shallow_clone());
        self.velocity(&self.maps(&self.conditions.time(t), &x, given, dropout)).value
    }
}

impl Network for UNet {
    fn space(&self) -> Space {
        Space { dim: self.config.dim(), given: self.given }
    }

    fn value(&self, t: &Tensor, x: &Tensor, given: &Given) -> Tensor {
        self.forward(t, x, given, &mut Dropout::Off)
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    fn hidden_matrices(&self) -> Vec<String> {
        let hidden = |(name, weight): &(&str, &Tensor)| Path::is_hidden(name) && weight.dim() >= 2;
        self.parameters.trained().filter(hidden).map(|(name, _)| name.to_owned()).collect()
    }

    fn value_in_training(&self, t: &Tensor, x: &Tensor, given: &Given, draw: &mut Draw) -> Tensor {
        self.forward(t, x, given, &mut Dropout::On(draw))
    }

    fn flow_map(&self) -> Option<&dyn FlowMap> {
        self.config.flow_map.map(|_| self as &dyn FlowMap)
    }

    fn duplicate(&self) -> interflow_core::Result<Box<dyn Network>> {
        let options = (self.parameters.kind(), self.parameters.device());
        let mut copy =
            Self::assemble(&self.config, self.given, &mut |_, shape, _| Tensor::zeros(shape, options));
        copy.conditions.time = self.conditions.time.clone();
        copy.parameters.assign(&self.parameters.detached_copy())?;
        Ok(Box::new(copy))
    }
}

impl FlowMap for UNet {
    fn has_divergence(&self) -> bool {
        self.head.is_some()
    }

    fn average(&self, jump: &Jump<'_>) -> Average {
        let x = Dual::fixed(jump.x.shallow_clone());
        let maps = self.maps(&self.conditions.pair(jump), &x, jump.given, &mut Dropout::Off);
        let divergence = self.head.as_ref().map(|head| head.apply(&maps).value);
        Average { velocity: self.velocity(&maps).value, divergence }
    }

    fn average_and_tangent(&self, jump: &Jump<'_>, direction: &Direction<'_>) -> (Average, Average) {
        let tangent = match direction {
            Direction::To => None,
            Direction::Along(u) | Direction::State(u) => Some(u.shallow_clone()),
        };
        let x = Dual { value: jump.x.shallow_clone(), tangent };
        let seen = self.conditions.pair_along(jump, direction);
        let maps = self.maps(&seen, &x, jump.given, &mut Dropout::Off);
        let velocity = self.velocity(&maps);
        let divergence = self.head.as_ref().map(|head| head.apply(&maps));
        let of_divergence = divergence.as_ref().map(Dual::tangent_or_zero);
        let tangent = Average { velocity: velocity.tangent_or_zero(), divergence: of_divergence };
        (
            Average { velocity: velocity.value, divergence: divergence.map(|divergence| divergence.value) },
            tangent,
        )
    }
}
