//! The ends of a flow, as configs name them.

use interflow_core::target::TargetConfig;
use interflow_data::{ImageSetConfig, TableConfig};
use serde::{Deserialize, Serialize};

/// One end of the flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum EndConfig {
    /// N(0, I) in the other end's dimension.
    StandardNormal {},
    /// A two-dimensional density of the library.
    Synthetic {
        /// Which one.
        density: TargetConfig,
        /// Whether its closed form, if it has one, is kept from the flow: it is then known by samples only.
        #[serde(default)]
        samples_only: bool,
    },
    /// UCI POWER with its published preprocessing; like the published numbers, its test NLL is that of
    /// standardised rows.
    Power {
        /// Whether a training row gets fresh dequantisation noise at every visit.
        fresh_noise: bool,
    },
    /// UCI GAS with its published preprocessing.
    Gas(BenchmarkConfig),
    /// UCI HEPMASS with its published preprocessing.
    Hepmass(BenchmarkConfig),
    /// UCI MINIBOONE with its published preprocessing.
    Miniboone(BenchmarkConfig),
    /// The published validation part of MINIBOONE and some training rows for training, the published test part.
    MinibooneReduced(BenchmarkConfig),
    /// Patches of the photographs of BSDS300 with the published preprocessing.
    Bsds300(BenchmarkConfig),
    /// The rows of a CSV, NPY or Parquet file, in its units.
    Table(TableConfig),
    /// Images, dequantised and scaled to [−1, 1).
    Images(ImagesConfig),
}

/// How a set of images is given to the flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImagesConfig {
    /// Which set.
    pub(crate) source: ImageSetConfig,
    /// Whether every second training image, at random, is mirrored left to right.
    #[serde(default)]
    pub(crate) flip: bool,
    /// Makes the class of an image a condition, the first of a point's coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class_conditional: Option<ClassConfig>,
}

/// How a flow learns to depend on the class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassConfig {
    /// The share of training images whose class is replaced by `n_classes`, which stands for none, so that samples
    /// can be guided by their class.
    #[serde(default)]
    pub(crate) dropout: f64,
}

impl ImagesConfig {
    /// How many of a point's first coordinates are conditions.
    pub(crate) fn n_given(&self) -> i64 {
        i64::from(self.class_conditional.is_some())
    }
}

/// How a set of the tabular benchmark is given to the flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BenchmarkConfig {
    /// Whether the flow sees rows of mean 0 and covariance I instead; reported densities are those of the rows.
    #[serde(default)]
    pub(crate) whiten: bool,
}
