//! Data sets: tables from CSV and NPY files, and UCI POWER with its published preprocessing.

pub mod atomic;
pub mod error;
pub mod power;
pub mod rows;
pub mod table;

pub use error::{Error, Result};
pub use power::{Noise, Power, Splits, Standardisation};
pub use rows::{Dequantisation, Rows};
pub use table::Table;
