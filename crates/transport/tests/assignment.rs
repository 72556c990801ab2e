//! Exact assignment: the best of all permutations, optimal duals aside, and never dearer than Sinkhorn's plan.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Kind, Tensor};
use interflow_transport::{Costs, Error, Sinkhorn, SinkhornStop, assign, discrete_cost};
use proptest::prelude::*;

fn points(n: i64, dim: i64, seed: u64, index: u64) -> Tensor {
    Stream::new(seed, Purpose::Test).at(index).normal(&[n, dim], Kind::Double)
}

fn squared_distances(n: i64, dim: i64, seed: u64) -> Costs {
    Costs::squared_distances(&points(n, dim, seed, 0), &points(n, dim, seed, 1)).unwrap()
}

/// The least mean cost of all permutations.
fn by_force(costs: &Costs, row: usize, taken: &mut Vec<usize>) -> f64 {
    if row == costs.n() {
        return costs.mean_of(taken);
    }
    let mut least = f64::INFINITY;
    for column in 0..costs.n() {
        if !taken.contains(&column) {
            taken.push(column);
            least = least.min(by_force(costs, row + 1, taken));
            taken.pop();
        }
    }
    least
}

fn check_permutation(columns: &[usize]) {
    let mut sorted = columns.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..columns.len()).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_is_the_best_permutation(
        (n, values) in (1usize..=6).prop_flat_map(|n| (Just(n), prop::collection::vec(-5.0f64..5.0, n * n)))
    ) {
        let costs = Costs::new(values, n).unwrap();
        let columns = assign(&costs).unwrap();
        check_permutation(&columns);
        prop_assert!((costs.mean_of(&columns) - by_force(&costs, 0, &mut Vec::new())).abs() < 1e-12);
    }

    #[test]
    fn ties_are_broken_somehow(
        (n, values) in (1usize..=6).prop_flat_map(|n| (Just(n), prop::collection::vec(0u8..3, n * n)))
    ) {
        let costs = Costs::new(values.into_iter().map(f64::from).collect(), n).unwrap();
        let columns = assign(&costs).unwrap();
        check_permutation(&columns);
        prop_assert!((costs.mean_of(&columns) - by_force(&costs, 0, &mut Vec::new())).abs() < 1e-12);
    }
}

#[test]
fn seven_points_agree_with_brute_force() {
    for seed in 0..5 {
        let costs = squared_distances(7, 2, seed);
        let columns = assign(&costs).unwrap();
        assert!((costs.mean_of(&columns) - by_force(&costs, 0, &mut Vec::new())).abs() < 1e-12);
    }
}

#[test]
fn on_a_line_the_order_is_kept() {
    // In one dimension the best pairing sorts both samples, whatever their number.
    let (x0, x1) = (points(400, 1, 3, 0), points(400, 1, 3, 1) * 2.0 + 1.0);
    let sorted = |x: &Tensor| x.sort(0, false).0;
    let expected = (sorted(&x0) - sorted(&x1)).square().mean(Kind::Double).double_value(&[]);
    assert!((discrete_cost(&x0, &x1).unwrap() - expected).abs() < 1e-12);
}

#[test]
fn a_shift_is_found_exactly() {
    let x0 = points(300, 3, 4, 0);
    let order: Vec<i64> =
        Stream::new(0, Purpose::Shuffle).at(0).permutation(300).into_iter().map(i64::from).collect();
    let x1 = (&x0 + Tensor::from_slice(&[1.0, -2.0, 0.5])).index_select(0, &Tensor::from_slice(&order));
    let columns = assign(&Costs::squared_distances(&x0, &x1).unwrap()).unwrap();
    for (row, column) in columns.iter().enumerate() {
        assert_eq!(order[*column], row as i64);
    }
    assert!((discrete_cost(&x0, &x1).unwrap() - 5.25).abs() < 1e-12);
}

#[test]
fn sinkhorn_is_never_cheaper_and_comes_as_near_as_one_likes() {
    let costs = squared_distances(40, 2, 5);
    let exact = costs.mean_of(&assign(&costs).unwrap());
    let mut last = f64::INFINITY;
    for (reg, gap) in [(1.0, 1.0), (0.3, 0.4), (0.1, 0.15), (0.03, 0.05)] {
        let sinkhorn = Sinkhorn { reg, max_iterations: 20_000, tolerance: 1e-5 };
        let plan = sinkhorn.plan(&costs).unwrap().converged().unwrap();
        let cost = plan.cost(&costs);
        assert!(cost > exact - 1e-4 && cost < exact + gap && cost < last, "{cost} at {reg}, exact {exact}");
        last = cost;
    }
}

#[test]
fn both_marginals_of_a_plan_are_uniform() {
    let costs = squared_distances(33, 2, 6);
    let sinkhorn = Sinkhorn { reg: 0.2, max_iterations: 5000, tolerance: 1e-9 };
    let plan = sinkhorn.plan(&costs).unwrap();
    assert_eq!(plan.stop, SinkhornStop::Converged);
    for axis in [0i64, 1] {
        let sums = plan.log_plan.exp().sum_dim_intlist(axis, false, Kind::Double) * 33.0;
        assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-7);
    }
}

#[test]
fn too_few_iterations_are_reported() {
    let costs = squared_distances(30, 2, 7);
    let plan = Sinkhorn { reg: 0.01, max_iterations: 3, tolerance: 1e-6 }.plan(&costs).unwrap();
    assert_eq!((plan.stop, plan.n_iterations), (SinkhornStop::OutOfIterations, 3));
    let message = plan.converged().unwrap_err().to_string();
    assert!(message.contains("did not converge in 3") && message.contains("hint"), "{message}");
}

#[test]
fn costs_that_are_none_are_refused() {
    assert!(matches!(Costs::new(vec![1.0, f64::NAN, 0.0, 2.0], 2), Err(Error::Costs { .. })));
    assert!(matches!(Costs::new(vec![1.0; 3], 2), Err(Error::Mismatch { .. })));
    let far = points(3, 2, 0, 0) * f64::INFINITY;
    assert!(Costs::squared_distances(&far, &points(3, 2, 0, 1)).is_err());
    assert!(Costs::squared_distances(&points(3, 2, 0, 0), &points(4, 2, 0, 1)).is_err());
    assert_eq!(assign(&Costs::new(vec![], 0).unwrap()).unwrap(), [] as [usize; 0]);
    let sinkhorn = Sinkhorn { reg: 0.0, max_iterations: 3, tolerance: 1e-6 };
    assert!(sinkhorn.plan(&Costs::new(vec![1.0], 1).unwrap()).is_err());
}

/// Prints the time of an assignment; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn time() {
    for n in [64, 256, 1024, 4096] {
        let costs = squared_distances(n, 2, 8);
        let start = std::time::Instant::now();
        assign(&costs).unwrap();
        println!("{n}: {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    }
}
