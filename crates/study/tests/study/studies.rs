//! Studies: what they find on flows that are known well enough, and what they refuse.

use interflow_flow::ExperimentConfig;
use interflow_study::StudyConfig;
use serde_json::Value;

use crate::support::{Bench, TINY, check_folder};

const BUDGET: &str = r#"
[study]
kind = "budget"
budgets = [4, 9]
epsilons = [0.5]
diffusion = "regular"
n = 60
drawn = 4
"#;

const FEW_CALLS: &str = r#"
[objective]
kind = "flow-map"
velocity_steps = 20
ramp_steps = 20

[study]
kind = "few-calls"
calls = [1, 3]
n = 50
n_draws = 2
n_density = 40
n_determinant = 30
"#;

const SCORE_ERROR: &str = r#"
[study]
kind = "score-error"
times = [0.0, 0.5, 1.0]
n = 50
"#;

const GAMMA: &str = r#"
[denoiser]
kind = "mlp"
hidden = [16]

[study]
kind = "gamma"
times = [0.0001, 0.5]
n = 50
gradient_batch = 16
n_gradients = 20
epsilons = [1.0]
steps = 6
n_samples = 40
"#;

const MIRROR: &str = r#"
[denoiser]
kind = "mlp"
hidden = [16]

[study]
kind = "mirror"
epsilons = [1.0]
steps = 6
n = 40
times = [0.25, 0.5]
"#;

const STEIN: &str = r#"
[study]
kind = "stein"
times = [0.0, 0.5]
n = 2000
"#;

const POSTERIOR: &str = r#"
[study]
kind = "posterior"
values = [1.0]
std = 0.5
epsilons = [1.0]
steps = 8
n = 40
"#;

fn short(tail: &str) -> Bench {
    Bench::new(tail).edit("steps = 200", "steps = 30")
}

/// The study with a denoiser, on a path with a latent.
fn with_latent(tail: &str) -> Bench {
    let gamma = "kind = \"linear\"\ngamma = { kind = \"brownian\", strength = 1.0 }";
    short(tail)
        .edit("kind = \"trigonometric\"", gamma)
        .edit("[train]", "[objective]\nkind = \"velocity-with-denoiser\"\n\n[train]")
}

#[test]
fn a_study_in_its_run_finds_what_it_finds_later() {
    let bench = short(BUDGET);
    let found = bench.finish();
    let words = ["ShARK, ε = 0.5", "flow, Heun", "fresh data"];
    check_folder(found.folder.path(), &["flow.png", "budgets.png", "budget_samples.png"], &words);
    let later = bench.runner().study_checkpoint(&bench.read().unwrap(), found.folder.path()).unwrap();
    assert!(later.folder != found.folder && later.results.get("test_nll").is_none());
    for key in ["best_at_4", "best_at_9"] {
        assert!(found.results[key]["mass_outside"]["sampler"].is_string(), "{key}");
        assert_eq!(found.results[key], later.results[key]);
    }
    let error = bench.runner().study_checkpoint(&short("").read().unwrap(), found.folder.path()).unwrap_err();
    assert!(error.to_string().contains("[study]"), "{error:#}");
}

/// Everything that is measured of a map is a number, and the map of Gaussian ends has a closed form to differ from.
#[test]
fn a_flow_map_is_measured_in_few_calls() {
    let map = |tail: &str| {
        short(tail).edit("hidden = [32, 32]", "hidden = [32, 32]\nflow_map = { divergence_width = 8 }")
    };
    let gaussian = "kind = \"gaussian\", dim = 2, mean = 0.5, std = 0.5";
    let bench = map(FEW_CALLS).edit("kind = \"eight-gaussians\"", gaussian);
    let found = bench.finish();
    let results = &found.results;
    for calls in ["1", "3"] {
        let (samples, densities) =
            (&results["few_call_samples"][calls], &results["few_call_log_density"][calls]);
        assert!(samples["energy_distance"].is_f64() && samples["energy_distance_of_euler"].is_f64());
        for number in ["mean", "rms", "median"] {
            assert!(densities["to_solver"][number].is_f64() && densities["to_determinant"][number].is_f64());
        }
    }
    assert_eq!(results["map_against_closed_form"].as_object().unwrap().len(), 5);
    assert!(results["map_against_closed_form"]["0 to 1"]["divergence_error"].is_f64());
    assert!(results["map_conditions"]["semigroup"].as_f64().unwrap() > 0.0);
    check_folder(found.folder.path(), &["few_calls.png"], &["Samples in few calls", "closed form"]);
    // Without a closed form it is left out; a velocity alone has nothing to measure.
    assert!(map(FEW_CALLS).finish().results.get("map_against_closed_form").is_none());
    let plain = short(FEW_CALLS)
        .edit("kind = \"flow-map\"\nvelocity_steps = 20\nramp_steps = 20", "kind = \"velocity\"");
    assert!(plain.refusal().contains("few calls need [objective] kind = \"flow-map\""));
}

#[test]
fn the_learned_score_is_measured_up_to_the_end() {
    let results = short(SCORE_ERROR).finish().results;
    let error = |i: usize| results["score_error"][i]["score"].as_f64().unwrap();
    // At t = 0 the score is that of the base, whatever was learned; at the end it is the worst, and finite.
    assert!(error(0) < 1e-6 && error(1) < error(2) && error(2).is_finite(), "{results:?}");
    assert!(results["score_regular_until"].as_f64().unwrap() < 1.0);
}

