//! Couplings, learned paths, reflow and comparisons through the program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use interflow_tests::{Playground, partial_files};
use interflow_train::Checkpoint;
use serde_json::Value;

const PATH: &str = "\n[path]\nfamily = { kind = \"fourier\", n_modes = 3 }\nstart = 20\nn_samples = 50\n";

const STUDY: &str = "\n[study]\nkind = \"transport\"\nn = 200\nn_two_sample = 50\neuler_steps = [1, 4]\n";

const VARIANTS: &str = r#"
[[variants]]
name = "plain"

[[variants]]
name = "learned path"
set = ["path={ family = { kind = 'network', hidden = [8] }, start = 20 }"]

[[variants]]
name = "reflow"
set = ["coupling={ kind = 'reflow', from = '@plain', n_pairs = 500 }"]
"#;

fn last_line(stdout: &str) -> Value {
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

fn append(playground: &Playground, text: &str) {
    let tiny = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
    playground.write("tiny.toml", &(tiny + text));
}

fn newest(run: &Path) -> PathBuf {
    let entries = std::fs::read_dir(run.join("checkpoints")).unwrap();
    entries.map(|entry| entry.unwrap().path()).max().unwrap()
}

#[test]
fn every_coupling_trains() {
    let playground = Playground::new();
    for (out, coupling) in [
        ("exact", "{ kind = \"exact\", block = 16 }"),
        ("sinkhorn", "{ kind = \"sinkhorn\", reg = 5.0, block = 16 }"),
    ] {
        let arguments = format!("train tiny.toml --out {out} --set train.steps=20 --set");
        let output = playground.command(&arguments).arg(format!("coupling={coupling}")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(playground.run_folder(out).join("figures/costs.png").is_file());
    }
}

#[test]
fn couplings_that_make_no_sense_are_refused() {
    let playground = Playground::new();
    for (coupling, word) in [
        ("{ kind = \"exact\", blok = 16 }", "blok"),
        ("{ kind = \"exact\", block = 0 }", "block"),
        ("{ kind = \"sinkhorn\", reg = -1.0 }", "reg"),
        ("{ kind = \"reflow\", from = \"nowhere\" }", "nowhere"),
    ] {
        let output =
            playground.command("train tiny.toml --set").arg(format!("coupling={coupling}")).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && message.contains(word), "{coupling}: {message}");
        assert!(!playground.path().join("runs").exists());
    }
    // One iteration fits no marginals.
    let arguments = "train tiny.toml --set train.steps=5 --set";
    let hasty = "coupling={ kind = \"sinkhorn\", reg = 0.01, max_iterations = 1, tolerance = 1e-6 }";
    let output = playground.command(arguments).arg(hasty).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("did not converge"), "{message}");
}

#[test]
fn a_learned_path_is_kept_and_used() {
    let playground = Playground::new();
    append(&playground, &(PATH.to_owned() + STUDY));
    let result = last_line(&playground.succeed("experiment tiny.toml"));
    assert!(
        result["transport_cost"]["mean"].as_f64().unwrap() > result["discrete_cost"].as_f64().unwrap() * 0.5
    );
    assert!(result["euler"]["4"]["map_error"].as_f64() < result["euler"]["1"]["map_error"].as_f64());
    assert!(result["euler_nfe_at_equal_error"].as_u64().unwrap().is_power_of_two());
    let run = playground.run_folder("runs");
    for figure in ["paths", "coefficients", "costs"] {
        assert!(run.join(format!("figures/{figure}.png")).is_file(), "{figure}");
    }
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(metrics.contains("\"transport_cost\"") && metrics.contains("\"path_at_rest\":1.0"), "{metrics}");
    // Its α and β are those that the score follows from, and a flow along another path.
    let run = run.display();
    playground.write("points.csv", "x,y\n0.5,1.0\n-1.0,2.0\n");
    let score = |out: &str| {
        playground.succeed(&format!("score {run} points.csv --time 0.5 --out {out}"));
        std::fs::read_to_string(playground.path().join(out)).unwrap()
    };
    assert!(score("s.csv").lines().count() == 3);
    playground.succeed(&format!("sample {run} -n 10 --along linear --out along.csv"));
    // Without its path the checkpoint is another flow's.
    let message = playground.fail("train tiny.toml --set path.rest_at=0.05");
    assert!(message.contains("[path]"), "{message}");
}

