//! What a program may choose for its whole process, and a library leaves to its host.
//!
//! - [`keep_freed_memory`], first thing in `main`: tensors are made in memory that others have freed. It takes 14 to 22 %
//!   off large training steps in single precision with glibc, and the process stays as large as it once was.
//! - [`choose_products`]: what computes products of matrices in single precision on the CPU.
//! - [`Threads`]: how many threads a tensor operation has, for a flow by [`crate::Flow::with_threads`] and for training by
//!   [`crate::Experiment::threads`]. [`ThreadChoice`] finds the fastest number for work of your own.
//!
//! ```
//! use interflow::machine::{Products, choose_products, keep_freed_memory};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! keep_freed_memory();
//! // To round as on other processors, at MKL's speed.
//! assert_eq!(choose_products(Products::Libtorch)?, Products::Libtorch);
//! # Ok(())
//! # }
//! ```

pub use interflow_flow::Threads;
pub use interflow_libtorch::{Products, ThreadChoice, choose_products, keep_freed_memory, products};
