//! Optimal transport for flows: shorter paths between base and target, and how long the shortest would be.
//!
//! The transport cost of a flow is `∫E|v_t(x_t)|² dt`; it is at least W2² of base and target. Three methods make it
//! smaller.
//!
//! **Pairing** the points of each batch by optimal transport ([`Minibatch`], [`CouplingConfig`]), among points with
//! equal conditions:
//!
//! ```
//! use interflow_core::Points;
//! use interflow_core::coupling::Coupling as _;
//! use interflow_core::rng::{Purpose, Stream};
//! use interflow_core::tch::{Kind, Tensor};
//! use interflow_transport::{CouplingConfig, discrete_cost};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut draw = Stream::new(0, Purpose::Coupling).at(0);
//! let [x0, x1] = [(); 2].map(|()| draw.normal(&[256, 2], Kind::Double));
//! let cost = |x0: &Tensor, x1: &Tensor| (x0 - x1).square().sum(Kind::Double).double_value(&[]) / 256.0;
//! let (apart, least) = (cost(&x0, &x1), discrete_cost(&x0, &x1)?);
//! let coupling = CouplingConfig::Exact { block: None }.build()?;
//! let (x0, x1) = coupling.pair(x0, Points::from(x1), &mut draw)?;
//! assert!((cost(&x0, &x1.x) - least).abs() < 1e-9 && least < apart);
//! # Ok(())
//! # }
//! ```
//!
//! **Learning the interpolant** while the velocity is trained ([`LearnablePath`], [`PathAscent`], which is an
//! [`interflow_train::Companion`]).
//!
//! **Reflow**, which trains a new flow on the pairs of an earlier one ([`PairedFlow`], [`Pairs`]).
//!
//! [`Trajectories`], [`discrete_cost`] and [`gaussian_path_cost`] measure the result. Pairing and measuring use the
//! exact assignment:
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

mod ascent;
mod assignment;
mod config;
mod costs;
mod error;
mod fourier;
mod learnable;
mod minibatch;
mod network_correction;
mod pairs;
mod path_config;
mod reference;
mod saved_path;
mod shared;
mod sinkhorn;
mod trajectory;

pub use ascent::PathAscent;
pub use assignment::assign;
pub use config::CouplingConfig;
pub use costs::Costs;
pub use error::{Error, Result};
pub use learnable::{LearnablePath, PathFamily};
pub use minibatch::{Minibatch, Pairing};
pub use pairs::{PairedFlow, Pairs};
pub use path_config::PathConfig;
pub use reference::{discrete_cost, gaussian_path_cost};
pub use saved_path::{restore_path, saved_path};
pub use sinkhorn::{Plan, Sinkhorn, SinkhornStop};
pub use trajectory::Trajectories;
