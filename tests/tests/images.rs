//! A flow of images from its config to its numbers, sheets and samples.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;

use interflow_core::rng::{Purpose, Stream};
use interflow_core::tch::{Device, Kind, Tensor};
use interflow_tests::{Playground, workspace};
use serde_json::Value;

/// A folder whose tiny config trains on the digits that come with the program.
fn playground(target: &str) -> Playground {
    let playground = Playground::new();
    let digits = format!("kind = \"images\"\nsource = {{ kind = \"digits\" }}\n{target}");
    playground.edit("kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }", &digits);
    playground
}

/// The result of an experiment that prints it last.
fn experiment(playground: &Playground, arguments: &str) -> Value {
    let stdout = playground.succeed(&format!("experiment tiny.toml {arguments}"));
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

fn size_of(png: &Path) -> (u32, u32) {
    let bytes = std::fs::read(png).unwrap_or_else(|error| panic!("{}: {error}", png.display()));
    assert_eq!(&bytes[1..4], b"PNG");
    let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (side(16), side(20))
}

/// The header and the bytes of an NPY file.
fn array(path: &Path) -> (String, Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    let begin = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    (String::from_utf8_lossy(&bytes[10..begin]).into_owned(), bytes[begin..].to_vec())
}

#[test]
fn an_experiment_on_images_reports_bits_and_draws_sheets() {
    let playground = playground("");
    let settings =
        "--set train.steps=80 --set evaluation.n_test=40 --set evaluation.images={n_dequantise=2,side=5}";
    let result = experiment(&playground, settings);
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("no number in {result}"));
    let gaussian = &result["gaussian_bits_per_dim"];
    // A hardly trained flow is far behind the Gaussian, which takes about 2.9.
    assert!((2.0..6.0).contains(&number(&result["bits_per_dim"]["mean"])), "{result}");
    assert!((2.6..3.2).contains(&number(&gaussian["mean"])) && number(&gaussian["standard_error"]) < 0.1);
    let gap = number(&gaussian["mean"]) - number(&result["bits_per_dim"]["mean"]);
    assert!((number(&result["bits_per_dim_below_gaussian"]["mean"]) - gap).abs() < 1e-6);
    assert_eq!((&result["n_test"], &result["n_train"]), (&Value::from(40), &Value::from(1437)));
    let how = &result["bits_per_dim_settings"];
    assert_eq!(
        (&how["n_dequantise"], &how["n_probes"], &how["rtol"]),
        (&2.into(), &Value::Null, &0.001.into())
    );
    assert!(number(&result["nfe"]) >= 7.0);
    // Encoding and decoding is exact up to the solver's tolerance, of 17 levels.
    assert!(number(&result["reconstruction"]["rms_levels"]) < 0.1, "{result}");
    let nearest = &result["nearest_training_image_levels"];
    assert!(number(&nearest["samples"]["mean"]) > number(&nearest["test_images"]["mean"]), "{result}");
    assert_eq!(result["fid"], Value::Null);

    let folder = playground.run_folder("runs");
    let report = std::fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(report.contains("Not measured: that takes the weights of Inception"), "{report}");
    for name in ["samples", "solvers", "path", "neighbours", "interpolation", "reconstruction"] {
        assert!(size_of(&folder.join(format!("figures/{name}.png"))) > (100, 100));
        assert!(report.contains(&format!("(figures/{name}.png)")), "{name} is not in the report");
    }
    // Five images of 8 pixels, each drawn as 6, and gaps of 2.
    for step in [40, 80] {
        assert_eq!(size_of(&folder.join(format!("figures/samples-{step:010}.png"))), (252, 252));
    }
}

#[test]
fn a_preconditioned_flow_is_as_good_as_its_gaussian_and_comes_back_from_its_checkpoint() {
    for axes in ["principal", "cosine"] {
        let playground = playground("");
        let settings = format!("--set precondition={{kind=\"gaussian\",axes=\"{axes}\"}}");
        let settings = format!("{settings} --set train.steps=80 --set evaluation.n_test=40");
        let result = experiment(&playground, &settings);
        assert_eq!(result["gaussian_axes"], axes);
        let below = result["bits_per_dim_below_gaussian"]["mean"].as_f64().unwrap();
        assert!((-0.1..1.0).contains(&below), "{result}");
        let run = playground.run_folder("runs");
        let stdout = playground.succeed(&format!("evaluate {} --json", run.display()));
        let again: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(again["bits_per_dim"], result["bits_per_dim"]);
    }
}

