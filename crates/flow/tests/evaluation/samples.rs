//! Two-sample tests of flows between data sets.

use interflow_core::GivenSpace;
use interflow_data::{Rows, TableDataset};
use interflow_flow::evaluation::{Results, evaluate};
use interflow_flow::manifest::{BaseManifest, TargetManifest};
use interflow_flow::{Base, Target};
use serde_json::Value;
use tch::Kind;

use crate::affine::Affine;
use crate::{config, keys, number, space, stream};

/// A base of 600 test rows from N(0, I).
fn normal_rows(dim: i64) -> Base {
    let rows = |index| stream("base").at(index).normal(&[600, dim], Kind::Double);
    let dataset = TableDataset::new(Rows::new(rows(0)).unwrap(), Rows::new(rows(1)).unwrap(), rows(2).into());
    Base::of_data(Box::new(dataset.unwrap())).unwrap()
}

/// The results between data sets, the target's of `n_test` rows, by a flow whose mean is off by `error`.
fn measured(given: GivenSpace, n_test: i64, error: f64) -> Results {
    let mut affine = Affine::new(space(3, given));
    let target = Target::Data(Box::new(affine.table(50, n_test)));
    affine.shift += error;
    let engine = affine.engine(BaseManifest::Data { columns: None }, TargetManifest::default());
    evaluate(&engine, &config(250), &normal_rows(3), &target).unwrap()
}

fn p_values(results: &Results) -> [f64; 2] {
    ["two_sample_forward", "two_sample_backward"].map(|key| number(&results[key], "p_value"))
}

#[test]
fn an_exact_flow_passes_in_both_directions() {
    let results = measured(GivenSpace::Nothing {}, 600, 0.0);
    assert_eq!(keys(&results), ["two_sample_forward", "two_sample_backward", "test_nll", "nfe"]);
    assert_eq!(results["test_nll"], Value::Null);
    assert_eq!(results["two_sample_forward"]["n"], 250);
    assert!(p_values(&results).iter().all(|p| *p > 0.02), "{results:?}");
}

#[test]
fn a_shifted_flow_fails_in_both_directions() {
    let results = measured(GivenSpace::Nothing {}, 600, 1.0);
    assert!(p_values(&results).iter().all(|p| (p - 0.002).abs() < 1e-12), "{results:?}");
}

#[test]
fn base_points_are_carried_given_the_targets_conditions() {
    let results = measured(GivenSpace::Numbers { n: 2 }, 300, 0.0);
    assert_eq!(results["two_sample_forward"]["n"], 150);
    assert!(p_values(&results).iter().all(|p| *p > 0.02), "{results:?}");
}
