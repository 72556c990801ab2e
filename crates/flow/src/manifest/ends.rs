//! What a manifest says of the ends of its flow.

use interflow_core::known;
use interflow_data::{Columns, ImageShape, PlaceLaw, Quantisation, WhiteningNumbers};
use serde::{Deserialize, Serialize};

use crate::base::{Base, BaseLaw};
use crate::config::{BaseConfig, SyntheticConfig};
use crate::target::Target;

/// Whether base and target points were paired independently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Pairing {
    /// Independently: with a Gaussian base the velocity tells the score.
    Independent,
    /// By a coupling.
    Coupled,
}

/// What a flow knows of its base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum BaseManifest {
    /// N(0, I).
    StandardNormal {},
    /// A density of the library.
    Synthetic(SyntheticConfig),
    /// Data alone.
    Data {
        /// Their columns, where they are a table.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        columns: Option<Columns>,
    },
}

impl BaseManifest {
    /// What is to be known of a base that `config` names, unless its data come from elsewhere.
    pub fn of(config: &BaseConfig, base: &Base) -> Self {
        match (base.law(), config) {
            (BaseLaw::Data { .. }, _) => Self::Data { columns: base.columns().cloned() },
            (_, BaseConfig::Synthetic(config)) => Self::Synthetic(config.clone()),
            _ => Self::StandardNormal {},
        }
    }
}

/// What a flow's states are at t = 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetManifest {
    /// Half the width of a square window that shows the target's law, in two dimensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<f64>,
    /// The columns of a table, the conditions among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// Whether the flow can be told any of its columns, and fills the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fill: bool,
    /// What whitens the rows of a data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whitening: Option<WhiteningNumbers>,
    /// The images that the states are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageManifest>,
}

/// The images that a flow's states are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageManifest {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: i64,
    /// Rows of pixels.
    pub height: i64,
    /// Columns of pixels.
    pub width: i64,
    /// The levels of a pixel.
    pub n_levels: i64,
    /// Where in its level's cell a pixel's point lies.
    #[serde(default, skip_serializing_if = "PlaceLaw::is_uniform")]
    pub dequantise: PlaceLaw,
}

impl ImageManifest {
    /// Channels, height and width.
    pub fn sides(&self) -> [i64; 3] {
        [self.channels, self.height, self.width]
    }

    /// How levels and points belong together.
    pub fn quantisation(&self) -> Quantisation {
        Quantisation { n_levels: self.n_levels, places: self.dequantise }
    }

    /// The images' shape.
    pub fn shape(&self) -> ImageShape {
        ImageShape { channels: self.channels, height: self.height, width: self.width }
    }
}

impl TargetManifest {
    /// What is to be known of a target.
    pub fn of(target: &Target) -> Self {
        let extent = matches!(target, Target::Synthetic(_)).then(|| target.extent());
        let Some(data) = target.dataset() else { return Self { extent, ..Self::default() } };
        Self {
            extent,
            columns: data.columns().cloned(),
            fill: data.columns().is_some_and(|columns| known::space(columns.space()) == target.space()),
            whitening: data.whitening().map(interflow_data::Whitening::numbers),
            images: data.images().map(|images| {
                let ImageShape { channels, height, width } = images.train.shape();
                let Quantisation { n_levels, places: dequantise } = images.train.quantisation();
                ImageManifest { channels, height, width, n_levels, dequantise }
            }),
        }
    }
}
