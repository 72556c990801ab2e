//! The likelihood of a run beside those that it is held against.

use interflow_flow::ExperimentConfig;
use interflow_flow::evaluation::Results;

use super::rows::readable;
use crate::document::Block;

/// What likelihoods a result may have: the key and what it is of.
const LIKELIHOODS: [(&str, &str); 3] = [
    ("test_nll", "this flow"),
    ("true_nll", "the true density, on the same points"),
    ("gaussian_nll", "a Gaussian fitted to the training rows, on the same points"),
];

/// The same of images.
const BITS: [(&str, &str); 2] = [
    ("bits_per_dim", "this flow"),
    ("gaussian_bits_per_dim", "a Gaussian fitted to the training images, on the same images"),
];

/// The section of likelihoods, each beside its source; nothing where none was measured.
pub(super) fn section(config: &ExperimentConfig, results: &Results) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut nll = measured(results, &LIKELIHOODS);
    if !nll.is_empty() {
        let published = config.evaluation.reference_nll.iter();
        nll.extend(published.map(|(name, nll)| vec![name.clone(), nll.to_string(), "published".to_owned()]));
        blocks.push(Block::table(&["model", "test NLL (nats)", ""], &nll));
    }
    let bits = measured(results, &BITS);
    if !bits.is_empty() {
        blocks.push(Block::table(&["model", "test bits/dim", ""], &bits));
    }
    if !blocks.is_empty() {
        blocks.insert(0, Block::heading("Likelihood"));
    }
    blocks
}

fn measured(results: &Results, kinds: &[(&str, &str)]) -> Vec<Vec<String>> {
    let there = |(key, what): &(&str, &str)| {
        let value = results.get(*key).filter(|value| !value.is_null())?;
        Some(vec![(*what).to_owned(), readable(value), "measured here".to_owned()])
    };
    kinds.iter().filter_map(there).collect()
}

#[cfg(test)]
mod tests {
    use interflow_core::target::DensityConfig;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_measured_stands_beside_what_was_published() {
        let mut config = ExperimentConfig::synthetic("moons", DensityConfig::TwoMoons {});
        config.evaluation.reference_nll.insert("theirs".to_owned(), 2.5);
        assert_eq!(section(&config, &Results::new()), []);
        let results =
            Results::from_iter([("test_nll".to_owned(), json!({ "mean": 2.0, "standard_error": 0.1 }))]);
        let cells = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows =
            [cells(["this flow", "2.0000 ± 0.1000", "measured here"]), cells(["theirs", "2.5", "published"])];
        let expected = [Block::heading("Likelihood"), Block::table(&["model", "test NLL (nats)", ""], &rows)];
        assert_eq!(section(&config, &results), expected);
    }
}
