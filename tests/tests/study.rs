//! Studies: an experiment without training, and what is measured on a trained flow, in the same run or later.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use interflow_tests::Playground;
use serde_json::Value;

const EXACT: &str = r#"
name = "tiny"
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

const BUDGET: &str = r#"
[study]
kind = "budget"
budgets = [4, 9]
epsilons = [0.5]
diffusion = "regular"
n = 100
drawn = 4
"#;

const SCORE_ERROR: &str = r#"
[study]
kind = "score-error"
times = [0.0, 0.5, 1.0]
n = 50
"#;

const GAMMA: &str = r#"
[objective]
kind = "velocity-with-denoiser"

[denoiser]
kind = "mlp"
hidden = [16]

[study]
kind = "gamma"
times = [0.0001, 0.5]
n = 50
gradient_batch = 16
n_gradients = 30
epsilons = [1.0]
steps = 6
n_samples = 60
"#;

const MIRROR: &str = r#"
[objective]
kind = "velocity-with-denoiser"

[denoiser]
kind = "mlp"
hidden = [16]

[study]
kind = "mirror"
epsilons = [1.0]
steps = 6
n = 60
times = [0.25, 0.5]
"#;

const STEIN: &str = r#"
[study]
kind = "stein"
times = [0.0, 0.5]
n = 4000
"#;

const POSTERIOR: &str = r#"
[study]
kind = "posterior"
values = [1.0]
std = 0.5
epsilons = [1.0]
steps = 8
n = 60
"#;

