//! Samples beside data, in both directions of a flow.

use interflow_core::Points;
use interflow_core::rng::{Purpose, Stream};
use interflow_metrics::energy_distance_test;
use serde_json::{Value, json};
use tch::Tensor;

use super::values::Results;
use crate::base::Base;
use crate::engine::Engine;
use crate::error::Result;
use crate::target::Target;

/// Permutations of a two-sample test: the smallest p-value it can report is 1/500.
const N_PERMUTATIONS: usize = 499;

/// Tests whether carried base points are like the target's, and the other way round, by up to `n` points a side.
pub(super) fn evaluate(
    engine: &Engine,
    n: i64,
    (base, target): (&Base, &Target),
    results: &mut Results,
) -> Result<()> {
    let (seed, kind) = (engine.seed(), engine.manifest().precision.kind());
    let (x0, other_x0) = halves(&Points::from(base.test(2 * n, seed, kind)));
    let (x1, other_x1) = halves(&target.test(2 * n, seed, kind));
    let task = engine.work().quietly();
    let forward = engine.carry(&with_conditions_of(&x1, x0.x), 0.0, 1.0, &task)?;
    let backward = engine.carry(&x1, 1.0, 0.0, &task)?;
    let nfe = forward.nfe.max(backward.nfe);
    let tests = [("two_sample_forward", forward, other_x1), ("two_sample_backward", backward, other_x0)];
    let stream = Stream::new(seed, Purpose::Resample);
    for (index, (name, carried, data)) in tests.into_iter().enumerate() {
        let draw = &mut stream.at(index as u64);
        let test = energy_distance_test(&carried.rows, &data.x, N_PERMUTATIONS, draw)?;
        let n = carried.rows.size()[0];
        let test = json!({ "energy_distance": test.statistic, "p_value": test.p_value, "n": n });
        results.insert(name.into(), test);
    }
    results.entry("test_nll").or_insert(Value::Null);
    results.entry("nfe").or_insert(json!(nfe));
    Ok(())
}

/// Two disjoint halves of points: one is carried, the other compared with.
fn halves(points: &Points) -> (Points, Points) {
    let half = points.len() / 2;
    (points.narrow(0, half), points.narrow(half, half))
}

/// The states `x` with the conditions of `points`, as many as both have where there are conditions.
fn with_conditions_of(points: &Points, x: Tensor) -> Points {
    if points.given.is_nothing() {
        return x.into();
    }
    let n = points.len().min(x.size()[0]);
    Points { x: x.narrow(0, 0, n), given: points.given.narrow(0, n) }
}