#[test]
fn a_search_resumes_with_the_same_bits() {
    let playground = Playground::new();
    append(&playground, PATH);
    playground.succeed("train tiny.toml --out whole --set train.checkpoint_every=80");
    let whole = playground.run_folder("whole");
    // The state at a checkpoint in the middle, where the path moves.
    let cut = playground.path().join("cut/tiny/run");
    std::fs::create_dir_all(cut.join("checkpoints")).unwrap();
    std::fs::create_dir_all(cut.join("figures")).unwrap();
    std::fs::copy(whole.join("config.toml"), cut.join("config.toml")).unwrap();
    let name = "checkpoints/step-0000000080.safetensors";
    std::fs::copy(whole.join(name), cut.join(name)).unwrap();
    playground.succeed("train tiny.toml --set train.checkpoint_every=80 --resume cut/tiny/run");
    let [whole, cut] = [whole, cut].map(|run| Checkpoint::load(&newest(&run)).unwrap());
    assert_eq!((whole.step, cut.step), (200, 200));
    assert!(!whole.companion.is_empty());
    for (whole, cut) in [(whole.companion, cut.companion), (whole.model, cut.model)] {
        for ((name, a), (other, b)) in whole.iter().zip(&cut) {
            assert!(name == other && a.equal(b), "{name} differs");
        }
    }
}

#[test]
fn variants_are_compared_and_resumed() {
    let playground = Playground::new();
    append(&playground, &(STUDY.to_owned() + VARIANTS));
    let arguments = "experiment tiny.toml --set train.steps=60 --set evaluation.n_test=50";
    let result = last_line(&playground.succeed(arguments));
    let names: Vec<_> =
        result["variants"].as_array().unwrap().iter().map(|variant| variant["experiment"].clone()).collect();
    assert_eq!(names, ["plain", "learned path", "reflow"]);
    let run = playground.run_folder("runs");
    for figure in ["paths", "costs"] {
        assert!(run.join(format!("figures/{figure}.png")).is_file(), "{figure}");
    }
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(report.contains("| learned path |") && report.contains("map error, Euler 1"), "{report}");
    assert_eq!(partial_files(&run), [] as [PathBuf; 0]);
    // What is finished stays, what is missing is made again.
    let reflow = std::fs::read_dir(run.join("variants/reflow")).unwrap().next().unwrap().unwrap().path();
    assert!(reflow.join("pairs.npy").is_file());
    let pairs = std::fs::metadata(reflow.join("pairs.npy")).unwrap().modified().unwrap();
    std::fs::remove_file(reflow.join("result.json")).unwrap();
    let again = last_line(&playground.succeed(&format!("{arguments} --resume {}", run.display())));
    assert_eq!(again["variants"][0], result["variants"][0]);
    assert_eq!(again["variants"][2]["transport_cost"], result["variants"][2]["transport_cost"]);
    assert_eq!(std::fs::metadata(reflow.join("pairs.npy")).unwrap().modified().unwrap(), pairs);
    // A finished variant answers for the config that it was run by only.
    let message = playground.fail(&format!("{arguments} --resume {} --set train.batch=32", run.display()));
    assert!(message.contains("in the variant plain") && message.contains("train.batch: 64"), "{message}");
}

#[test]
fn variants_are_read_strictly() {
    let playground = Playground::new();
    append(&playground, "\n[[variants]]\nname = \"one\"\nset = [\"train.stepz=3\"]\n");
    let message = playground.fail("experiment tiny.toml");
    assert!(message.contains("one") && message.contains("did you mean `steps`"), "{message}");
    assert!(playground.fail("train tiny.toml").contains("experiment"));
    assert!(!playground.path().join("runs").exists());
}
