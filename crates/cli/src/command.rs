//! The commands.

mod density;
mod fid;
mod fit;
mod run;
mod sample_images;
mod score;
mod use_flow;

pub(crate) use density::density;
pub(crate) use fid::fid;
pub(crate) use fit::fit;
pub(crate) use run::{experiment, train};
pub(crate) use score::score;
pub(crate) use use_flow::{encode, evaluate, inspect, log_prob, sample};
