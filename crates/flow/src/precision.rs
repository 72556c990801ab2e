//! The floating-point precision of a flow's weights and points.

use serde::{Deserialize, Serialize};
use tch::Kind;

/// Floating-point precision, as written in a config.
///
/// ```
/// use interflow_flow::Precision;
///
/// assert_eq!(Precision::F64.kind(), tch::Kind::Double);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Precision {
    /// Single precision: floating-point numbers of 32 bits.
    F32,
    /// Double precision: floating-point numbers of 64 bits.
    F64,
}

impl Precision {
    /// The same as a libtorch kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::F64 => Kind::Double,
        }
    }
}
