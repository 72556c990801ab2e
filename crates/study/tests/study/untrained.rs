//! Experiments that train no flow of their own.

use interflow_study::{ConfigText, untrained};
use serde_json::Value;

use crate::support::{Bench, TINY, check_folder};

const EXACT: &str = r#"
name = "exact"
seed = 1
threads = 1

[interpolant]
kind = "trigonometric"

[study]
kind = "gmm-exact"
dims = [2]
n = 500
n_two_sample = 100
epsilons = [0.0, 1.0]
diffusion = "regular"
nfe = 40
times = [0.5]
n_density = 4
n_order = 20
"#;

const COST: &str = r#"
name = "cost"
seed = 0
threads = 1

[target]
kind = "two-moons"

[interpolant]
kind = "trigonometric"

[model]
kind = "mlp"
hidden = [8]

[train]
batch = 16

[likelihood]
sensitivity = "adjoint"

[likelihood.solver]
method = "dopri5"
rtol = 1e-2
atol = 1e-2

[study]
kind = "cost"
interpolant_marks = [1, 5]
likelihood_marks = [1, 2]
n_test = 20
n_interpolant = 2
n_likelihood = 1
"#;

#[test]
fn exact_fields_are_sampled_without_training() {
    let bench = Bench::of(EXACT);
    let found = bench.finish();
    let results = &found.results;
    assert_eq!((&results["n_samplers"], &results["laws_agree"]), (&14.into(), &true.into()), "{results:?}");
    assert!(results["worst_log_density_error"].as_f64().unwrap() < 1e-8);
    for (scheme, least) in [("EulerMaruyama", 0.7), ("Heun", 0.7), ("Shark", 1.3)] {
        let order = results["orders"][format!("{scheme} strong")].as_f64().unwrap();
        assert!(order > least, "{scheme}: {order}");
    }
    let words = ["Laws at t = 1", "2 to 3, D = 2"];
    check_folder(found.folder.path(), &["samples.png", "orders.png"], &words);
}

#[test]
fn an_exact_study_is_read_strictly() {
    let message = Bench::of(EXACT).edit("n_order", "n_ordre").refusal();
    assert!(message.contains("did you mean `n_order`?"), "{message}");
    assert!(Bench::of(EXACT).edit("dims = [2]", "dims = [1]").refusal().contains("dims"));
    assert!(Bench::of(EXACT).edit("times = [0.5]", "times = [2.0]").refusal().contains("found: 2"));
}

#[test]
fn both_trainings_are_timed_and_tested() {
    let bench = Bench::of(COST);
    let found = bench.finish();
    for when in ["start", "late"] {
        for key in ["interpolant_ms", "direct_ms", "adjoint_ms", "ratio_direct", "ratio_adjoint"] {
            assert!(found.results[when][key].as_f64().unwrap() > 0.0, "{when} {key}");
        }
    }
    for (curve, steps) in [("interpolant", [1, 5]), ("likelihood", [1, 2])] {
        let marks = found.results[curve].as_array().unwrap();
        let found: Vec<&Value> = marks.iter().map(|mark| &mark["step"]).collect();
        assert_eq!(found, steps, "{curve}");
        assert!(marks.iter().all(|mark| mark["test_nll"].is_f64()), "{curve}");
    }
    check_folder(found.folder.path(), &["nll.png"], &["Milliseconds per training iteration"]);
    let falling = Bench::of(COST).edit("[1, 5]", "[5, 1]").refusal();
    assert!(falling.contains("interpolant_marks"), "{falling}");
}

#[test]
fn configs_without_a_flow_to_train_are_told_apart() {
    let is_untrained =
        |text: &str| untrained::is_untrained(&ConfigText { text, place: "a test", overrides: &[] });
    assert!(is_untrained(EXACT) && is_untrained(COST) && !is_untrained(TINY));
}
