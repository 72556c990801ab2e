//! The figures and the report of a run.

mod about;
mod compared;
mod curves;
mod flow;
mod meaning;
mod quality;
mod rows;
mod running;
mod table;
mod write;

pub use self::curves::{draw_costs, draw_losses};
pub(crate) use self::flow::trajectories;
pub use self::flow::{draw_flow, grid};
pub use self::quality::quality;
pub use self::rows::rows;
pub(crate) use self::running::{RunningReport, unfinished};
pub use self::table::draw_table;
pub use self::write::{conclude, write};
