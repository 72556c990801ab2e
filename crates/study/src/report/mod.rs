//! The figures and the report of a run.

mod curves;
mod flow;
mod quality;
mod table;
mod text;

pub use self::curves::{draw_costs, draw_losses};
pub(crate) use self::flow::trajectories;
pub use self::flow::{draw_flow, grid};
pub use self::quality::quality;
pub use self::table::draw_table;
pub use self::text::{rows, write};
