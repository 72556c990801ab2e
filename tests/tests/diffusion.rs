//! Sampling with noise and along other paths, scores, and densities at any time, through the program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;

use interflow_tests::Playground;
use serde_json::Value;

/// A playground with a briefly trained flow, and its run folder.
fn trained() -> (Playground, String) {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=60").trim().to_owned();
    (playground, run)
}

fn rows(csv: &str) -> Vec<Vec<f64>> {
    csv.lines().skip(1).map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect()
}

/// The largest difference between two tables.
fn distance(a: &str, b: &str) -> f64 {
    let (a, b) = (rows(a), rows(b));
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn samples_with_noise_are_a_function_of_seed_and_number() {
    let (playground, run) = trained();
    let sample = |options: &str| playground.succeed(&format!("sample {run} --sde --steps 20 {options}"));
    let noisy = sample("-n 30");
    assert!(rows(&noisy).len() == 30 && rows(&noisy).iter().flatten().all(|x| x.is_finite()));
    assert!(distance(&noisy, &sample("-n 30")) < 1e-300);
    let few: String = sample("-n 5");
    for (few, many) in rows(&few).iter().flatten().zip(rows(&noisy).iter().flatten()) {
        assert!((few - many).abs() < 1e-3, "{few} among 5, {many} among 30");
    }
    let other = [
        playground.succeed(&format!("sample {run} -n 30")),
        sample("-n 30 --seed 1"),
        sample("-n 30 --epsilon 3"),
        sample("-n 30 --diffusion constant"),
        sample("-n 30 --diffusion vanishing --scheme heun"),
        sample("-n 30 --diffusion alpha --scheme euler-maruyama"),
        sample("-n 30 --along linear"),
    ];
    for other in other {
        assert!(rows(&other).iter().flatten().all(|x| x.is_finite()));
        assert!(distance(&noisy, &other) > 1e-2);
    }
}

/// Steps by error follow the Brownian paths of the fixed steps.
#[test]
fn a_tolerance_leads_to_the_samples_of_many_steps() {
    let (playground, run) = trained();
    let sample = |options: &str| playground.succeed(&format!("sample {run} -n 20 --sde {options}"));
    let fine = sample("--steps 400");
    let (coarse, by_error) =
        (distance(&fine, &sample("--steps 4")), distance(&fine, &sample("--tolerance 0.01")));
    assert!(by_error < 0.05 && by_error < 0.3 * coarse, "{by_error} by error, {coarse} with four steps");
    assert!(playground.fail(&format!("sample {run} --sde --tolerance 0")).contains("tolerance"));
    let euler = playground.fail(&format!("sample {run} --sde --tolerance 0.1 --scheme euler-maruyama"));
    assert!(euler.contains("steps"), "{euler}");
    let both = playground.run(&format!("sample {run} --sde --tolerance 0.1 --steps 4"));
    assert!(!both.status.success());
}

/// The samples of the stochastic equation have a likelihood of their own, of which a bound is known.
#[test]
fn the_likelihood_of_noisy_samples_is_bounded() {
    let (playground, run) = trained();
    let evaluate = |options: &str| -> Value {
        serde_json::from_str(&playground.succeed(&format!("evaluate {run} --json {options}"))).unwrap()
    };
    let bound = |options: &str| evaluate(options)["sde_nll_bound"]["mean"].as_f64().unwrap();
    let quiet = evaluate("");
    assert!(quiet["sde_nll_bound"].is_null());
    let nll = quiet["test_nll"]["mean"].as_f64().unwrap();
    let still = bound("--sde --epsilon 0 --steps 64");
    assert!((still - nll).abs() < 0.02, "without noise {still}, by the flow {nll}");
    let noisy = bound("--sde --epsilon 0.5 --steps 64");
    assert!(noisy.is_finite() && (noisy - nll).abs() > 1e-3, "{noisy}");
}

#[test]
fn the_flow_ends_in_the_same_points_along_another_path() {
    let (playground, run) = trained();
    let own = playground.succeed(&format!("sample {run} -n 20"));
    let linear = playground.succeed(&format!("sample {run} -n 20 --along linear"));
    let same = playground.succeed(&format!("sample {run} -n 20 --along trigonometric"));
    assert!(distance(&own, &same) < 1e-300);
    let found = distance(&own, &linear);
    assert!(found > 0.0 && found < 0.02, "{found} at a tolerance of 1e-3");
}

#[test]
fn without_noise_the_stochastic_solver_follows_the_flow() {
    let (playground, run) = trained();
    let flow = playground.succeed(&format!("sample {run} -n 20"));
    let quiet = playground.succeed(&format!("sample {run} -n 20 --sde --epsilon 0 --steps 64"));
    assert!(distance(&flow, &quiet) < 0.02);
}

#[test]
fn senseless_noise_is_refused() {
    let (playground, run) = trained();
    let fail = |options: &str| playground.run(&format!("sample {run} -n 5 {options}"));
    for (options, part) in [
        ("--sde --epsilon=-1", "epsilon"),
        ("--sde --epsilon nan", "epsilon"),
        ("--sde --steps 0", "steps"),
        ("--sde --diffusion gamma", "latent"),
        ("--sde --diffusion cubic", "regular"),
        ("--sde --scheme milstein", "euler-maruyama"),
        ("--epsilon 1", "--sde"),
        ("--along encoding-decoding", "latent"),
        ("--along bent", "linear"),
    ] {
        let output = fail(options);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{options} succeeded");
        assert!(message.contains(part) && !message.contains("panicked"), "{options}: {message}");
    }
}

#[test]
fn scores_and_densities_at_time_zero_are_the_bases() {
    let (playground, run) = trained();
    playground.write("x.csv", "a,b\n0.5,-1\n2,0.25\n0,0\n");
    let score = playground.succeed(&format!("score {run} x.csv --time 0"));
    assert!(score.starts_with("s1,s2"));
    assert!(distance(&score, "s1,s2\n-0.5,1\n-2,-0.25\n0,0\n") < 1e-6, "{score}");
    let log_density = playground.succeed(&format!("log-prob {run} x.csv --time 0"));
    let exact = |x: f64, y: f64| -0.5 * (x * x + y * y) - std::f64::consts::TAU.ln();
    let expected = format!("l\n{}\n{}\n{}\n", exact(0.5, -1.0), exact(2.0, 0.25), exact(0.0, 0.0));
    assert!(distance(&log_density, &expected) < 1e-5, "{log_density}");
    let later = playground.succeed(&format!("score {run} x.csv --time 0.999"));
    assert!(rows(&later).iter().flatten().all(|x| x.is_finite()));
}

#[test]
fn times_beyond_the_path_are_refused() {
    let (playground, run) = trained();
    playground.write("x.csv", "a,b\n0.5,-1\n");
    for (command, time) in [
        ("log-prob", "1.5"),
        ("log-prob", "-0.1"),
        ("log-prob", "nan"),
        ("score", "1"),
        ("score", "-0.1"),
        ("score", "nan"),
    ] {
        let message = playground.fail(&format!("{command} {run} x.csv --time {time}"));
        assert!(message.contains("time"), "{command} at {time}: {message}");
    }
    let message = playground.fail(&format!("density {run} --time 2 -o d.npy"));
    assert!(message.contains('2') && !playground.path().join("d.npy").exists(), "{message}");
}

#[test]
fn a_density_on_a_grid_is_that_of_the_rows_and_sums_to_one() {
    let (playground, run) = trained();
    for time in ["0", "0.5", "1"] {
        let said = playground.succeed(&format!(
            "density {run} --time {time} --grid 40 --extent 6 -o d.csv -o d.png -o d.npy --json"
        ));
        let said: Value = serde_json::from_str(&said).unwrap();
        let mass = said["mass"].as_f64().unwrap();
        assert!((mass - 1.0).abs() < 0.02, "mass {mass} at {time}");
    }
    let csv = std::fs::read_to_string(playground.path().join("d.csv")).unwrap();
    assert_eq!(rows(&csv).len(), 1600);
    let (mut points, mut values) = (String::from("a,b\n"), String::from("l\n"));
    for row in rows(&csv).iter().skip(700).take(20) {
        writeln!(points, "{},{}", row[0], row[1]).unwrap();
        writeln!(values, "{}", row[2]).unwrap();
    }
    playground.write("some.csv", &points);
    let found = playground.succeed(&format!("log-prob {run} some.csv"));
    assert!(distance(&found, &values) < 0.01);
    assert_eq!(&std::fs::read(playground.path().join("d.png")).unwrap()[1..4], b"PNG");
    assert_eq!(&std::fs::read(playground.path().join("d.npy")).unwrap()[1..6], b"NUMPY");
    assert!(playground.fail(&format!("density {run} -o d.txt")).contains("d.txt"));
}

#[test]
fn a_score_needs_a_gaussian_base() {
    let playground = Playground::new();
    playground.edit("kind = \"standard-normal\"", "kind = \"synthetic\"\ndensity = { kind = \"rings\" }");
    let run = playground.succeed("train tiny.toml --set train.steps=10").trim().to_owned();
    playground.write("x.csv", "a,b\n0.5,-1\n");
    assert!(playground.fail(&format!("score {run} x.csv --time 0.5")).contains("standard-normal"));
    assert!(playground.fail(&format!("sample {run} --sde")).contains("standard-normal"));
    playground.succeed(&format!("sample {run} -n 5 --along linear"));
}

/// At t = 0 the density is the base's in the table's units, and the score is its slope.
#[test]
fn a_tables_score_is_in_its_units() {
    let playground = Playground::new();
    let mut table = String::from("wide,narrow\n");
    for i in 0..200 {
        let (a, b) = (f64::from(i * 37 % 200) - 99.5, f64::from(i * 73 % 200) - 99.5);
        writeln!(table, "{},{}", 100.0 + 0.3 * a, 0.0004 * b).unwrap();
    }
    playground.write("t.csv", &table);
    let quick = "--set model.hidden=[8] --set train.steps=5 --set train.warmup_steps=1";
    let account = playground.succeed(&format!("fit t.csv --json {quick}"));
    let account: Value = serde_json::from_str(&account).unwrap();
    let run = account["run"].as_str().unwrap();
    let (steps, at) = ([6.0, 0.008], [110.0, 0.01]);
    playground.write("x.csv", &format!("wide,narrow\n{},{}\n", at[0], at[1]));
    let score = playground.succeed(&format!("score {run} x.csv --time 0"));
    assert!(score.starts_with("score_wide,score_narrow"), "{score}");
    for d in 0..2 {
        let shifted = |sign: f64| {
            let mut x = at;
            x[d] += sign * steps[d];
            format!("{},{}\n", x[0], x[1])
        };
        playground.write("near.csv", &format!("wide,narrow\n{}{}", shifted(1.0), shifted(-1.0)));
        let near = rows(&playground.succeed(&format!("log-prob {run} near.csv --time 0")));
        let slope = (near[0][2] - near[1][2]) / (2.0 * steps[d]);
        let found = rows(&score)[0][d];
        assert!((found / slope - 1.0).abs() < 1e-3, "coordinate {d}: {found} against {slope}");
    }
    let noisy = rows(&playground.succeed(&format!("sample {run} -n 200 --sde --steps 8")));
    assert!(noisy.iter().all(|row| (row[0] - 100.0).abs() < 200.0 && row[1].abs() < 0.3));
}

/// An observation moves the samples to it, and with the noise of the prior's own width only half the way.
#[test]
fn samples_given_an_observation_agree_with_it() {
    let (playground, run) = trained();
    let sample = |options: &str| playground.succeed(&format!("sample {run} -n 40 {options}"));
    let mean = |csv: &str, d: usize| rows(csv).iter().map(|row| row[d]).sum::<f64>() / 40.0;
    let free = sample("");
    for options in ["--observe x2=1.5~0.2", "--observe x2=1.5 --noise 0.2 --sde --epsilon 1 --steps 64"] {
        let given = sample(options);
        assert!((mean(&given, 1) - 1.5).abs() < 0.4, "{options}: {}", mean(&given, 1));
        assert!((mean(&free, 1) - 1.5).abs() > 0.8, "{}", mean(&free, 1));
    }
    for (options, part) in
        [("--observe x3=1", "x1, x2"), ("--observe x1=1~-1", "positive"), ("--noise 1", "--observe")]
    {
        let output = playground.run(&format!("sample {run} {options}"));
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(part), "{options}");
    }
}
