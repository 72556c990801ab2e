//! Couplings keep both marginals, move rows whole and keep the base independent of conditions.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::collections::BTreeMap;

use interflow_core::coupling::Coupling;
use interflow_core::rng::{Draw, Purpose, Stream};
use interflow_core::tch::{Kind, Tensor};
use interflow_core::{Given, Points};
use interflow_transport::{CouplingConfig, Minibatch, Pairing, Sinkhorn};
use proptest::prelude::*;

const SINKHORN: Sinkhorn = Sinkhorn { reg: 0.5, max_iterations: 5000, tolerance: 1e-4 };

fn draw(seed: u64, index: u64) -> Draw {
    Stream::new(seed, Purpose::Test).at(index)
}

fn rows(x: &Tensor) -> Vec<Vec<u64>> {
    let dim = x.size()[1] as usize;
    let values = Vec::<f64>::try_from(x.to_kind(Kind::Double).contiguous().view(-1)).unwrap();
    values.chunks(dim).map(|row| row.iter().map(|value| value.to_bits()).collect()).collect()
}

fn sorted(x: &Tensor) -> Vec<Vec<u64>> {
    let mut rows = rows(x);
    rows.sort_unstable();
    rows
}

fn cost(x0: &Tensor, x1: &Tensor) -> f64 {
    (x0 - x1).square().sum(Kind::Double).double_value(&[]) / x0.size()[0] as f64
}

/// Blocks without rows, points without conditions of their own, and costs that are none; the reason stays told.
#[test]
fn what_cannot_be_paired_is_refused_with_its_cause() {
    use std::error::Error as _;

    let (x0, x1) = (draw(1, 0).normal(&[6, 2], Kind::Double), draw(1, 1).normal(&[6, 2], Kind::Double));
    let refused = |pairing, block, x0: &Tensor, x1: Points| {
        let error = Minibatch { pairing, block }.pair(x0.copy(), x1, &mut draw(1, 2)).unwrap_err();
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        format!("{error}: {cause}")
    };
    let points = || Points::from(x1.copy());
    for block in [0, -1, i64::MIN] {
        let message = refused(Pairing::Exact, Some(block), &x0, points());
        assert!(message.starts_with("cannot pair a batch: block must be positive"), "{message}");
    }
    let message = refused(Pairing::Exact, None, &(&x0 + f64::NAN), points());
    assert_eq!(message, "cannot pair a batch: an assignment needs finite costs, found: NaN");
    let hasty = Sinkhorn { reg: 1e-3, max_iterations: 1, tolerance: 1e-9 };
    let message = refused(Pairing::Sinkhorn(hasty), None, &x0, points());
    assert!(message.contains("did not converge in 1"), "{message}");
    let lonely = Points { x: x1.copy(), given: Given::class(1, 5) };
    let message = refused(Pairing::Exact, Some(4), &x0, lonely);
    assert!(
        message.starts_with("minibatch coupling: expected conditions: one row for each of 6"),
        "{message}"
    );
    let message = refused(Pairing::Exact, None, &x0.narrow(0, 0, 3), points());
    assert!(message.starts_with("minibatch coupling: expected shape [3, 2], found: [6, 2]"), "{message}");
}

