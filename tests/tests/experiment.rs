//! A run from its config to its report, and what can be done with its checkpoint.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use interflow_tests::Playground;
use serde_json::{Value, json};

#[test]
fn an_experiment_leaves_a_complete_run_folder() {
    let playground = Playground::new();
    let stdout = playground.succeed("experiment tiny.toml --set train.steps=60");
    let result: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    for key in ["experiment", "seed", "test_nll", "objective", "self_check", "nfe", "train_secs", "steps"] {
        assert!(!result[key].is_null(), "{key} is missing in {result}");
    }
    assert_eq!(result["steps"], 60);
    let folder = playground.run_folder("runs");
    for name in
        ["config.toml", "environment.json", "metrics.jsonl", "result.json", "report.md", "report.html"]
    {
        assert!(folder.join(name).is_file(), "{name} is missing");
    }
    for name in ["flow.png", "loss.png"] {
        let png = std::fs::read(folder.join("figures").join(name)).unwrap();
        assert_eq!(&png[1..4], b"PNG");
    }
    let checkpoint = "checkpoints/step-0000000060.safetensors";
    for name in ["config.toml", "metrics.jsonl", "result.json", "figures/loss.png", checkpoint] {
        assert_eq!(mode(&folder.join(name)), mode(&playground.path().join("tiny.toml")), "{name}");
    }
}

/// Who may read and write a file, as far as the system lets one ask.
fn mode(file: &Path) -> u32 {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    #[cfg(not(unix))]
    return u32::from(file.metadata().unwrap().permissions().readonly());
}

#[test]
fn a_checkpoint_is_sampled_encoded_and_evaluated() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml");
    let run = run.trim();
    let samples = playground.succeed(&format!("sample {run} -n 30"));
    assert_eq!(samples.lines().count(), 31, "a header and 30 rows: {samples}");
    for ending in ["csv", "npy", "png"] {
        playground.succeed(&format!("sample {run} -n 30 -o s.{ending}"));
    }
    let log_density = playground.succeed(&format!("log-prob {run} s.csv"));
    assert_eq!(log_density.lines().count(), 31);
    let from_npy = playground.succeed(&format!("log-prob {run} s.npy"));
    let numbers = |text: &str| text.lines().skip(1).map(|l| l.parse::<f64>().unwrap()).collect::<Vec<_>>();
    for (a, b) in numbers(&log_density).iter().zip(numbers(&from_npy)) {
        assert!((a - b).abs() < 1e-4, "{a} from CSV, {b} from NPY");
    }
    playground.succeed(&format!("encode {run} s.npy -o base.npy"));
    let evaluation = playground.succeed(&format!("evaluate {run} --json"));
    let evaluation: Value = serde_json::from_str(&evaluation).unwrap();
    assert!(evaluation["test_nll"]["mean"].as_f64().unwrap() < 8.0);
    // On more points and by another solver, but as it is.
    let more = "--set evaluation.n_test=150 --set solver.rtol=1e-2 --set solver.atol=1e-2";
    let other: Value =
        serde_json::from_str(&playground.succeed(&format!("evaluate {run} --json {more}"))).unwrap();
    assert_eq!((&other["n_test"], &evaluation["n_test"]), (&json!(150), &json!(200)));
    assert!(other["nfe"].as_f64().unwrap() < evaluation["nfe"].as_f64().unwrap(), "{other}");
    for (set, problem) in [("train.steps=3", "is what it is"), ("evaluation.n_tests=3", "n_test")] {
        let message = playground.fail(&format!("evaluate {run} --set {set}"));
        assert!(message.contains(problem), "{message}");
    }
    let inspection: Value =
        serde_json::from_str(&playground.succeed(&format!("inspect {run} --json"))).unwrap();
    assert_eq!(inspection["step"], 200);
    // What the flow is, and the experiment that it comes from.
    for (text, part) in [("manifest", "pairing = \"independent\""), ("experiment", "steps = 200")] {
        assert!(inspection["texts"][text].as_str().unwrap().contains(part), "{inspection}");
    }
}

#[test]
fn densities_of_several_flows_are_averaged() {
    let playground = Playground::new();
    let train = |settings: &str| {
        let settings = format!("--set train.steps=40 --set train.checkpoint_every=20 {settings}");
        playground.succeed(&format!("train tiny.toml {settings}")).trim().to_owned()
    };
    let (run, other) = (train(""), train("--seed 1"));
    let first = format!("{run}/checkpoints/step-0000000020.safetensors");
    playground.succeed(&format!("sample {run} -n 9 -o s.csv"));
    let log_density = |arguments: &str| -> Vec<f64> {
        let text = playground.succeed(&format!("log-prob {arguments} s.csv"));
        text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    };
    let both = log_density(&format!("{run} --with {other}"));
    for ((both, one), other) in both.iter().zip(log_density(&run)).zip(log_density(&other)) {
        assert!((both - f64::midpoint(one.exp(), other.exp()).ln()).abs() < 1e-4, "{both} of {one}, {other}");
    }
    assert_eq!(log_density(&format!("{run} --last 2")), log_density(&format!("{run} --with {first}")));
    let evaluation = playground.succeed(&format!("evaluate {run} --last 2 --with {other} --json"));
    let evaluation: Value = serde_json::from_str(&evaluation).unwrap();
    assert_eq!(evaluation["members"], 3);
    assert!(evaluation["test_nll"]["mean"].is_f64());
    let message = playground.fail(&format!("evaluate {run} --last 7"));
    assert!(message.contains("has 2 checkpoints, of which the last 7"), "{message}");
}

#[test]
fn a_sample_does_not_depend_on_how_many_are_drawn() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=40");
    let few = playground.succeed(&format!("sample {} -n 5", run.trim()));
    let many = playground.succeed(&format!("sample {} -n 150", run.trim()));
    let parse = |line: &str| line.split(',').map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>();
    for (a, b) in few.lines().zip(many.lines()).skip(1) {
        for (a, b) in parse(a).iter().zip(parse(b)) {
            assert!((a - b).abs() < 1e-3, "{a} among 5, {b} among 150");
        }
    }
}

#[test]
fn ends_known_by_samples_only_have_no_likelihood() {
    let playground = Playground::new();
    playground.edit("kind = \"standard-normal\"", "kind = \"synthetic\"\ndensity = { kind = \"rings\" }");
    let run = playground.succeed("train tiny.toml --out known --set train.steps=20");
    let known = playground.succeed(&format!("evaluate {} --json", run.trim()));
    let known: Value = serde_json::from_str(&known).unwrap();
    assert!(known["test_nll"]["mean"].is_f64() && known["true_nll"]["mean"].is_f64(), "{known}");
    let both = "--set base.samples_only=true --set target.samples_only=true";
    let stdout =
        playground.succeed(&format!("experiment tiny.toml --out unknown --set train.steps=20 {both}"));
    let result: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(result["test_nll"], Value::Null);
    assert!(result.get("test_nll").is_some() && result.get("true_nll").is_none(), "{result}");
    for test in ["two_sample_forward", "two_sample_backward"] {
        assert!(result[test]["p_value"].is_f64(), "{result}");
    }
    let run = playground.run_folder("unknown").display().to_string();
    let file = std::fs::read_to_string(format!("{run}/result.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&file).unwrap(), result);
    playground.succeed(&format!("sample {run} -n 5 -o s.csv"));
    let message = playground.fail(&format!("log-prob {run} s.csv"));
    assert!(message.contains("known by samples only"), "{message}");
}
