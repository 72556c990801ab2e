//! How probable it is that a row has holes where it has them.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};

use super::Flow;
use crate::error::{Error, Result, refuse};
use crate::sample::SampleOptions;

/// Samples of which those with the same holes are counted.
const N_COUNTED: u64 = 20_000;

/// The probabilities that rows have their holes (missing values) exactly where they have them.
#[derive(Debug)]
pub struct HoleProbability {
    /// The logarithms of the probabilities, `[N]` in nats.
    pub log_probability: Tensor,
    /// The standard errors of these logarithms, `[N]`.
    pub standard_error: Tensor,
    /// The NFE of the samples that were counted: the largest number of network calls that any batch took.
    pub nfe: u64,
}

impl HoleProbability {
    /// What is left of the log-densities of the rows `[N, D]`, `[N]`, given where their holes are: those of what each
    /// row holds, and 0 where that is nothing.
    pub fn given_holes(&self, log_density: &Tensor, rows: &Tensor) -> Tensor {
        let nothing = rows.isnan().all_dim(1, false).to_device(Device::Cpu);
        (log_density - &self.log_probability).masked_fill(&nothing, 0.0)
    }
}

impl Flow {
    /// The log-probability that a row has its holes exactly where the rows `[N, D]` of the state's columns have
    /// theirs (NaN). It is estimated by counting 20 000 samples. [`Flow::log_density`] at time 1 is the joint
    /// log-density of a row's values and of the places of its holes; minus this, it is the log-density of the values
    /// given the places of the holes ([`HoleProbability::given_holes`]).
    ///
    /// # Errors
    /// [`Error::Refused`] for a flow that is not of a table, or that is given columns, on which the holes may depend;
    /// if the solver fails or the work is cancelled.
    pub fn log_probability_of_holes(&self, rows: &Tensor, seed: u64) -> Result<HoleProbability> {
        let Some(columns) = self.columns() else {
            return refuse("the flow is not one of a table, whose rows have holes");
        };
        if columns.given().next().is_some() {
            return refuse("where a flow is given columns, the probability of holes depends on these");
        }
        let dim = self.space().dim;
        let n = match rows.size()[..] {
            [n, found] if found == dim => n,
            ref size => return refuse(format!("expected rows of {dim} columns, found: {size:?}")),
        };
        if !columns.states().any(|column| column.marginal.may_miss()) {
            let zeros = || Tensor::zeros([n], (Kind::Double, Device::Cpu));
            return Ok(HoleProbability { log_probability: zeros(), standard_error: zeros(), nfe: 0 });
        }
        let samples = self.sample_with(N_COUNTED, &SampleOptions::default().seed(seed))?;
        let mut counts = HashMap::<Vec<bool>, u32>::new();
        for pattern in patterns(&samples.points.x)? {
            *counts.entry(pattern).or_default() += 1;
        }
        // Half a sample more with these holes and with others: none are impossible.
        let probability = |pattern| {
            let count = counts.get(&pattern).copied().unwrap_or(0);
            (f64::from(count) + 0.5) / (N_COUNTED as f64 + 1.0)
        };
        let found: Vec<f64> = patterns(rows)?.into_iter().map(probability).collect();
        let found = Tensor::from_slice(&found);
        let standard_error = ((found.neg() + 1.0) / (&found * N_COUNTED as f64)).sqrt();
        Ok(HoleProbability { log_probability: found.log(), standard_error, nfe: samples.nfe })
    }
}

/// Which values of each row of `x`, `[N, D]`, are missing.
fn patterns(x: &Tensor) -> Result<Vec<Vec<bool>>> {
    let mask = x.isnan().to_device(Device::Cpu).contiguous().view(-1);
    let mask =
        Vec::<bool>::try_from(mask).map_err(|source| Error::Torch { operation: "read holes", source })?;
    Ok(mask.chunks((x.size()[1] as usize).max(1)).map(<[bool]>::to_vec).collect())
}
