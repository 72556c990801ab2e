//! Few calls through the program: samples, encodings and log-densities of a flow map, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_tests::Playground;
use serde_json::Value;

fn rows(csv: &str) -> Vec<Vec<f64>> {
    csv.lines().skip(1).map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect()
}

#[test]
fn a_flow_map_serves_few_calls_and_the_solver() {
    let playground = Playground::new();
    let map = "--set objective.kind='flow-map' --set model.flow_map={divergence_width=8}";
    let run = playground.succeed(&format!("train tiny.toml --set train.steps=20 {map}"));
    let run = run.trim();
    for calls in ["--calls 1", "--calls 4", ""] {
        let account = playground.succeed(&format!("sample {run} -n 5 {calls} -o points.csv --json"));
        let account: Value = serde_json::from_str(&account).unwrap();
        let nfe = account["nfe"].as_u64().unwrap();
        assert_eq!(calls.is_empty(), nfe > 4, "{account}");
        for command in ["encode", "log-prob"] {
            let found = rows(&playground.succeed(&format!("{command} {run} points.csv {calls}")));
            assert!(found.len() == 5 && found.iter().flatten().all(|x| x.is_finite()), "{found:?}");
        }
    }
    for beside in ["--sde", "--along linear", "--guidance 2", "--observe x1=0"] {
        let error = playground.fail(&format!("sample {run} --calls 2 {beside}"));
        assert!(error.contains("cannot be used with"), "{error}");
    }
    assert!(playground.fail(&format!("sample {run} --calls 0")).contains("0 is not in 1.."));
}

/// Images of 8×8 pixels, by a U-Net that corrects a Gaussian and by one alone.
#[test]
fn a_flow_map_of_images_serves_few_calls_and_the_solver() {
    let net = "model={kind='u-net',shape=[1,8,8],width=8,multipliers=[1,2],n_blocks=1,attention=[4],\
               head_channels=8,dropout=0.1,flow_map={divergence_width=4}}";
    let objective = "objective={kind='flow-map',velocity_steps=4,ramp_steps=2,divergence_weight=0.003}";
    for precondition in ["", "--set precondition.kind='gaussian'"] {
        let playground = Playground::new();
        let images = "kind = \"images\"\nsource = { kind = \"digits\" }";
        playground.edit("kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }", images);
        let short = "--set train.steps=8 --set train.batch=16 --set train.n_validation=32";
        let run = playground
            .succeed(&format!("train tiny.toml {short} --set {net} --set {objective} {precondition}"));
        let run = run.trim();
        for calls in ["--calls 1", "--calls 3", ""] {
            let sampled = playground.succeed(&format!("sample {run} -n 3 {calls} -o points.npy --json"));
            let nfe = serde_json::from_str::<Value>(&sampled).unwrap()["nfe"].as_u64().unwrap();
            assert_eq!(calls.is_empty(), nfe > 3, "{sampled}");
            for (command, n_columns) in [("encode", 64), ("log-prob", 1)] {
                let found = rows(&playground.succeed(&format!("{command} {run} points.npy {calls}")));
                let fits = |row: &Vec<f64>| row.len() == n_columns && row.iter().all(|x| x.is_finite());
                assert!(found.len() == 3 && found.iter().all(fits), "{command} {calls}: {found:?}");
            }
        }
    }
}

#[test]
fn a_velocity_alone_says_what_few_calls_want() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=2");
    let run = run.trim();
    playground.write("points.csv", "x1,x2\n0.5,-0.25\n");
    for command in ["sample RUN", "encode RUN points.csv", "log-prob RUN points.csv"] {
        let error = playground.fail(&format!("{} --calls 2", command.replace("RUN", run)));
        assert!(error.contains("needs a flow map") && error.contains("kind = \"flow-map\""), "{error}");
    }
    let wrong = playground.fail("train tiny.toml --set objective.kind='flow-map'");
    assert!(wrong.contains("the objective flow-map does not go with a network of one time"), "{wrong}");
    let misspelt = playground.fail("train tiny.toml --set objective={kind='flow-map',conditon='eulerian'}");
    assert!(misspelt.contains("condition"), "{misspelt}");
}
