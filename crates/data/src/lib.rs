//! Data sets: tables from CSV and NPY files with their columns, splits and units, the five of the tabular benchmark
//! with their published preprocessing, and images.

pub mod atomic;
pub mod benchmark;
mod cache;
pub mod columns;
mod epochs;
pub mod error;
pub mod image;
mod parquet_rows;
pub mod power;
pub mod prefetch;
pub mod preparation;
pub mod rows;
pub mod sheet;
pub mod split;
pub mod table;
pub mod whitening;

pub use benchmark::{Benchmark, Bsds300, Gas, Hepmass, Miniboone, ReducedMiniboone, Sizes};
pub use columns::{Column, Columns};
pub use error::{Error, Result};
pub use image::{
    Cifar10, Folder, Idx, ImageParts, ImageSetConfig, ImageShape, ImageSource, Imagenet32, Images,
    ParquetImages, dequantise, digits, quantise,
};
pub use power::{Noise, Power, Splits, Standardisation};
pub use prefetch::Prefetch;
pub use preparation::{TableConfig, TableSplits, Unfit};
pub use rows::{Dequantisation, Rows};
pub use sheet::Sheet;
pub use split::Split;
pub use table::Table;
pub use whitening::{Whitening, WhiteningNumbers};
