//! Decoders of the formats of files that need a large dependency, each behind a feature of this crate: `parquet`, `hdf5`
//! and `images`. Without its feature a decoder is an error that names the feature.
//!
//! Files come from anywhere. All decoders that are not ours stand behind one guard, which turns a panic into an error,
//! and what a file claims to hold is held against its size before anything is allocated.

#[cfg(not(all(feature = "hdf5", feature = "images", feature = "parquet")))]
mod absent;
mod expansion;
mod guard;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "images")]
mod picture;
mod records;

#[cfg(not(feature = "hdf5"))]
pub(crate) use absent::arrays;
#[cfg(not(feature = "parquet"))]
pub(crate) use absent::{column_names, records};
#[cfg(not(feature = "images"))]
pub(crate) use absent::{grey, square};
pub(crate) use expansion::Expansion;
pub(crate) use guard::guarded;
#[cfg(feature = "hdf5")]
pub(crate) use hdf5::arrays;
#[cfg(feature = "parquet")]
pub(crate) use parquet::{column_names, records};
#[cfg(feature = "images")]
pub(crate) use picture::{grey, square};
pub(crate) use records::{Records, Value};

/// A photograph in grey levels.
pub(crate) struct Grey {
    /// The number of columns.
    pub(crate) width: usize,
    /// The number of rows.
    pub(crate) height: usize,
    /// The grey levels, row after row.
    pub(crate) pixels: Vec<u8>,
}
