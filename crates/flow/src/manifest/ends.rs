//! What a manifest says of the base and the target of its flow.

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
    /// Independently. If the base is N(0, I) too, the score follows from the velocity.
    Independent,
    /// By a coupling, so that the score does not follow from the velocity.
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
    /// Data, whose law is known by the data only.
    Data {
        /// The columns of the data, if they are a table.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        columns: Option<Columns>,
    },
}

impl BaseManifest {
    /// What a manifest says of this base, which `config` names unless a program gave its data.
    pub fn of(config: &BaseConfig, base: &Base) -> Self {
        match (base.law(), config) {
            (BaseLaw::Data { .. }, _) => Self::Data { columns: base.columns().cloned() },
            (_, BaseConfig::Synthetic(config)) => Self::Synthetic(config.clone()),
            _ => Self::StandardNormal {},
        }
    }
}

/// What a flow's states at t = 1 stand for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetManifest {
    /// Half the width of a square window that shows the target's law, for a density of the library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<f64>,
    /// The columns of a table, including those that are conditions; `None` if the target is no table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// Whether any of the table's columns can be given to the flow, which then fills the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fill: bool,
    /// The numbers of the map that whitens the rows, if they are whitened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whitening: Option<WhiteningNumbers>,
    /// The images that the states stand for, if the target are images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageManifest>,
}

/// The images that a flow's states stand for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageManifest {
    /// The channels: 1 for grey, 3 for red, green and blue.
    pub channels: i64,
    /// The rows of pixels.
    pub height: i64,
    /// The columns of pixels.
    pub width: i64,
    /// The number of levels of a pixel.
    pub n_levels: i64,
    /// The law of the dequantisation noise: where within its level's part of [−1, 1) a pixel lies.
    #[serde(default, skip_serializing_if = "PlaceLaw::is_uniform")]
    pub dequantise: PlaceLaw,
}

impl ImageManifest {
    /// The numbers of channels, rows and columns, `[C, H, W]`.
    pub fn sides(&self) -> [i64; 3] {
        [self.channels, self.height, self.width]
    }

    /// The map between levels and states.
    pub fn quantisation(&self) -> Quantisation {
        Quantisation { n_levels: self.n_levels, places: self.dequantise }
    }

    /// The images' shape.
    pub fn shape(&self) -> ImageShape {
        ImageShape { channels: self.channels, height: self.height, width: self.width }
    }
}

impl TargetManifest {
    /// What a manifest says of this target.
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
