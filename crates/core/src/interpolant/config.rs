//! Interpolants as written in a config.

use serde::{Deserialize, Serialize};

use super::Interpolant;
use super::encoding_decoding::EncodingDecoding;
use super::gamma::{Gamma, GammaConfig};
use super::linear::Linear;
use super::schedule::Schedule;
use super::trigonometric::Trigonometric;
use crate::error::Result;

/// A schedule (α, β) by its name in a config.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ScheduleKind {
    /// [`Trigonometric`].
    #[default]
    Trigonometric,
    /// [`Linear`].
    Linear,
    /// [`EncodingDecoding`].
    EncodingDecoding,
}

impl ScheduleKind {
    /// Whether it is the default, which configs leave out.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The schedule itself.
    pub fn build(self) -> Box<dyn Schedule> {
        match self {
            Self::Trigonometric => Box::new(Trigonometric),
            Self::Linear => Box::new(Linear),
            Self::EncodingDecoding => Box::new(EncodingDecoding),
        }
    }
}

/// An interpolant as written in a config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterpolantConfig {
    /// The schedule (α, β).
    pub kind: ScheduleKind,
    /// The coefficient γ, if the path has a latent. The encoding–decoding interpolant has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<GammaConfig>,
}

impl InterpolantConfig {
    /// The interpolant itself.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] if γ's strength is not positive.
    pub fn build(&self) -> Result<Interpolant> {
        let own = (self.kind == ScheduleKind::EncodingDecoding).then_some(Gamma::SineSquared);
        let gamma = self.gamma.map(GammaConfig::build).transpose()?.or(own);
        Ok(Interpolant::new(self.kind.build(), gamma))
    }
}
