//! Settings of the whole process, which a library leaves to the program that uses it.
//!
//! - [`keep_freed_memory`], called first in `main`, lets the process keep the memory of freed tensors for new ones.
//!   With glibc this makes large training steps in single precision 14 to 22 % faster; in return, the process never
//!   shrinks.
//! - [`choose_products`] chooses the code that computes matrix products in single precision on the CPU.
//! - [`Threads`] is the number of threads of each tensor operation, set for a flow by [`crate::Flow::with_threads`]
//!   and for training by [`crate::Experiment::threads`]. [`ThreadChoice`] finds the fastest number for other work.
//!
//! ```
//! use interflow::machine::{Products, choose_products, keep_freed_memory};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! keep_freed_memory();
//! // Libtorch's own products, usually MKL's, so that results match those of other processors than AMD's.
//! assert_eq!(choose_products(Products::Libtorch)?, Products::Libtorch);
//! # Ok(())
//! # }
//! ```

pub use interflow_flow::Threads;
pub use interflow_libtorch::{Products, ThreadChoice, choose_products, keep_freed_memory, products};
