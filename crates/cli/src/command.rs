//! The commands.

mod fit;
mod run;
mod use_flow;

pub(crate) use fit::fit;
pub(crate) use run::{experiment, train};
pub(crate) use use_flow::{encode, evaluate, inspect, log_prob, sample};
