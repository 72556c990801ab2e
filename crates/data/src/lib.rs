//! Data for flows: rows and images from files, split, standardised and turned into training points.
//!
//! A flow needs three things of its data: a source of training points, a source of validation points, and test
//! points. The trait [`Dataset`] provides these, and what is needed to report results in the units of the files. From
//! a config can be loaded:
//!
//! - your own table in a text, NPY, NPZ or Parquet file ([`TableConfig`]), some of whose columns may be *given*, that
//!   is conditions beside the state ([`interflow_core::Given`]);
//! - the tabular benchmark POWER, GAS, HEPMASS, MINIBOONE and BSDS300 with its published preprocessing;
//! - images, dequantised and scaled to [−1, 1) ([`ImagesConfig`]), with their class as a condition if asked for.
//!
//! [`DatasetConfig`] lists all of them; a config file names one by the key `kind`. For other data implement
//! [`Dataset`].
//!
//! # A table from its file to a batch
//!
//! ```
//! use interflow_core::rng::Stream;
//! use interflow_data::{Dataset, DatasetConfig};
//!
//! // Fifty rows of three columns.
//! let folder = tempfile::tempdir()?;
//! let rows = (0..50).map(|i| format!("{i},{},{}\n", (i * i) % 7, 0.5 * f64::from(i).sin()));
//! let text = format!("age,children,income\n{}", rows.collect::<String>());
//! std::fs::write(folder.path().join("people.csv"), text)?;
//!
//! // Income and children given the age. Integers get uniform noise, as a density wants a continuum.
//! let config: DatasetConfig = toml::from_str(
//!     r#"
//!     kind = "table"
//!     file = "people.csv"
//!     given = ["age"]
//!     dequantise = ["children"]
//!     "#,
//! )?;
//! let people = config.load(folder.path())?;
//! assert_eq!(people.space().dim, 2);
//!
//! // The eight points of training step 3: standardised states with the standardised age beside them.
//! let batch = people.training().batch(8, 3, &Stream::named(0, "an example"));
//! assert_eq!(batch.x.size(), [8, 2]);
//! assert_eq!(batch.given.tensor().map(|age| age.size()), Some(vec![8, 1]));
//!
//! // States come back in the units of the file, children as integers again.
//! let columns = people.columns().ok_or("a table has columns")?;
//! assert_eq!(columns.state_names(), ["children", "income"]);
//! let restored = columns.restore(&batch.x)?;
//! assert_eq!(restored.select(1, 0), restored.select(1, 0).round());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! Decoders that need large dependencies can be left out; all are on by default. What needs one that was left out is an
//! error that names the feature ([`Error::Feature`]).
//!
//! | feature | reads |
//! |---|---|
//! | `parquet` | Parquet files of rows or of pictures |
//! | `hdf5` | the published patches of BSDS300 |
//! | `images` | pictures in JPEG, PNG, WebP, GIF, BMP and TIFF |

#[macro_use]
mod registry;

mod cache;
mod card;
mod column;
mod columns;
mod dataset;
mod decode;
mod epochs;
mod error;
mod form;
mod hidden;
pub mod image;
pub mod marginal;
pub mod npy;
pub mod npz;
mod place_law;
mod prefetch;
mod rows;
pub mod sets;
pub mod sheet;
mod sizes;
mod split;
pub mod table;
mod table_dataset;
mod whitening;

pub use card::{Card, DataFile, Layout};
pub use column::Column;
pub use columns::{Columns, Standardised};
pub use dataset::Dataset;
pub use error::{Error, Result};
pub use form::{Clock, Form};
pub use image::{
    Cifar10, Digits, Folder, Idx, ImageParts, ImageSetConfig, ImageShape, ImageSource, Imagenet32, Images,
    ParquetImages, Quantisation, digits,
};
pub use marginal::{Affine, Bounds, Marginal, Scores};
pub use place_law::PlaceLaw;
pub use prefetch::Prefetch;
pub use rows::{Dequantisation, Rows};
pub use sets::{
    Benchmark, Bsds300, Bsds300Extent, ClassConfig, ColumnKind, DatasetConfig, DependentColumns, Gas,
    Hepmass, HepmassExtent, ImageDataset, ImagesConfig, Limits, Marginals, Miniboone, Power,
    ReducedMiniboone, TableConfig, Unfit, catalogue,
};
pub use sheet::Sheet;
pub use sheet::format::{Decimal, Header, Separator, TextFormat, Thousands};
pub use sheet::names::parse_names;
pub use sizes::Sizes;
pub use split::Split;
pub use table::Table;
pub use table_dataset::TableDataset;
pub use whitening::{Whitening, WhiteningNumbers};
