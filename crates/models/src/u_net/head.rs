//! The second output of a flow map on images: the average divergence.

use tch::Kind;

use super::assembly::Assembly;
use super::config::UNetConfig;
use super::dual::Dual;
use super::layer::Convolution;

/// A hidden layer and an output at each place of the last maps, the same everywhere, whose mean over the places is the average
/// divergence for each coordinate: a divergence is a sum over coordinates, most of which see their neighbourhood only.
#[derive(Debug)]
pub(super) struct DivergenceHead {
    hidden: Convolution,
    output: Convolution,
    dim: i64,
}

impl DivergenceHead {
    /// The head that `config` wants behind the last maps, where it wants one; its output starts at zero.
    pub(super) fn new(assembly: &mut Assembly<'_>, config: &UNetConfig) -> Option<Self> {
        let width = config.flow_map?.divergence_width?;
        let hidden = Convolution::new(assembly, "divergence.hidden", [config.channels()[0], width], 1);
        let output = Convolution::zero(assembly, "divergence.output", [width, 1], 1);
        Some(Self { hidden, output, dim: config.dim() })
    }

    /// The average divergence `[B]` of the last maps, activated.
    pub(super) fn apply(&self, h: &Dual) -> Dual {
        let at_places = self.output.apply(&self.hidden.apply(h).silu());
        // In full precision: the sum of thousands of numbers is a log-density.
        let kind = |kind: Kind| if kind == Kind::Double { kind } else { Kind::Float };
        at_places.map(|h| h.mean_dim([1i64, 2, 3].as_slice(), false, kind(h.kind())) * self.dim as f64)
    }
}
