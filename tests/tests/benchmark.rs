//! The tabular benchmark's sets through the whole program: missing data, whitening, the Gaussian beside the flow.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::Path;
use std::time::{Duration, Instant};

use interflow_tests::Playground;
use serde_json::Value;

/// What the target of `tiny.toml` is.
const TARGET: &str = "kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }";

/// Single-precision rows of three columns as an NPY file.
fn write_npy(path: &Path, rows: &[[f32; 3]]) {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 3), }}", rows.len());
    header.push_str(&" ".repeat(117 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.bytes());
    bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

/// `n` strongly correlated rows of unlike scales far from the origin.
fn rows(first: usize, n: usize) -> Vec<[f32; 3]> {
    let noise = |i: usize| ((i as f32 * 12.9898).sin() * 43758.547).fract();
    let row = |i: usize| {
        let [a, b, c] = [3 * i, 3 * i + 1, 3 * i + 2].map(noise);
        [40.0 + 10.0 * a, -7.0 + 9.0 * a + 0.3 * b, 0.02 * c - 0.01 * a]
    };
    (first..first + n).map(row).collect()
}

/// A playground whose target is reduced MINIBOONE, with data.
fn playground(options: &str) -> Playground {
    let playground = Playground::new();
    playground.edit(TARGET, &format!("kind = \"miniboone-reduced\"\n{options}"));
    let folder = playground.path().join("data/miniboone");
    std::fs::create_dir_all(&folder).unwrap();
    for (part, first, n) in [("val", 0, 200), ("train_head1523", 200, 100), ("test", 300, 150)] {
        write_npy(&folder.join(format!("miniboone_{part}.f32.npy")), &rows(first, n));
    }
    playground
}

fn number(result: &Value, key: &str) -> f64 {
    result[key]["mean"].as_f64().unwrap_or_else(|| panic!("no {key} in {result}"))
}

/// The table of a CSV file below its header.
fn table(text: &str) -> Vec<Vec<f64>> {
    text.lines().skip(1).map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect()
}

#[test]
fn an_untrained_flow_of_whitened_rows_is_the_best_gaussian() {
    // The network starts at zero, so the flow is the identity and its density that of the base.
    let playground = playground("whiten = true");
    let set = "--set model.hidden=[8] --set train.steps=0";
    let stdout = playground.succeed(&format!("experiment tiny.toml --data data {set}"));
    let result: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&result["n_train"], &result["n_test"]), (&270.into(), &150.into()));
    let (flow, gaussian) = (number(&result, "test_nll"), number(&result, "gaussian_nll"));
    assert!((flow - gaussian).abs() < 1e-3, "{flow} against {gaussian}");
}

#[test]
fn a_whitened_flow_speaks_the_units_of_the_rows() {
    let playground = playground("whiten = true");
    let run = playground.succeed("train tiny.toml --data data --set train.steps=0");
    let run = run.trim();
    let samples = playground.succeed(&format!("sample {run} -n 2000 -o s.csv"));
    assert!(samples.is_empty(), "{samples}");
    let samples = table(&std::fs::read_to_string(playground.path().join("s.csv")).unwrap());
    let known = rows(0, 270);
    for column in 0..3 {
        let mean = |values: &mut dyn Iterator<Item = f64>, n: usize| values.sum::<f64>() / n as f64;
        let expected = mean(&mut known.iter().map(|row| f64::from(row[column])), known.len());
        let found = mean(&mut samples.iter().map(|row| row[column]), samples.len());
        let square = mean(&mut known.iter().map(|row| (f64::from(row[column]) - expected).powi(2)), 270);
        // Five standard errors of a mean of 2000.
        assert!((found - expected).abs() < 5.0 * (square / 2000.0).sqrt(), "{found} against {expected}");
    }
    // Encoding samples gives N(0, I) again, where the log-density is known up to the map's Jacobian.
    playground.succeed(&format!("encode {run} s.csv -o z.csv"));
    let encoded = table(&std::fs::read_to_string(playground.path().join("z.csv")).unwrap());
    let log_density = table(&playground.succeed(&format!("log-prob {run} s.csv")));
    let constant = |i: usize| log_density[i][0] + 0.5 * encoded[i].iter().map(|z| z * z).sum::<f64>();
    for i in 1..50 {
        assert!((constant(i) - constant(0)).abs() < 1e-3, "{} against {}", constant(i), constant(0));
    }
}

#[test]
fn a_whitened_run_is_resumed_and_its_checkpoint_needs_no_data() {
    let playground = playground("whiten = true");
    let run = playground.succeed("train tiny.toml --data data --set train.steps=40");
    let run = run.trim().to_owned();
    playground.succeed(&format!("train tiny.toml --data data --set train.steps=80 --resume {run}"));
    std::fs::remove_dir_all(playground.path().join("data")).unwrap();
    assert_eq!(table(&playground.succeed(&format!("sample {run} -n 5"))).len(), 5);
}

#[test]
fn options_that_make_no_sense_are_named() {
    let message = playground("whitten = true").fail("train tiny.toml --data data");
    assert!(message.contains("whitten"), "{message}");
    let base = "--set base={kind=\"miniboone-reduced\",whiten=true}";
    let message = playground("whiten = true").fail(&format!("train tiny.toml --data data {base}"));
    assert!(message.contains("only the target's rows are whitened"), "{message}");
}

#[test]
fn missing_data_are_named_at_once() {
    for (kind, file) in [
        ("gas", "gas/ethylene_CO.txt"),
        ("hepmass", "hepmass/1000_train.csv"),
        ("miniboone", "miniboone/MiniBooNE_PID.txt"),
        ("miniboone-reduced", "miniboone/miniboone_val.f32.npy"),
        ("bsds300", "bsds300/images/train"),
    ] {
        let playground = Playground::new();
        playground.edit(TARGET, &format!("kind = \"{kind}\""));
        // The program is built before the clock starts.
        playground.succeed("--version");
        let start = Instant::now();
        let message = playground.fail("experiment tiny.toml --data nowhere");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(message.contains(file) && message.contains(&format!("cargo xtask data {kind}")), "{message}");
    }
}
