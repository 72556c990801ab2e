//! Log-densities of tables through the program: which columns are which, what is appended, and what has no effect.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_tests::Playground;

/// A tiny network for a moment: nothing here is about what it learns.
const QUICK: &str = "--threads 1 --trials no --set model.hidden=[8] --set train.steps=20 --set train.batch=32 \
                     --set evaluation.n_test=5 --set train.warmup_steps=1 --set train.checkpoint_every=10";

/// A fit that has to succeed: its run folder.
fn fitted(playground: &Playground, arguments: &str) -> String {
    playground.succeed(&format!("fit {QUICK} {arguments}")).lines().next().unwrap().to_owned()
}

/// Three columns on scales of their own, without a header.
fn bare() -> String {
    let row = |i: i32| {
        let wave = |scale: f64| (f64::from(i) * scale).sin();
        format!("{},{},{}\n", wave(0.7), 100.0 + 9.0 * wave(1.3), 0.01 * wave(2.9))
    };
    (0..60).map(row).collect()
}

/// The last field of each row below the header.
fn last(csv: &str) -> Vec<f64> {
    csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
}

fn gap(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn columns_without_names_keep_their_order_whichever_is_given() {
    let playground = Playground::new();
    playground.write("bare.csv", &bare());
    playground.write("named.csv", &format!("x1,x2,x3\n{}", bare()));
    let run = fitted(&playground, "bare.csv --given 2");
    let of = |file: &str| last(&playground.succeed(&format!("log-prob {run} {file}")));
    let expected = of("named.csv");
    assert!(gap(&of("bare.csv"), &expected) < 1e-9);
    // An array has no names either: samples as one are those as CSV.
    for out in ["s.npy", "s.csv"] {
        playground.succeed(&format!("sample {run} --given bare.csv -o {out}"));
    }
    let found = of("s.csv");
    assert!(gap(&of("s.npy"), &found) < 1e-9);
    playground.succeed(&format!("log-prob {run} s.csv -o with.npy"));
    assert!(gap(&of("with.npy"), &found) < 1e-9);
}

#[test]
fn a_log_density_is_appended_once() {
    let playground = Playground::new();
    playground.write("t.csv", &format!("a,b,c\n{}", bare()));
    let run = fitted(&playground, "t.csv");
    playground.succeed(&format!("sample {run} -n 40 --log-prob -o s.csv"));
    let message = playground.fail(&format!("log-prob {run} s.csv"));
    assert!(
        message.contains("a column `log_density` already") && message.contains("hint: rename"),
        "{message}"
    );
    assert!(!playground.fail(&format!("log-prob {run} s.csv -o t2.csv")).is_empty());
    assert!(!playground.path().join("t2.csv").exists());
    // An array has the flow's columns alone beside it.
    playground.succeed(&format!("log-prob {run} s.csv -o s.npy"));
    let own = fitted(&playground, "s.csv");
    let message = playground.fail(&format!("sample {own} -n 5 --log-prob"));
    assert!(message.contains("leave out --log-prob"), "{message}");
}

/// Arrays hold all columns of the flow in the order of the file, or are refused where these are no numbers.
#[test]
fn arrays_of_filled_rows_have_all_columns_of_the_file() {
    let playground = Playground::new();
    playground.write("bare.csv", &bare());
    let run = fitted(&playground, "bare.csv --given 2 --fill yes");
    for out in ["filled.npy", "filled.csv"] {
        playground.succeed(&format!("impute {run} bare.csv -o {out}"));
    }
    let of = |file: &str| last(&playground.succeed(&format!("log-prob {run} {file}")));
    assert!(gap(&of("filled.npy"), &of("bare.csv")) < 1e-9);
    assert!(gap(&of("filled.npy"), &of("filled.csv")) < 1e-9);
    let message = playground.fail(&format!("sample {run} --given bare.csv -n 1000000000000"));
    assert!(message.contains("60 conditions, 1000000000000 times"), "{message}");
}

/// A table of categories and amounts with decimal commas, of which the last 3 are outliers.
#[test]
fn what_is_written_can_be_read_back() {
    let playground = Playground::new();
    let row = |i: i32| {
        let wave = (f64::from(i) * 0.7).sin();
        let far = if i < 397 { wave } else { 99_999.0 };
        format!("{};€{wave:.9};{far:.9}\n", ["ant", "bee"][i as usize % 2]).replace('.', ",")
    };
    let rows: String = (0..400).map(row).collect();
    playground.write("t.csv", &format!("kind;price;far\n{rows}"));
    playground.write("holes.csv", &format!("kind;price;far\nant;;0,5\n{rows}"));
    let output = playground.run(&format!("fit {QUICK} t.csv --fill yes"));
    let (said, run) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(said.contains("`far` has the median") && said.contains("--missing-marks=99999"), "{said}");
    let run = run.lines().next().unwrap();
    playground.succeed(&format!("impute {run} holes.csv -o filled.csv"));
    let of = |file: &str| last(&playground.succeed(&format!("log-prob {run} {file}")));
    // The solver's steps are those of all rows together.
    assert!(gap(&of("filled.csv")[1..], &of("t.csv")) < 1e-2);
    let message = playground.fail(&format!("log-prob {run} t.csv -o p.npy"));
    assert!(message.contains("column `kind` is not numbers"), "{message}");
    assert!(!playground.path().join("p.npy").exists());
}

#[test]
fn a_row_that_holds_nothing_has_no_density_given_its_holes() {
    let playground = Playground::new();
    let hole = |i: usize, n: usize, field: &str| if i % n < 2 { String::new() } else { field.to_owned() };
    let rows = bare().lines().enumerate().fold("a,b\n".to_owned(), |text, (i, line)| {
        let fields: Vec<&str> = line.split(',').collect();
        format!("{text}{},{}\n", hole(i, 5, fields[0]), hole(i, 4, fields[1]))
    });
    playground.write("t.csv", &rows);
    let run = fitted(&playground, "t.csv");
    playground.write("holes.csv", "a,b\n0.5,101\nNA,NA\n0.5,NA\n");
    let of = |holes: &str| last(&playground.succeed(&format!("log-prob {run} holes.csv --holes {holes}")));
    let (modelled, given) = (of("modelled"), of("given"));
    assert!(modelled[1] < -1.0 && given[1].to_bits() == 0f64.to_bits(), "{modelled:?} {given:?}");
    assert!(given[0] > modelled[0] && given[2] > modelled[2]);
}

#[test]
fn evaluate_and_log_prob_agree_on_what_means_something() {
    let playground = Playground::new();
    playground.write("t.csv", &format!("a,b,c\n{}", bare()));
    let run = fitted(&playground, "t.csv");
    let message = playground.fail(&format!("evaluate {run} --along linear"));
    assert!(message.contains("hint: add --sde"), "{message}");
    let checkpoints = playground.path().join(&run).join("checkpoints");
    let mut files: Vec<_> = checkpoints.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "safetensors"));
    files.sort();
    let newest = files.last().unwrap().display().to_string();
    for (command, file) in [("evaluate", ""), ("log-prob", "t.csv")] {
        let alone = playground.succeed(&format!("{command} {newest} {file}"));
        assert_eq!(playground.succeed(&format!("{command} {newest} {file} --last 1")), alone);
        assert_eq!(playground.succeed(&format!("{command} {run} {file} --last 1")), alone);
        let message = playground.fail(&format!("{command} {newest} {file} --last 2"));
        assert!(message.contains("found a file"), "{message}");
    }
}

