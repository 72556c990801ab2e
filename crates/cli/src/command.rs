//! The commands.

mod completions;
mod density;
mod encode;
mod evaluate;
mod export;
mod fid;
mod fit;
mod impute;
mod inspect;
mod log_prob;
mod man;
mod open;
mod run;
mod runs;
mod sample;
mod score;
mod weigh;

pub(crate) use completions::completions;
pub(crate) use density::density;
pub(crate) use encode::encode;
pub(crate) use evaluate::evaluate;
pub(crate) use export::export;
pub(crate) use fid::fid;
pub(crate) use fit::fit;
pub(crate) use impute::impute;
pub(crate) use inspect::inspect;
pub(crate) use log_prob::log_prob;
pub(crate) use man::man;
pub(crate) use run::{experiment, train};
pub(crate) use runs::runs;
pub(crate) use sample::sample;
pub(crate) use score::score;
pub(crate) use weigh::weigh;
