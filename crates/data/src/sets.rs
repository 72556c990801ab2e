//! The registry of data sets: which there are, and what each is loaded by.
//!
//! A data set of rows that every user of the workspace shall have is one file in this folder, which holds its config and
//! its loader, its line in the registry below and, where its files are published, its card in `catalogue`. A data set of
//! one's own needs no registry: implement [`Dataset`] anywhere and pass it on.

mod benchmark;
mod bsds300;
mod gas;
mod hepmass;
mod images;
mod miniboone;
mod miniboone_reduced;
mod power;
mod steps;
mod table;
mod text;

pub use benchmark::Benchmark;
pub use bsds300::{Bsds300, Bsds300Extent};
pub use gas::Gas;
pub use hepmass::{Hepmass, HepmassExtent};
pub use images::{ClassConfig, ImageDataset, ImagesConfig};
pub use miniboone::Miniboone;
pub use miniboone_reduced::ReducedMiniboone;
pub use power::Power;
pub use table::kind::ColumnKind;
pub use table::limits::Limits;
pub use table::{DependentColumns, Marginals, TableConfig, Unfit};

use crate::card::Card;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::image::ImageSetConfig;

registry! {
    /// A data set, as a config file names it by its key `kind`.
    ///
    /// ```
    /// use interflow_data::DatasetConfig;
    ///
    /// let config: DatasetConfig = toml::from_str("kind = \"gas\"\nwhiten = true")?;
    /// assert_eq!(config.kind(), "gas");
    /// # Ok::<(), toml::de::Error>(())
    /// ```
    DatasetConfig => Box<dyn Dataset>, by Box::new;

    /// UCI POWER with its published preprocessing.
    "power" => Power(Power),
    /// UCI GAS with its published preprocessing.
    "gas" => Gas(Gas),
    /// UCI HEPMASS with its published preprocessing.
    "hepmass" => Hepmass(Hepmass),
    /// UCI MINIBOONE with its published preprocessing.
    "miniboone" => Miniboone(Miniboone),
    /// The published validation part of MINIBOONE and some training rows for training, the published test part.
    "miniboone-reduced" => MinibooneReduced(ReducedMiniboone),
    /// Patches of the photographs of BSDS300 with the published preprocessing.
    "bsds300" => Bsds300(Bsds300),
    /// The rows of a CSV, NPY or Parquet file, in its units.
    "table" => Table(TableConfig),
    /// Images, dequantised and scaled to [−1, 1).
    "images" => Images(ImagesConfig),
}

/// The cards of all published data sets: what their files are and where to get them.
///
/// # Errors
/// [`crate::Error::Card`] if a card cannot be read, which a test rules out.
pub fn catalogue() -> Result<Vec<Card>> {
    let texts = DatasetConfig::CARDS.iter().chain(ImageSetConfig::CARDS);
    texts.copied().flatten().map(|text| Card::parse(text)).collect()
}