#[test]
fn several_draws_sum_the_cells_of_what_is_discrete() {
    let playground = Playground::new();
    // Ants say yes, others no, but for every seventh.
    let says = |i: usize| if i.is_multiple_of(3) == i.is_multiple_of(7) { "no" } else { "yes" };
    let row = |i: usize| format!("{},{}\n", ["ant", "bee", "cow"][i % 3], says(i));
    playground.write("t.csv", &format!("a,b\n{}", (0..300).map(row).collect::<String>()));
    let run = playground.succeed(
        "fit t.csv --threads 1 --trials no --steps 300 --set model.hidden=[16] --set train.batch=64 \
         --set train.warmup_steps=1 --set train.optimizer.learning_rate=1e-2",
    );
    let run = run.lines().next().unwrap();
    let config = std::fs::read_to_string(playground.path().join(run).join("config.toml")).unwrap();
    assert!(config.contains("\nsteps = 300\n"), "{config}");
    let all: String =
        ["ant", "bee", "cow"].iter().flat_map(|a| ["yes", "no"].map(|b| format!("{a},{b}\n"))).collect();
    playground.write("all.csv", &format!("a,b\n{all}"));
    let of = |draws: &str| last(&playground.succeed(&format!("log-prob {run} all.csv --threads 1 {draws}")));
    assert!(gap(&of(""), &of("--draws 1")) < 1e-12);
    let of_many = of("--draws 64");
    assert!(gap(&of(""), &of_many) > 1e-2, "the middle is no probability here");
    let total: f64 = of_many.iter().map(|nats| nats.exp()).sum();
    assert!((total - 1.0).abs() < 0.05, "{total}");
    for (draws, problem) in [("0", "--draws"), ("70000", "1 to 65536 draws")] {
        let message = playground.fail(&format!("log-prob {run} all.csv --draws {draws}"));
        assert!(message.contains(problem), "{message}");
    }
}
