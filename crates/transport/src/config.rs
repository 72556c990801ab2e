//! Couplings as written in a config.

use std::path::PathBuf;

use interflow_core::coupling::{Coupling, Independent, Mirror};
use interflow_train::MOST_POINTS;
use serde::{Deserialize, Serialize};

use crate::error::{Result, check_range};
use crate::minibatch::{Minibatch, Pairing};
use crate::sinkhorn::Sinkhorn;

/// The coupling, that is how base points are paired with target points, as written in a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CouplingConfig {
    /// Base and target points are independent ([`Independent`]).
    Independent {},
    /// Each point is paired with itself ([`Mirror`]); base and target have to be the same law.
    Mirror {},
    /// Batches are paired one to one at the least squared distance ([`Pairing::Exact`]).
    Exact {
        /// How many rows are paired at a time; without it, the whole batch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<i64>,
    },
    /// Batches are paired by draws from Sinkhorn's entropic plan ([`Pairing::Sinkhorn`]).
    Sinkhorn {
        /// The strength of the entropy, in units of squared distance.
        reg: f64,
        /// The largest number of iterations, 1000 by default. A batch that needs more is an error.
        #[serde(default = "default_max_iterations")]
        max_iterations: u32,
        /// The error of the plan's marginals at which the iterations end; 0.01 by default.
        #[serde(default = "default_tolerance")]
        tolerance: f64,
        /// How many rows are paired at a time; without it, the whole batch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<i64>,
    },
    /// Pairs `(x0, X_1(x0))` of a flow that was trained before (reflow).
    Reflow {
        /// The checkpoint or run folder of that flow.
        from: PathBuf,
        /// How many pairs are made; 100 000 by default.
        #[serde(default = "default_n_pairs")]
        n_pairs: i64,
    },
}

fn default_max_iterations() -> u32 {
    1000
}

fn default_tolerance() -> f64 {
    1e-2
}

fn default_n_pairs() -> i64 {
    100_000
}

impl CouplingConfig {
    /// The coupling itself. For reflow it is the independent one, because its pairs come as they are from a file.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a number that makes no sense.
    pub fn build(&self) -> Result<Box<dyn Coupling>> {
        let minibatch = |pairing, block: Option<i64>| -> Result<Box<dyn Coupling>> {
            let size = block.unwrap_or(1);
            check_range("block", "positive", size as f64, size > 0)?;
            Ok(Box::new(Minibatch { pairing, block }))
        };
        match *self {
            Self::Independent {} => Ok(Box::new(Independent)),
            Self::Mirror {} => Ok(Box::new(Mirror)),
            Self::Exact { block } => minibatch(Pairing::Exact, block),
            Self::Sinkhorn { reg, max_iterations, tolerance, block } => {
                let sinkhorn = Sinkhorn { reg, max_iterations, tolerance };
                sinkhorn.check()?;
                minibatch(Pairing::Sinkhorn(sinkhorn), block)
            }
            Self::Reflow { n_pairs, .. } => {
                let allowed = (10..=MOST_POINTS).contains(&n_pairs);
                check_range("n_pairs", "at least 10 and at most 10¹²", n_pairs as f64, allowed)?;
                Ok(Box::new(Independent))
            }
        }
    }
}