/// Pairs of latents calm the gradient where γ̇ is singular, whatever has been learned.
#[test]
fn a_denoiser_is_studied_beside_the_velocity() {
    let bench = with_latent(GAMMA);
    let found = bench.finish();
    let early = &found.results["gradient_variance_by_time"][0]["variance"];
    let variance = |latents: &str| early[latents].as_f64().unwrap();
    assert!(variance("single") > 20.0 * variance("pairs"), "{early}");
    let distances = &found.results["denoiser_distances"][1];
    for which in ["learned", "of_velocity", "apart"] {
        let distance = distances[which].as_f64().unwrap();
        assert!(distance > 0.0 && distance < 2.0, "{which}: {distances}");
    }
    assert_eq!(found.results["samples"].as_array().unwrap().len(), 2);
    let figures = ["denoisers.png", "gradient_noise.png", "noisy_samples.png"];
    check_folder(found.folder.path(), &figures, &["Variance of the loss's gradient"]);
}

#[test]
fn data_are_led_to_themselves() {
    let ends = "kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }";
    let bench = with_latent(MIRROR).edit("kind = \"standard-normal\"", ends).edit("independent", "mirror");
    let found = bench.finish();
    assert_eq!(found.results["returns"].as_array().unwrap().len(), 2);
    let figures = ["from_one_point.png", "noisy_samples.png"];
    check_folder(found.folder.path(), &figures, &["The velocity is γ̇ η"]);
}

/// At t = 0 the score is that of N(0, I), whatever was learned: E|s|² = D, and all integrals are right.
#[test]
fn integrals_of_the_score_are_known_at_the_base() {
    let bench = short(STEIN);
    let found = bench.finish();
    let base = &found.results["stein"][0];
    let number = |name: &str, part: &str| base[name][part].as_f64().unwrap();
    for (name, exact) in [("product", -2.0), ("information", 2.0), ("information_gap", 0.0)] {
        let (mean, error) = (number(name, "mean"), number(name, "standard_error"));
        assert!((mean - exact).abs() < 5.0 * error && error < 0.1, "{name}: {base}");
    }
    check_folder(found.folder.path(), &["fisher.png"], &["Integrals of the score"]);
}

#[test]
fn posteriors_are_sampled_beside_the_exact_ones() {
    let bench = short(POSTERIOR);
    let found = bench.finish();
    let posteriors = found.results["posteriors"].as_array().unwrap();
    let distance = |i: usize| posteriors[i]["energy_distance"].as_f64().unwrap();
    assert_eq!(posteriors.len(), 3);
    assert!(distance(0) < distance(1), "exact samples lie farther off than those of a hardly trained flow");
    check_folder(found.folder.path(), &["posteriors.png"], &["Samples given x1"]);
}

#[test]
fn a_study_that_does_not_fit_is_refused_before_training() {
    let message = short(SCORE_ERROR).edit("eight-gaussians", "rings").refusal();
    assert!(message.contains("in [study]") && message.contains("eight-gaussians"), "{message}");
    assert!(short(STEIN).edit("times = [0.0", "times = [2.0").refusal().contains("found: 2"));
}

#[test]
fn unknown_keys_and_kinds_are_named_with_the_nearest_that_there_is() {
    let message = short(STEIN).edit("\ntimes", "\ntmies").refusal();
    assert!(message.contains("tiny.toml, line ") && message.contains("did you mean `times`?"), "{message}");
    let message = short(STEIN).edit("\"stein\"", "\"steyn\"").refusal();
    assert!(message.contains("line ") && message.contains("did you mean `stein`?"), "{message}");
}

#[test]
fn the_study_of_a_config_is_told_by_its_table() {
    let of = |tail: &str| {
        let config = ExperimentConfig::from_toml(&(TINY.to_owned() + tail), "tiny.toml", &[]).unwrap();
        StudyConfig::of(&config).map_err(|error| error.to_string())
    };
    assert_eq!(of(""), Ok(None));
    let Ok(Some(StudyConfig::Transport(transport))) =
        of("[study]\nkind = \"transport\"\nn = 9\neuler_steps = []\n")
    else {
        panic!("no study of transport");
    };
    assert_eq!((transport.n, transport.n_two_sample), (9, 2000));
    let message = of("[study]\nkind = \"stein\"\ntime = [0.5]\nn = 9\n").unwrap_err();
    assert!(message.starts_with("[study]: ") && message.contains("did you mean `times`?"), "{message}");
}

/// The digits that come with the library, so few steps and points that nothing is learned.
#[test]
fn a_flow_of_images_is_drawn_in_sheets() {
    let digits = "kind = \"images\"\nsource = { kind = \"digits\" }\nclass_conditional = { dropout = 0.1 }";
    let bench = Bench::new(
        "divergence = { kind = \"hutchinson\", n_probes = 1 }\nimages = { side = 3, nfe = [2] }\n",
    )
    .edit("steps = 200", "steps = 20")
    .edit("checkpoint_every = 40", "checkpoint_every = 10")
    .edit("n_test = 200", "n_test = 20")
    .edit("kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }", digits);
    let found = bench.finish();
    let results = &found.results;
    assert!(results["bits_per_dim"]["mean"].is_f64() && results["fid"].is_null(), "{results:?}");
    // Encoding and decoding is exact up to the solver's tolerance, of 17 levels.
    assert!(results["reconstruction"]["rms_levels"].as_f64().unwrap() < 0.5, "{results:?}");
    assert!(results["nearest_training_image_levels"]["samples"]["mean"].as_f64().unwrap() > 0.0);
    let sheets = ["samples", "solvers", "path", "neighbours", "interpolation", "reconstruction"];
    let mut figures: Vec<String> = sheets.iter().map(|name| format!("{name}.png")).collect();
    figures.extend([10, 20].map(|step| format!("samples-{step:010}.png")));
    let figures: Vec<&str> = figures.iter().map(String::as_str).collect();
    check_folder(found.folder.path(), &figures, &["Not measured", "![Samples at step 20]"]);
    assert!(matches!(results["experiment"], Value::String(_)));
}
