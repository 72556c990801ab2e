//! The commands.

mod density;
mod fit;
mod run;
mod score;
mod use_flow;

pub(crate) use density::density;
pub(crate) use fit::fit;
pub(crate) use run::{experiment, train};
pub(crate) use score::score;
pub(crate) use use_flow::{encode, evaluate, inspect, log_prob, sample};
