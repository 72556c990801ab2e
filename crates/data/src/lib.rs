//! Data sets: tables from CSV and NPY files, and the five of the tabular benchmark with their published preprocessing.

pub mod atomic;
pub mod benchmark;
pub mod error;
pub mod power;
pub mod rows;
pub mod table;
pub mod whitening;

pub use benchmark::{Benchmark, Bsds300, Gas, Hepmass, Miniboone, ReducedMiniboone, Sizes};
pub use error::{Error, Result};
pub use power::{Noise, Power, Splits, Standardisation};
pub use rows::{Dequantisation, Rows};
pub use table::Table;
pub use whitening::{Whitening, WhiteningNumbers};