#[test]
fn probes_estimate_the_exact_divergence() {
    let playground = playground("");
    let run = playground.succeed("train tiny.toml --set train.steps=60");
    let evaluate = |divergence: &str| {
        let text = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
        playground.write("tiny.toml", &format!("{text}divergence = {divergence}\n"));
        let run = playground.succeed("train tiny.toml --set train.steps=60");
        playground.write("tiny.toml", &text);
        let found = playground.succeed(&format!("evaluate {} --json", run.trim()));
        serde_json::from_str::<Value>(&found).unwrap()
    };
    let exact: Value =
        serde_json::from_str(&playground.succeed(&format!("evaluate {} --json", run.trim()))).unwrap();
    let estimated = evaluate("{ kind = \"hutchinson\", n_probes = 8 }");
    assert_eq!(estimated["bits_per_dim_settings"]["n_probes"], 8);
    let of = |result: &Value, key: &str| result["bits_per_dim"][key].as_f64().unwrap();
    let gap = (of(&exact, "mean") - of(&estimated, "mean")).abs();
    assert!(gap > 0.0 && gap < 4.0 * of(&exact, "standard_error"), "{exact} {estimated}");
}

#[test]
fn samples_are_written_as_a_sheet_an_array_and_a_folder() {
    let playground = playground("class_conditional = { dropout = 0.1 }");
    let run = playground.succeed("train tiny.toml --set train.steps=60");
    let run = run.trim();
    for (n, out) in [(16, "s.png"), (230, "s.npy"), (7, "s")] {
        playground.succeed(&format!("sample {run} -n {n} -o {out}"));
    }
    assert_eq!(size_of(&playground.path().join("s.png")), (202, 202));
    assert_eq!(playground.path().join("s").read_dir().unwrap().count(), 7);
    let (header, levels) = array(&playground.path().join("s.npy"));
    assert!(header.contains("(230, 1, 8, 8") && header.contains("u1'"), "{header}");
    assert!(levels.len() == 230 * 64 && levels.iter().all(|level| *level <= 16));

    // Samples don't depend on how many there are; classes come in turn unless one is chosen.
    playground.succeed(&format!("sample {run} -n 4 --class 3 -o three.npy"));
    let (_, three) = array(&playground.path().join("three.npy"));
    assert_eq!(three[3 * 64..], levels[3 * 64..4 * 64]);
    assert_ne!(three[2 * 64..3 * 64], levels[2 * 64..3 * 64]);

    let message = playground.fail(&format!("sample {run} --class 10 -o s.png"));
    assert!(message.contains("below 10, found: 10"), "{message}");
    assert!(playground.fail(&format!("sample {run} -o s.csv")).contains("images go to"));
    assert!(playground.fail(&format!("sample {run} --sde -o s.png")).contains("not for images"));
}

/// The numbers that `log-prob` writes for a file.
fn nats(playground: &Playground, arguments: &str) -> Vec<f64> {
    let stdout = playground.succeed(&format!("log-prob {arguments}"));
    stdout.lines().skip(1).map(|line| line.parse().unwrap()).collect()
}

