//! A denoiser beside the velocity, through the program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_tests::Playground;
use serde_json::Value;

const DENOISER: &str = r#"
[objective]
kind = "velocity-with-denoiser"

[denoiser]
kind = "mlp"
hidden = [24]
"#;
const LATENT: &str = "kind = \"trigonometric\"\ngamma = { kind = \"brownian\", strength = 0.5 }";

/// A playground whose flow between two data sets has a latent and a denoiser.
fn playground() -> Playground {
    let playground = Playground::new();
    let tiny = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
    let rings = "kind = \"synthetic\"\ndensity = { kind = \"rings\" }\nsamples_only = true";
    let tiny = tiny.replacen("kind = \"standard-normal\"", rings, 1);
    let tiny = tiny.replacen("kind = \"trigonometric\"", LATENT, 1);
    playground.write("tiny.toml", &(tiny + DENOISER));
    playground
}

fn numbers(csv: &str) -> Vec<f64> {
    csv.lines().skip(1).flat_map(|line| line.split(',')).map(|x| x.parse().unwrap()).collect()
}

#[test]
fn a_denoiser_tells_the_score_between_data_sets() {
    let playground = playground();
    let stdout = playground.succeed("experiment tiny.toml --set train.steps=60");
    let result: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    for key in ["denoiser_objective", "denoiser_self_check", "objective", "self_check"] {
        assert!(result[key]["mean"].is_number(), "{key} is missing in {result}");
    }
    let run = playground.run_folder("runs");
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(result["denoiser_objective"]["mean"].as_f64().unwrap() < 0.0, "{result}");
    let run = run.display();
    let noisy = playground.succeed(&format!("sample {run} -n 20 --sde --steps 16"));
    let gamma = playground.succeed(&format!("sample {run} -n 20 --sde --steps 16 --diffusion gamma"));
    let flow = playground.succeed(&format!("sample {run} -n 20"));
    assert_eq!(noisy, gamma);
    assert!(numbers(&noisy).iter().all(|x| x.is_finite()) && noisy != flow);
    playground.write("x.csv", "a,b\n0.5,-1\n2,0.25\n");
    let score = playground.succeed(&format!("score {run} x.csv --time 0.5"));
    assert!(numbers(&score).len() == 4 && numbers(&score).iter().all(|x| x.is_finite()));
    for time in ["0", "1"] {
        let message = playground.fail(&format!("score {run} x.csv --time {time}"));
        assert!(message.contains("denoiser"), "{message}");
    }
    assert!(!metrics.contains("denoiser_gap"), "checks come every hundred steps");
    let inspected = playground.succeed(&format!("inspect {run} --json"));
    assert!(inspected.contains("denoiser.output.weight") && inspected.contains("velocity.output.weight"));
}

#[test]
fn checks_of_the_denoiser_are_recorded_and_a_resumed_run_has_the_same_weights() {
    let playground = playground();
    let whole = playground.succeed("train tiny.toml --out whole --set train.steps=100");
    let half = playground.succeed("train tiny.toml --out half --set train.steps=60");
    let (whole, half) = (whole.trim(), half.trim());
    playground.succeed(&format!("train tiny.toml --out half --set train.steps=100 --resume {half}"));
    let metrics = std::fs::read_to_string(playground.path().join(whole).join("metrics.jsonl")).unwrap();
    assert!(metrics.contains("denoiser_gap"), "{metrics}");
    let sample = |run: &str| playground.succeed(&format!("sample {run} -n 10 --sde --steps 8"));
    assert_eq!(sample(whole), sample(half));
}

#[test]
fn a_denoiser_without_a_latent_is_refused() {
    let playground = Playground::new();
    let tiny = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
    playground.write("tiny.toml", &(tiny + DENOISER));
    let message = playground.fail("train tiny.toml");
    assert!(message.contains("latent") && message.contains("gamma"), "{message}");
    assert!(!playground.path().join("runs").exists());
}
