//! Images: labelled sets of them, how they become a flow's points, and how training visits them.
//!
//! An image is a row of `D = C·H·W` levels `k ∈ 0..n_levels` in channel, row, column order. A flow sees
//! `x = 2 (k + u) / n_levels − 1`, where the noise u lies in (0, 1), see [`Quantisation`]. Sets larger than a few
//! megabytes are decoded once into a cache file, which is mapped into memory.

mod cifar10;
mod config;
mod digits;
mod folder;
mod idx;
mod imagenet32;
mod images;
mod levels;
mod parquet;
mod parts;
mod shape;
mod source;
mod store;

pub use cifar10::Cifar10;
pub use config::ImageSetConfig;
pub use digits::{Digits, digits};
pub use folder::Folder;
pub use idx::Idx;
pub use imagenet32::Imagenet32;
pub use images::Images;
pub use levels::Quantisation;
pub use parquet::ParquetImages;
pub use parts::ImageParts;
pub use shape::ImageShape;
pub use source::ImageSource;
