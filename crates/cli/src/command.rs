//! The commands.

mod run;
mod use_flow;

pub(crate) use run::{experiment, train};
pub(crate) use use_flow::{encode, evaluate, inspect, log_prob, sample};