#[test]
fn an_empty_batch_is_paired() {
    let none = || draw(1, 0).normal(&[0, 2], Kind::Double);
    for block in [None, Some(4)] {
        let coupling = Minibatch { pairing: Pairing::Exact, block };
        let (x0, x1) = coupling.pair(none(), Points::from(none()), &mut draw(1, 2)).unwrap();
        assert_eq!((x0.size(), x1.x.size()), (vec![0, 2], vec![0, 2]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn exact_pairs_are_the_same_points_nearer(n in 1i64..40, dim in 1i64..4, block in 1i64..50, seed: u64) {
        let (x0, x1) = (draw(seed, 0).normal(&[n, dim], Kind::Double), draw(seed, 1).normal(&[n, dim], Kind::Double));
        let coupling = Minibatch { pairing: Pairing::Exact, block: Some(block) };
        let (y0, y1) = coupling.pair(x0.copy(), Points::from(x1.copy()), &mut draw(seed, 2)).unwrap();
        prop_assert_eq!(sorted(&y0), sorted(&x0));
        prop_assert!(y1.x.equal(&x1));
        prop_assert!(cost(&y0, &y1.x) <= cost(&x0, &x1) + 1e-12);
        // Rows keep to their blocks.
        for first in (0..n).step_by(block as usize) {
            let part = |x: &Tensor| x.narrow(0, first, block.min(n - first));
            prop_assert_eq!(sorted(&part(&y0)), sorted(&part(&x0)));
        }
    }

    #[test]
    fn sinkhorn_draws_rows_of_the_batch(n in 1i64..30, dim in 1i64..4, seed: u64) {
        let (x0, x1) = (draw(seed, 0).normal(&[n, dim], Kind::Double), draw(seed, 1).normal(&[n, dim], Kind::Double));
        let coupling = Minibatch { pairing: Pairing::Sinkhorn(SINKHORN), block: None };
        let (y0, y1) = coupling.pair(x0.copy(), Points::from(x1.copy()), &mut draw(seed, 2)).unwrap();
        let base = rows(&x0);
        prop_assert!(rows(&y0).iter().all(|row| base.contains(row)));
        prop_assert!(y1.x.equal(&x1));
    }
}

#[test]
fn sinkhorn_keeps_the_bases_marginal_in_the_mean() {
    // Drawn over and over, each base row comes once per batch on average: within 5 standard errors of counts whose
    // variance is at most that of a multinomial.
    let (n, n_draws) = (12, 500);
    let (x0, x1) = (draw(1, 0).normal(&[n, 2], Kind::Double), draw(1, 1).normal(&[n, 2], Kind::Double));
    let coupling = Minibatch { pairing: Pairing::Sinkhorn(SINKHORN), block: None };
    let mut counts: BTreeMap<Vec<u64>, f64> = BTreeMap::new();
    for index in 0..n_draws {
        let (y0, _) = coupling.pair(x0.copy(), Points::from(x1.copy()), &mut draw(2, index)).unwrap();
        for row in rows(&y0) {
            *counts.entry(row).or_default() += 1.0;
        }
    }
    assert_eq!(counts.len(), n as usize);
    let tolerance = 5.0 * (n_draws as f64).sqrt();
    assert!(counts.values().all(|count| (count - n_draws as f64).abs() < tolerance), "{counts:?}");
}

/// Base points beside target points that lie near their labels.
fn labelled(n: i64, n_labels: i64) -> (Tensor, Tensor, Tensor) {
    let labels = draw(3, 0).integers(n, n_labels);
    let x1 = labels.to_kind(Kind::Double).unsqueeze(1) * 4.0 + draw(3, 1).normal(&[n, 2], Kind::Double);
    (draw(3, 2).normal(&[n, 2], Kind::Double), x1, labels)
}

#[test]
fn labels_follow_their_samples_and_the_base_does_not_know_them() {
    let (x0, x1, labels) = labelled(300, 3);
    let points = |given: Given| Points { x: x1.copy(), given };
    for pairing in [Pairing::Exact, Pairing::Sinkhorn(SINKHORN)] {
        let coupling = Minibatch { pairing, block: None };
        let given = Given::Class(labels.copy());
        let (y0, y1) = coupling.pair(x0.copy(), points(given), &mut draw(4, 0)).unwrap();
        // Every target point is whole and in its place, with its label.
        assert!(y1.x.equal(&x1) && y1.given.tensor().unwrap().equal(&labels));
        for label in 0..3 {
            let index = labels.eq(label).nonzero().squeeze_dim(1);
            let (before, after) = (x0.index_select(0, &index), y0.index_select(0, &index));
            // The same base points as before the pairing, which knew nothing of labels.
            let known = rows(&before);
            assert!(rows(&after).iter().all(|row| known.contains(row)), "{pairing:?}, label {label}");
            if pairing == Pairing::Exact {
                assert_eq!(sorted(&before), sorted(&after));
            }
            let x1 = x1.index_select(0, &index);
            assert!(cost(&after, &x1) < cost(&before, &x1));
        }
        // A label by its number is the same condition.
        let numbers = Given::Numbers(labels.to_kind(Kind::Double).unsqueeze(1));
        let (z0, _) = coupling.pair(x0.copy(), points(numbers), &mut draw(4, 0)).unwrap();
        assert!(z0.equal(&y0));
    }
    // Were labels ignored, base points on the left would go with the labels on the left.
    let blind = Minibatch { pairing: Pairing::Exact, block: None };
    let (y0, _) = blind.pair(x0, points(Given::Nothing), &mut draw(4, 0)).unwrap();
    let mean = |label: i64| {
        let index = labels.eq(label).nonzero().squeeze_dim(1);
        y0.index_select(0, &index).select(1, 0).mean(Kind::Double).double_value(&[])
    };
    assert!(mean(2) - mean(0) > 0.5);
}

#[test]
fn conditions_that_all_differ_leave_a_batch_as_it_is() {
    let [x0, x1] = [0, 1].map(|index| draw(5, index).normal(&[20, 3], Kind::Float));
    let numbers = draw(5, 3).normal(&[20, 1], Kind::Float);
    let coupling = CouplingConfig::Exact { block: None }.build().unwrap();
    let points = Points { x: x1.copy(), given: Given::Numbers(numbers.copy()) };
    let (y0, y1) = coupling.pair(x0.copy(), points, &mut draw(5, 2)).unwrap();
    assert!(y0.equal(&x0) && y1.x.equal(&x1) && y1.given.tensor().unwrap().equal(&numbers));
}

#[test]
fn configs_are_checked() {
    let read = |text: &str| serde_json::from_str::<CouplingConfig>(text);
    assert_eq!(read(r#"{"kind": "exact"}"#).unwrap(), CouplingConfig::Exact { block: None });
    let sinkhorn = read(r#"{"kind": "sinkhorn", "reg": 0.1, "max_iterations": 7}"#).unwrap();
    assert!(
        matches!(sinkhorn, CouplingConfig::Sinkhorn { max_iterations: 7, .. }) && sinkhorn.build().is_ok()
    );
    assert!(read(r#"{"kind": "exact", "blok": 3}"#).is_err());
    assert!(read(r#"{"kind": "independent", "block": 3}"#).is_err());
    for bad in [r#"{"kind": "exact", "block": 0}"#, r#"{"kind": "sinkhorn", "reg": -1.0}"#] {
        assert!(read(bad).unwrap().build().is_err(), "{bad}");
    }
}
