//! What is measured on flows whose laws are known in closed form.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod affine;
mod ensemble;
mod images;
mod likelihood;
mod precondition;
mod samples;

use interflow_core::rng::Stream;
use interflow_core::{GivenSpace, Space};
use interflow_flow::config::EvaluationConfig;
use interflow_flow::evaluation::Results;
use serde_json::Value;

/// Settings that measure `n` points a batch of 128 at a time.
fn config(n: i64) -> EvaluationConfig {
    EvaluationConfig { n_test: n, batch: 128, n_two_sample: n, ..EvaluationConfig::default() }
}

/// The stream of a test's own draws.
fn stream(name: &str) -> Stream {
    Stream::named(3, name)
}

fn space(dim: i64, given: GivenSpace) -> Space {
    Space { dim, given }
}

fn keys(results: &Results) -> Vec<&str> {
    results.keys().map(String::as_str).collect()
}

/// An estimate's mean and standard error.
fn mean_of(results: &Results, key: &str) -> (f64, f64) {
    let number =
        |part: &str| results[key][part].as_f64().unwrap_or_else(|| panic!("{key}: {:?}", results[key]));
    (number("mean"), number("standard_error"))
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"))
}