#[test]
fn the_levels_that_come_out_go_in() {
    let playground = playground("class_conditional = { dropout = 0.1 }");
    playground.succeed("train tiny.toml --set train.steps=20");
    let run = playground.run_folder("runs").display().to_string();
    playground.succeed(&format!("sample {run} -n 5 --class 3 -o levels.npy"));
    let found = nats(&playground, &format!("{run} levels.npy --class 3"));
    // A uniform density over 17 levels of 64 pixels has -181 nats; states in place of levels had millions.
    assert!(found.len() == 5 && found.iter().all(|nats| (-400.0..-20.0).contains(nats)), "{found:?}");
    // The same levels as rows of text, each after its class.
    let (_, levels) = array(&playground.path().join("levels.npy"));
    let row = |image: &[u8]| image.iter().fold("3".to_owned(), |row, level| format!("{row},{level}"));
    playground.write("rows.csv", &levels.chunks(64).map(row).collect::<Vec<_>>().join("\n"));
    assert_eq!(nats(&playground, &format!("{run} rows.csv")), found);
    assert_eq!(playground.succeed(&format!("encode {run} levels.npy --class 3")).lines().count(), 6);
    let message = playground.fail(&format!("log-prob {run} levels.npy"));
    assert!(message.contains("begins with its class") && message.contains("--class"), "{message}");
    let message = playground.fail(&format!("encode {run} levels.npy --class 10"));
    assert!(message.contains("numbers below 10"), "{message}");

    // Each seed dequantises in its own way, and the run's is that of all members.
    let again = |seed: u64| nats(&playground, &format!("{run} levels.npy --class 3 --seed {seed}"));
    assert_eq!((again(5), again(5) == found), (again(5), false));
    let gap = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let beside = nats(&playground, &format!("{run} levels.npy --class 3 --seed 5 --with {run}"));
    assert!(gap(&beside, &again(5)) < 1e-3, "{beside:?}");
    for command in ["log-prob", "score"] {
        let message = playground.fail(&format!("{command} {run} levels.npy --class 3 --time 0.5"));
        assert!(message.contains("levels of pictures are points of time 1"), "{message}");
    }
}

/// Weights of small random numbers under the names and in the shapes of the published file.
fn weights() -> Vec<(String, Tensor)> {
    let list = workspace().join("crates/metrics/tests/golden/inception_weights.txt");
    let stream = Stream::new(1, Purpose::Init);
    let weight = |(index, line): (usize, &str)| {
        let mut words = line.split(' ');
        let name = words.next().unwrap().to_owned();
        let shape: Vec<i64> = words.map(|word| word.parse().unwrap()).collect();
        let fan_in: i64 = shape[1..].iter().product();
        let scale = (2.0 / fan_in as f64).sqrt();
        // One row for all filters would do, were they not to be told apart.
        let first = stream.at(index as u64).normal(&[1.max(shape[0].min(64))], Kind::Float) * scale;
        let numel: i64 = shape.iter().product();
        let weight = first.repeat([numel / first.size()[0] + 1]).narrow(0, 0, numel).view(shape.as_slice());
        (name.clone(), if name.ends_with("running_var") { weight.abs() + 1.0 } else { weight })
    };
    std::fs::read_to_string(list).unwrap().lines().enumerate().map(weight).collect()
}

#[test]
#[ignore = "takes a minute: roots of 2048 × 2048 covariances"]
fn inception_compares_samples_with_given_statistics() {
    let playground = playground("");
    let run = playground.succeed("train tiny.toml --set train.steps=20");
    let path = |name: &str| playground.path().join(name);
    Tensor::write_safetensors(&weights(), path("inception.safetensors")).unwrap();
    let zeros = Tensor::zeros([2048, 2048], (Kind::Double, Device::Cpu));
    Tensor::write_npz(&[("mu", &zeros.get(0)), ("sigma", &zeros)], path("point.npz")).unwrap();
    let options = "--weights inception.safetensors -n 6 --json --statistics point.npz";
    let text = playground.succeed(&format!("fid {} {options}", run.trim()));
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["n_samples"], &found["kid"]), (&6.into(), &Value::Null));
    assert!(found["fid"].as_f64().unwrap() > 0.0, "{found}");
    let shared = playground.succeed(&format!("fid {} {options} --processes 2", run.trim()));
    let shared: Value = serde_json::from_str(&shared).unwrap();
    let [one, two] = [&found, &shared].map(|found| found["fid"].as_f64().unwrap());
    assert!((one - two).abs() < 1e-3 * one, "{one} {two}");
    let message = playground.fail(&format!("fid {} --weights point.npz", run.trim()));
    assert!(message.contains("cannot use the weights of Inception"), "{message}");
}
