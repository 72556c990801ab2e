//! Experiments from their texts to their folders.

use interflow_flow::{Cancel, NoProgress, Work};
use interflow_study::{Finished, Runner};
use interflow_train::Silent;
use serde_json::Value;

use crate::support::{Bench, check_folder};

const TRANSPORT: &str = r#"
[study]
kind = "transport"
n = 100
n_two_sample = 40
euler_steps = [1, 4]
"#;

const VARIANTS: &str = r#"
[[variants]]
name = "Plain"

[[variants]]
name = "reflow"
set = ["coupling={ kind = 'reflow', from = '@Plain', n_pairs = 200 }"]
"#;

fn short(tail: &str) -> Bench {
    Bench::new(tail).edit("steps = 200", "steps = 40")
}

#[test]
fn an_experiment_leaves_a_complete_folder() {
    let bench = short(TRANSPORT).edit("[evaluation]\n", "[evaluation]\npdf = true\n");
    let found = bench.finish();
    let keys: Vec<&str> = found.results.keys().map(String::as_str).collect();
    let expected = ["experiment", "seed", "steps", "train_secs", "objective", "self_check", "test_nll"];
    assert_eq!(keys[..7], expected, "{keys:?}");
    for key in
        ["true_nll", "nfe", "transport_cost", "straightness", "discrete_cost", "euler", "energy_distance"]
    {
        assert!(!found.results[key].is_null(), "{key}: {keys:?}");
    }
    assert_eq!(found.results["steps"], 40);
    let folder = found.folder.path();
    let figures = ["loss.png", "flow.png", "paths.png"];
    check_folder(folder, &figures, &["| test_nll |", "(figures/flow.png)", "Transport in few steps"]);
    for name in figures {
        let pdf = std::fs::read(folder.join("figures").join(name).with_extension("pdf")).unwrap();
        assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF"), "{name}");
    }
    let text = std::fs::read_to_string(folder.join("result.json")).unwrap();
    assert_eq!(text, format!("{:#}\n", Value::Object(found.results)));
    assert!(folder.join("checkpoints/step-0000000040.safetensors").is_file());
}

#[test]
fn variants_are_run_one_after_the_other_and_compared() {
    let bench = short(&(TRANSPORT.to_owned() + VARIANTS));
    let found = bench.finish();
    let variants = found.results["variants"].as_array().unwrap();
    let names: Vec<&Value> = variants.iter().map(|variant| &variant["experiment"]).collect();
    assert_eq!(names, ["Plain", "reflow"]);
    check_folder(found.folder.path(), &["costs.png", "paths.png"], &["## Transport", "## Sampling"]);
    assert!(found.folder.path().join("variants/plain").is_dir());
    // Both are finished: going on is to compare them again, without training.
    let runner = Runner { resume: Some(found.folder.path().to_owned()), ..bench.runner() };
    let again = runner.compare(&bench.read().unwrap(), &mut Silent).unwrap().finished().unwrap();
    assert_eq!(again.folder, found.folder);
    let seconds = |found: &Finished| found.results["variants"][1]["train_secs"].as_f64().unwrap();
    assert!((seconds(&again) - seconds(&found)).abs() < 1e-9);
}

#[test]
fn a_variant_is_refused_before_any_is_trained() {
    let bench = short(&(TRANSPORT.to_owned() + VARIANTS)).edit("n_pairs = 200", "n_pears = 200");
    let message = bench.refusal();
    assert!(message.contains("in the variant reflow") && message.contains("n_pears"), "{message}");
    let study = short(&(TRANSPORT.to_owned() + VARIANTS))
        .edit("coupling={", "study={ kind='budget' }\", \"coupling={");
    assert!(study.refusal().contains("missing field `budgets`"));
}

#[test]
fn cancelled_work_ends_in_good_order_and_goes_on() {
    let bench = short(TRANSPORT);
    let cancel = Cancel::default();
    cancel.request();
    let runner = Runner { work: Work::new(NoProgress, cancel), ..bench.runner() };
    let config = bench.read().unwrap();
    assert!(runner.complete(config.clone(), &mut Silent).unwrap().finished().is_none());
    let runs: Vec<_> =
        std::fs::read_dir(bench.out().join("tiny")).unwrap().map(|run| run.unwrap().path()).collect();
    assert_eq!(runs.len(), 1);
    assert!(!runs[0].join("result.json").exists());
    let report = || std::fs::read_to_string(runs[0].join("report.html")).unwrap();
    assert!(report().contains("This run is not finished: trained so far, 0 of 40 steps."), "{}", report());
    let resumed = Runner { resume: Some(runs[0].clone()), ..bench.runner() };
    let found = resumed.complete(config, &mut Silent).unwrap().finished().unwrap();
    assert_eq!(found.folder.path(), runs[0]);
    assert_eq!(found.results["steps"], 40);
    // The finished run's report has taken its place.
    assert!(!report().contains("not finished") && !runs[0].join("superseded").exists());
}