fn last_line(stdout: &str) -> Value {
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

fn check_folder(folder: &Path, figures: &[&str], words: &[&str]) {
    for name in figures {
        assert_eq!(&std::fs::read(folder.join("figures").join(name)).unwrap()[1..4], b"PNG");
    }
    let report = std::fs::read_to_string(folder.join("report.md")).unwrap();
    for word in words {
        assert!(report.contains(word), "{word:?} is not in {report}");
    }
    assert!(folder.join("config.toml").is_file() && folder.join("result.json").is_file());
}

fn with_study(playground: &Playground, study: &str) {
    let tiny = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
    playground.write("tiny.toml", &(tiny + study));
}

fn only_run(playground: &Playground, out: &str) -> PathBuf {
    playground.run_folder(out)
}

#[test]
fn exact_fields_are_sampled_without_training() {
    let playground = Playground::new();
    playground.write("exact.toml", EXACT);
    let result = last_line(&playground.succeed("experiment exact.toml"));
    assert_eq!(
        (&result["n_samplers"], &result["laws_agree"]),
        (&Value::from(14), &Value::from(true)),
        "{result}"
    );
    assert!(result["worst_log_density_error"].as_f64().unwrap() < 1e-8);
    for (scheme, least) in [("EulerMaruyama", 0.7), ("Heun", 0.7), ("Shark", 1.3)] {
        assert!(result["orders"][format!("{scheme} strong")].as_f64().unwrap() > least, "{result}");
    }
    check_folder(
        &only_run(&playground, "runs"),
        &["samples.png", "orders.png"],
        &["Laws at t = 1", "2 to 3, D = 2"],
    );
}

#[test]
fn an_exact_study_is_read_strictly() {
    let playground = Playground::new();
    playground.write("exact.toml", &EXACT.replace("n_order = 20", "n_ordre = 20"));
    assert!(playground.fail("experiment exact.toml").contains("did you mean `n_order`"));
    playground.write("exact.toml", &EXACT.replace("dims = [2]", "dims = [1]"));
    assert!(playground.fail("experiment exact.toml").contains("dims"));
    playground.write("exact.toml", EXACT);
    assert!(playground.fail("train exact.toml").contains("nothing to train"));
    assert!(playground.fail("experiment exact.toml --from runs").contains("leave out --from"));
    assert!(playground.fail("experiment exact.toml --resume runs").contains("leave out --resume"));
    assert!(playground.fail("experiment exact.toml --set study.times=[2.0]").contains('2'));
    assert!(!playground.path().join("runs").exists());
}

#[test]
fn a_trained_flow_is_studied_in_its_run_and_later() {
    let playground = Playground::new();
    with_study(&playground, BUDGET);
    let result = last_line(&playground.succeed("experiment tiny.toml --set train.steps=40"));
    assert!(!result["test_nll"].is_null(), "{result}");
    let run = only_run(&playground, "runs");
    let figures = ["flow.png", "loss.png", "budgets.png", "budget_samples.png"];
    check_folder(&run, &figures, &["ShARK, ε = 0.5", "flow, Heun", "fresh data"]);
    let later = playground.succeed(&format!("experiment tiny.toml --out later --from {}", run.display()));
    let later = last_line(&later);
    for budget in ["best_at_4", "best_at_9"] {
        assert!(result[budget]["mass_outside"]["sampler"].is_string(), "{result}");
        let distance = |result: &Value| result[budget]["energy_distance"]["value"].as_f64().unwrap();
        assert!((distance(&result) - distance(&later)).abs() < 1e-4, "{result} {later}");
    }
    check_folder(&only_run(&playground, "later"), &["budgets.png"], &["Samplers by calls"]);
}

#[test]
fn the_learned_score_is_measured_up_to_the_end() {
    let playground = Playground::new();
    with_study(&playground, SCORE_ERROR);
    let result = last_line(&playground.succeed("experiment tiny.toml --set train.steps=40"));
    let errors = result["score_error"].as_array().unwrap();
    let error = |i: usize| errors[i]["score"].as_f64().unwrap();
    // At t = 0 the score is that of the base, whatever was learned; at the end it is the worst, and finite.
    assert!(error(0) < 1e-6 && error(1) < error(2) && error(2).is_finite(), "{result}");
    assert!(result["score_regular_until"].as_f64().unwrap() < 1.0);
}

#[test]
fn a_study_that_does_not_fit_is_refused() {
    let playground = Playground::new();
    playground.edit("eight-gaussians", "rings");
    with_study(&playground, SCORE_ERROR);
    assert!(playground.fail("experiment tiny.toml").contains("eight-gaussians"));
    assert!(!playground.path().join("runs").exists(), "it was trained first");
    let message = Playground::new().fail("experiment tiny.toml --from nowhere");
    assert!(message.contains("[study]"), "{message}");
}

fn with_latent_and(playground: &Playground, study: &str) {
    let gamma = "kind = \"linear\"\ngamma = { kind = \"brownian\", strength = 1.0 }";
    playground.edit("kind = \"trigonometric\"", gamma);
    with_study(playground, study);
}

/// Pairs of latents calm the gradient where γ̇ is singular, whatever has been learned.
#[test]
fn a_denoiser_is_studied_beside_the_velocity() {
    let playground = Playground::new();
    with_latent_and(&playground, GAMMA);
    let result = last_line(&playground.succeed("experiment tiny.toml --set train.steps=60"));
    let early = &result["gradient_variance_by_time"][0]["variance"];
    let variance = |latents: &str| early[latents].as_f64().unwrap();
    assert!(variance("single") > 20.0 * variance("pairs"), "{result}");
    let distances = &result["denoiser_distances"][1];
    for which in ["learned", "of_velocity", "apart"] {
        let distance = distances[which].as_f64().unwrap();
        assert!(distance > 0.0 && distance < 2.0, "{which}: {result}");
    }
    assert_eq!(result["samples"].as_array().unwrap().len(), 2);
    let figures = ["denoisers.png", "gradient_noise.png", "noisy_samples.png"];
    check_folder(&only_run(&playground, "runs"), &figures, &["Variance of the loss's gradient"]);
}

/// A mirror's velocity is odd about t = ½: even a hardly trained flow, which follows its own field, ends near its
/// start, and noise leads away.
#[test]
fn data_are_led_to_themselves() {
    let playground = Playground::new();
    let ends = "kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }";
    playground.edit("kind = \"standard-normal\"", ends);
    let tiny = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
    let tiny = tiny.replace("kind = \"independent\"", "kind = \"mirror\"");
    let gamma = "kind = \"linear\"\ngamma = { kind = \"brownian\", strength = 1.0 }";
    playground.write("tiny.toml", &(tiny.replace("kind = \"trigonometric\"", gamma) + MIRROR));
    let result = last_line(&playground.succeed("experiment tiny.toml --set train.steps=300"));
    let returns = result["returns"].as_array().unwrap();
    let distance = |i: usize| returns[i]["distance"].as_f64().unwrap();
    assert!(distance(0) < 0.5 * distance(1), "{result}");
    check_folder(
        &only_run(&playground, "runs"),
        &["from_one_point.png", "noisy_samples.png"],
        &["The velocity is γ̇ η"],
    );
    let apart = playground.fail("train tiny.toml --set base.density.kind=rings");
    assert!(apart.contains("same"), "{apart}");
}

/// At t = 0 the score is that of N(0, I), whatever was learned: E|s|² = D, and all integrals are right.
#[test]
fn integrals_of_the_score_are_known_at_the_base() {
    let playground = Playground::new();
    with_study(&playground, STEIN);
    let result = last_line(&playground.succeed("experiment tiny.toml --set train.steps=40"));
    let base = &result["stein"][0];
    let mean = |name: &str| base[name]["mean"].as_f64().unwrap();
    let error = |name: &str| base[name]["standard_error"].as_f64().unwrap();
    for (name, exact) in [("product", -2.0), ("information", 2.0), ("information_gap", 0.0)] {
        assert!((mean(name) - exact).abs() < 5.0 * error(name), "{name}: {base}");
        assert!(error(name) < 0.1, "{name}: {base}");
    }
    assert!(base["mean_standard_errors"].as_f64().unwrap() < 5.0);
    check_folder(&only_run(&playground, "runs"), &["fisher.png"], &["Integrals of the score"]);
}

#[test]
fn posteriors_are_sampled_beside_the_exact_ones() {
    let playground = Playground::new();
    with_study(&playground, POSTERIOR);
    let result = last_line(&playground.succeed("experiment tiny.toml --set train.steps=40"));
    let posteriors = result["posteriors"].as_array().unwrap();
    let distance = |i: usize| posteriors[i]["energy_distance"].as_f64().unwrap();
    assert_eq!(posteriors.len(), 3);
    assert!(distance(0) < distance(1), "exact samples lie farther off than those of a hardly trained flow");
    check_folder(&only_run(&playground, "runs"), &["posteriors.png"], &["Samples given x1"]);
}
