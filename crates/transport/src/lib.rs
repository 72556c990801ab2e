//! Optimal transport for flows: shorter paths between the ends' laws, and what the shortest would be.
//!
//! The transport cost of a flow is `∫E|v_t(x_t)|² dt`, at least W2² of the ends. Three ways make it smaller: pairing each
//! batch by optimal transport ([`Minibatch`]), learning the interpolant ([`LearnablePath`], [`PathAscent`]), and training
//! anew on a flow's own pairs ([`PairedFlow`], [`Pairs`]). [`Trajectories`] and the module [`mod@reference`] say how far they
//! came.
//!
//! ```
//! use interflow_transport::{Costs, assign};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let costs = Costs::new(vec![4.0, 1.0, 3.0, 2.0, 0.0, 5.0, 3.0, 2.0, 2.0], 3)?;
//! assert_eq!(assign(&costs)?, [1, 0, 2]);
//! # Ok(())
//! # }
//! ```

pub mod ascent;
pub mod assignment;
pub mod config;
pub mod costs;
pub mod error;
mod fourier;
pub mod learnable;
pub mod minibatch;
mod network_correction;
pub mod pairs;
pub mod reference;
mod shared;
pub mod sinkhorn;
pub mod trajectory;

pub use ascent::{PathAscent, PathConfig, restore_path};
pub use assignment::assign;
pub use config::CouplingConfig;
pub use costs::Costs;
pub use error::{Error, Result};
pub use learnable::{LearnablePath, PathFamily};
pub use minibatch::{Minibatch, Pairing};
pub use pairs::{PairedFlow, Pairs};
pub use reference::{discrete_cost, gaussian_path_cost};
pub use sinkhorn::{Plan, Sinkhorn, SinkhornStop};
pub use trajectory::Trajectories;
