//! Which coupling, as written in a config.

use std::path::PathBuf;

use interflow_core::coupling::{Coupling, Independent, Mirror};
use interflow_train::MOST_POINTS;
use serde::{Deserialize, Serialize};

use crate::error::{Result, check_range};
use crate::minibatch::{Minibatch, Pairing};
use crate::sinkhorn::Sinkhorn;

/// How end points are paired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CouplingConfig {
    /// [`Independent`].
    Independent {},
    /// [`Mirror`]: both ends have to be of one law.
    Mirror {},
    /// [`Pairing::Exact`].
    Exact {
        /// The rows that are paired at a time; the whole batch without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<i64>,
    },
    /// [`Pairing::Sinkhorn`].
    Sinkhorn {
        /// The strength of the entropy, in units of squared distance.
        reg: f64,
        /// The most iterations; a batch that needs more is an error.
        #[serde(default = "default_max_iterations")]
        max_iterations: u32,
        /// The error of the plan's marginals at which the iterations end.
        #[serde(default = "default_tolerance")]
        tolerance: f64,
        /// The rows that are paired at a time; the whole batch without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<i64>,
    },
    /// Reflow: the pairs of a flow that was trained before.
    Reflow {
        /// Its checkpoint, or run folder.
        from: PathBuf,
        /// How many pairs are made.
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
    /// The working coupling. The pairs of a reflow come paired: what is left to do is nothing.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`].
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
