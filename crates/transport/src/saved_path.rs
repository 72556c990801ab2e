//! How the state of a learned path is kept in a checkpoint: as named tensors beside those of the network.

use interflow_core::Parameters;
use interflow_train::{Optimizer, OptimizerState};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result, torch};
use crate::learnable::LearnablePath;

const PROGRESS: &str = "progress";
const WEIGHTS: &str = "path/";
const AVERAGE: &str = "path_average/";
const MEANS: &str = "path_optimizer/exp_avg/";
const SQUARES: &str = "path_optimizer/exp_avg_sq/";

/// Tensors by name.
pub(crate) type Named = Vec<(String, Tensor)>;

/// How far the search for a path has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) n_steps: u64,
    pub(crate) n_worse: u32,
    pub(crate) least_cost: Option<f64>,
    pub(crate) at_rest: bool,
}

/// A search's state as read from a checkpoint.
pub(crate) struct SavedSearch {
    pub(crate) progress: Progress,
    pub(crate) weights: Named,
    pub(crate) average: Named,
    pub(crate) optimizer: OptimizerState,
}

impl SavedSearch {
    /// The search in a checkpoint's companion state.
    pub(crate) fn of(state: &[(String, Tensor)]) -> Result<Self> {
        let optimizer =
            OptimizerState { exp_avg: with_prefix(state, MEANS), exp_avg_sq: with_prefix(state, SQUARES) };
        Ok(Self {
            progress: progress(state)?,
            weights: with_prefix(state, WEIGHTS),
            average: with_prefix(state, AVERAGE),
            optimizer,
        })
    }
}

/// The companion state of a search.
pub(crate) fn state(
    progress: Progress,
    path: &LearnablePath,
    average: &[(String, Tensor)],
    optimizer: &Optimizer,
) -> Named {
    let Progress { n_steps, n_worse, least_cost, at_rest } = progress;
    let flags =
        [n_steps as f64, f64::from(n_worse), least_cost.unwrap_or(f64::NAN), f64::from(u8::from(at_rest))];
    let mut state = vec![(PROGRESS.to_owned(), Tensor::from_slice(&flags))];
    let OptimizerState { exp_avg, exp_avg_sq } = optimizer.state();
    let average = average.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    let weights = path.parameters().detached_copy();
    for (prefix, tensors) in [(WEIGHTS, weights), (AVERAGE, average), (MEANS, exp_avg), (SQUARES, exp_avg_sq)]
    {
        state.extend(prefixed(prefix, tensors));
    }
    state
}

/// The state of a path as a checkpoint keeps it, for [`restore_path`] to read. Its present parameters count as the
/// average.
pub fn saved_path(path: &LearnablePath) -> Vec<(String, Tensor)> {
    prefixed(AVERAGE, path.parameters().detached_copy()).collect()
}

/// Sets the `parameters` of a path to the averages in the state that a checkpoint keeps: with these the path is used.
///
/// # Errors
/// If the state holds no such path.
pub fn restore_path(parameters: &mut Parameters, state: &[(String, Tensor)]) -> Result<()> {
    Ok(parameters.assign(&with_prefix(state, AVERAGE))?)
}

fn prefixed(prefix: &str, tensors: Named) -> impl Iterator<Item = (String, Tensor)> {
    tensors.into_iter().map(move |(name, tensor)| (format!("{prefix}{name}"), tensor))
}

/// The entries under a prefix, on the CPU, less the prefix.
fn with_prefix(state: &[(String, Tensor)], prefix: &str) -> Named {
    let strip = |(name, tensor): &(String, Tensor)| {
        name.strip_prefix(prefix).map(|rest| (rest.to_owned(), tensor.to_device(Device::Cpu)))
    };
    state.iter().filter_map(strip).collect()
}

fn progress(state: &[(String, Tensor)]) -> Result<Progress> {
    let missing = || Error::Mismatch { what: "a saved path", problem: "it has no progress".to_owned() };
    let (_, flags) = state.iter().find(|(name, _)| name == PROGRESS).ok_or_else(missing)?;
    let flags = Vec::<f64>::try_from(flags.to_kind(Kind::Double)).map_err(torch("reading a saved path"))?;
    let [n_steps, n_worse, least_cost, at_rest] = flags[..] else { return Err(missing()) };
    Ok(Progress {
        n_steps: n_steps as u64,
        n_worse: n_worse as u32,
        least_cost: (!least_cost.is_nan()).then_some(least_cost),
        at_rest: at_rest > 0.5,
    })
}
