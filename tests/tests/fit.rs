//! `fit`: one's own table, from the file to samples and densities in its units.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use interflow_tests::Playground;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

/// A small network and a few hundred steps: a second or two.
const QUICK: &str = "--set model.hidden=[48,48] --set train.optimizer.learning_rate=1e-2 \
                     --set train.steps=600 --set train.warmup_steps=20 --set train.ema_decay=0.98 \
                     --set train.batch=256 --set train.n_validation=1000";

/// Two numbers in (0, 1) from the bits of `i` well mixed (the finaliser of `SplitMix64`).
fn uniform(i: usize) -> [f64; 2] {
    [2 * i as u64 + 1, 2 * i as u64 + 2].map(|counter| {
        let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    })
}

/// Two independent standard normal numbers, number `i` of such pairs.
fn normal(i: usize) -> [f64; 2] {
    let [u, v] = uniform(i);
    let radius = (-2.0 * (1.0 - u).ln()).sqrt();
    [radius * (TAU * v).cos(), radius * (TAU * v).sin()]
}

/// Households: an id, an integer age, an income in the ten thousands, a rate in the thousandths in two clusters,
/// a constant version; line 9 has no income.
fn households() -> String {
    let mut text = "id,age,income,rate,version\n".to_owned();
    for i in 0..500 {
        let ([a, b], [c, _]) = (normal(i), normal(i + 7919));
        let cluster = if i % 2 == 0 { 1.0 } else { -1.0 };
        let (age, income) = ((45.0 + 12.0 * a).round(), 40_000.0 + 9000.0 * b + 200.0 * a);
        let rate = 0.002 * cluster + 0.0003 * c;
        let income = if i == 7 { "NA".to_owned() } else { format!("{income:.2}") };
        writeln!(text, "h{i},{age},{income},{rate:.6},3").unwrap();
    }
    text
}

/// The numbers of a CSV's column.
fn column(csv: &str, name: &str) -> Vec<f64> {
    let mut lines = csv.lines();
    let place = lines.next().unwrap().split(',').position(|other| other == name).unwrap();
    lines.map(|line| line.split(',').nth(place).unwrap().parse().unwrap()).collect()
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// Fits `file` and returns the account on stdout.
fn fit(playground: &Playground, arguments: &str) -> Value {
    serde_json::from_str(&playground.succeed(&format!("fit {QUICK} --json {arguments}"))).unwrap()
}

#[test]
fn what_a_flow_cannot_use_is_refused_with_its_name_and_a_way_out() {
    let playground = Playground::new();
    playground.write("h.csv", &households());
    let check = |arguments: &str, parts: &[&str]| {
        let message = playground.fail(&format!("fit h.csv {arguments}"));
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    };
    check("", &["line 2", "`id`", "\"h0\"", "--columns"]);
    check("--columns age,incom", &["no column `incom`", "income"]);
    check("--columns age,income,rate", &["1 row: line 9", "--missing drop"]);
    check("--columns age,rate,version", &["`version` = 3", "--constant drop"]);
    check("--columns age,rate --dequantise rate", &["`rate`", "integers only"]);
    check("--columns age,rate --missing keep", &["unknown variant `keep`, expected `refuse` or `drop`"]);
    check("--columns age,rate --set target.split.test=0.95", &["shares of the split"]);
    assert!(!playground.path().join("runs").exists(), "a run folder was made");
}

/// Ages and heights of 300, of which the third height is missing.
fn write_parquet(path: &Path) {
    let schema = parse_message_type("message rows { required int64 age; optional double height; }").unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema.into(), Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let ages: Vec<i64> = (0..300).map(|i| (40.0 + 9.0 * normal(i)[0]).round() as i64).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&ages, None, None).unwrap();
    column.close().unwrap();
    let heights: Vec<f64> = (0..300).filter(|i| *i != 2).map(|i| 1.7 + 0.1 * normal(i)[1]).collect();
    let defined: Vec<i16> = (0..300).map(|i| i16::from(i != 2)).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&heights, Some(&defined), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn a_parquet_file_is_a_table_whose_nulls_are_missing_values() {
    let playground = Playground::new();
    write_parquet(&playground.path().join("people.parquet"));
    let message = playground.fail("fit people.parquet");
    assert!(message.contains("1 row: row 3"), "{message}");
    let quick = "--set train.steps=20 --missing drop --dequantise age";
    let result = fit(&playground, &format!("people.parquet {quick}"));
    let run = result["run"].as_str().unwrap();
    let samples = playground.succeed(&format!("sample {run} -n 5"));
    assert_eq!(samples.lines().next(), Some("age,height"));
    let message = playground.fail(&format!("log-prob {run} people.parquet"));
    assert!(message.contains("missing values in 1 row: row 3"), "{message}");
}

#[test]
fn a_fitted_table_is_sampled_and_judged_in_its_own_units() {
    let playground = Playground::new();
    let table = households();
    playground.write("h.csv", &table);
    let columns = "--columns age,income,rate,version --missing drop --constant drop --dequantise age";
    let result = fit(&playground, &format!("h.csv {columns}"));
    let run = result["run"].as_str().unwrap();
    let folder = playground.path().join(run);
    for name in ["config.toml", "result.json", "report.md", "figures/marginals.png", "figures/pairs.png"] {
        assert!(folder.join(name).is_file(), "{name} is missing");
    }
    assert_eq!((&result["n_train"], &result["n_test"]), (&Value::from(399), &Value::from(50)));
    // The two clusters of the rate are worth about log 2 less the entropy of the rest.
    let nll = |name: &str| result[name]["mean"].as_f64().unwrap();
    assert!(nll("test_nll") < nll("gaussian_nll") - 0.3, "{result}");

    let samples = playground.succeed(&format!("sample {run} -n 600"));
    assert_eq!(samples.lines().next(), Some("age,income,rate"));
    assert!(column(&samples, "age").iter().all(|age| age.fract().abs() < 1e-12), "{samples}");
    let whole = table.replace(",NA,", ",40000,");
    for name in ["age", "income", "rate"] {
        let ((mean, deviation), (found, spread)) =
            (moments(&column(&whole, name)), moments(&column(&samples, name)));
        assert!((found - mean).abs() < 0.25 * deviation, "{name}: mean {found}, data {mean}");
        assert!((spread / deviation - 1.0).abs() < 0.2, "{name}: deviation {spread}, data {deviation}");
    }
    let evaluation: Value =
        serde_json::from_str(&playground.succeed(&format!("evaluate {run} --json"))).unwrap();
    assert!((evaluation["test_nll"]["mean"].as_f64().unwrap() - nll("test_nll")).abs() < 1e-3);
    playground.write("h.csv", &table.replace("h0,", "h0,9"));
    assert!(playground.fail(&format!("evaluate {run}")).contains("has the file changed?"));
}

#[test]
fn log_densities_join_the_rows_and_integrate_to_one() {
    let playground = Playground::new();
    // Far from standardised: deviations of 200 and 0.03 about 1000 and −2, bent.
    let row = |[a, b]: [f64; 2]| (1000.0 + 200.0 * a, -2.0 + 0.03 * b + 0.02 * (a * a - 1.0));
    let rows: Vec<String> = (0..400).map(|i| row(normal(i))).map(|(x, y)| format!("{x:.3},{y:.5}")).collect();
    playground.write("bent.csv", &format!("x,y\n{}\n", rows.join("\n")));
    // The same by a config file: a table is a target like any other.
    playground.edit(
        "kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }",
        "kind = \"table\"\nfile = \"bent.csv\"",
    );
    let run = playground.succeed("train tiny.toml --data . --set train.steps=150 --set solver.rtol=1e-4");
    let run = run.trim();
    // Five deviations and more on each side; the midpoint rule's error is far below the tolerance there.
    let (n, x_step, y_step) = (40, 2400.0 / 40.0, 0.6 / 40.0);
    let mut grid = "y,note,x\n".to_owned();
    for (i, j) in (0..n * n).map(|cell| (f64::from(cell / n), f64::from(cell % n))) {
        writeln!(grid, "{},a cell,{}", -2.2 + (j + 0.5) * y_step, -200.0 + (i + 0.5) * x_step).unwrap();
    }
    playground.write("grid.csv", &grid);
    let joined = playground.succeed(&format!("log-prob {run} grid.csv"));
    let ours: Vec<&str> = joined.lines().map(|line| line.rsplit_once(',').unwrap().0).collect();
    assert_eq!(ours, grid.lines().collect::<Vec<_>>());
    let mass: f64 = column(&joined, "log_density").iter().map(|log| log.exp()).sum::<f64>() * x_step * y_step;
    assert!((mass - 1.0).abs() < 0.01, "the density integrates to {mass}");
}

#[test]
fn a_table_without_a_header_is_chosen_by_numbers() {
    let playground = Playground::new();
    let rows: Vec<String> =
        (0..200).map(|i| (i, normal(i))).map(|(i, [a, b])| format!("{a},{i},{b}")).collect();
    playground.write("bare.csv", &rows.join("\n"));
    let run =
        fit(&playground, "bare.csv --columns 3,1 --set train.steps=20")["run"].as_str().unwrap().to_owned();
    let samples = playground.succeed(&format!("sample {run} -n 3 -o s.csv --json"));
    assert!(samples.contains("\"n\":3"), "{samples}");
    let written = std::fs::read_to_string(playground.path().join("s.csv")).unwrap();
    assert_eq!(written.lines().next(), Some("x3,x1"));
    // By the names of a header, by the numbers of the wide file, or in order.
    let pair = |text: &str| playground.write("p.csv", text);
    let density = || column(&playground.succeed(&format!("log-prob {run} p.csv")), "log_density")[0];
    pair("0.3,0.5\n");
    let in_order = density();
    for same in ["x1,x3\n0.5,0.3\n", "0.5,17,0.3\n"] {
        pair(same);
        assert!((density() - in_order).abs() < 1e-5, "{same}");
    }
    pair("x1,other\n0.5,0.3\n");
    let message = playground.fail(&format!("log-prob {run} p.csv"));
    assert!(message.contains("no column `x3`"), "{message}");
    pair("0.3,\n");
    assert!(playground.fail(&format!("log-prob {run} p.csv")).contains("1 row: line 1"));
    let encoded = playground.succeed(&format!("encode {run} bare.csv"));
    // After so few steps the flow is nearly the identity, and encoded rows are the standardised ones.
    let (mean, deviation) = moments(&column(&encoded, "x1"));
    assert!(mean.abs() < 0.3 && (deviation - 1.0).abs() < 0.3, "mean {mean}, deviation {deviation}");
}

/// y1 = 100 + 30 c + 20 a and y2 = 0.01 (c/2 + 0.3 a + b) with a, b ~ N(0, 1); c is no Gaussian.
fn log_density_given([c, y1, y2]: [f64; 3]) -> f64 {
    let a = (y1 - 100.0 - 30.0 * c) / 20.0;
    let b = 100.0 * y2 - 0.5 * c - 0.3 * a;
    -0.5 * (a * a + b * b) - (TAU * 20.0 * 0.01).ln()
}

#[test]
fn columns_given_others_have_the_known_density() {
    let playground = Playground::new();
    let row = |i: usize| {
        let ([u, v], [a, b]) = (uniform(i), normal(i + 10_000));
        let c = if u < 0.5 { 6.0 * v - 5.0 } else { 2.0 + v };
        format!("{:.3},{c:.4},{:.6}", 100.0 + 30.0 * c + 20.0 * a, 0.01 * (0.5 * c + 0.3 * a + b))
    };
    let rows: Vec<String> = (0..1500).map(row).collect();
    playground.write("lin.csv", &format!("y1,c,y2\n{}\n", rows.join("\n")));
    let result = fit(&playground, "lin.csv --given c");
    let run = result["run"].as_str().unwrap();
    // The Gaussian's conditional is the truth here; the flow comes near.
    let nll = |name: &str| result[name]["mean"].as_f64().unwrap();
    assert!((nll("test_nll") - nll("gaussian_nll")).abs() < 0.15, "{result}");

    playground.write("c.csv", "note,c\nlow,-3.1\nhigh,2.5\n");
    let samples = playground.succeed(&format!("sample {run} --given c.csv -n 300"));
    assert_eq!(samples.lines().next(), Some("c,y1,y2"));
    let (given, y1) = (column(&samples, "c"), column(&samples, "y1"));
    assert!(given[..300].iter().all(|c| (c + 3.1).abs() < 1e-12), "conditions stay as they are");
    for (c, y1) in [(-3.1, &y1[..300]), (2.5, &y1[300..])] {
        // Standard errors: 20/√300 = 1.2 and 0.8; as much again for a short training.
        let (mean, deviation) = moments(y1);
        assert!(
            (mean - 100.0 - 30.0 * c).abs() < 8.0 && (deviation - 20.0).abs() < 4.0,
            "{mean}, {deviation}"
        );
    }
    playground.write("s.csv", &samples);
    let joined = playground.succeed(&format!("log-prob {run} s.csv"));
    let columns = ["c", "y1", "y2", "log_density"].map(|name| column(&joined, name));
    let off = |i: usize| columns[3][i] - log_density_given([columns[0][i], columns[1][i], columns[2][i]]);
    let mean = (0..600).map(|i| off(i).abs()).sum::<f64>() / 600.0;
    assert!(mean < 0.25, "log-densities are off by {mean} nats on average");
    let encoded = playground.succeed(&format!("encode {run} s.csv"));
    assert_eq!((encoded.lines().next(), encoded.lines().count()), (Some("x1,x2"), 601));

    assert!(playground.fail(&format!("sample {run}")).contains("--given FILE with columns: c"));
    playground.write("d.csv", "d,e\n1,2\n");
    assert!(playground.fail(&format!("sample {run} --given d.csv")).contains("no column `c`"));
    for (other, part) in [
        ("--set base.kind=table --set base.file=lin.csv", "differ in dimension: 3 and 2"),
        ("--set objective={kind=\"likelihood\"}", "hint: take the objective velocity"),
    ] {
        let message = playground.fail(&format!("fit lin.csv --given c {other}"));
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_flow_between_two_tables_may_have_conditions() {
    let playground = Playground::new();
    let line = |i: usize| {
        let ([c, _], [a, b]) = (normal(i), normal(i + 10_000));
        format!("{:.3},{c:.4},{:.6}", 100.0 + 30.0 * c + 20.0 * a, 0.01 * b)
    };
    let lines: Vec<String> = (0..300).map(line).collect();
    playground.write("lin.csv", &format!("y1,c,y2\n{}\n", lines.join("\n")));
    let base = "--set base={kind=\"table\",file=\"lin.csv\",columns=[\"y1\",\"y2\"]} --set train.steps=20";
    let result = fit(&playground, &format!("lin.csv --given c {base}"));
    assert!(result["test_nll"].is_null() && result["two_sample_forward"]["p_value"].is_f64(), "{result}");
    let run = result["run"].as_str().unwrap();
    let encoded = playground.succeed(&format!("encode {run} lin.csv"));
    assert_eq!((encoded.lines().next(), encoded.lines().count()), (Some("y1,y2"), 301));
    // After so few steps the flow is nearly the identity.
    let (mean, deviation) = moments(&column(&encoded, "y1"));
    assert!((mean - 100.0).abs() < 20.0 && (deviation - 36.0).abs() < 12.0, "{mean}, {deviation}");
    assert!(playground.fail(&format!("log-prob {run} lin.csv")).contains("known by samples only"));
}

#[test]
fn a_fit_goes_on_with_the_same_data_only() {
    let playground = Playground::new();
    let rows: Vec<String> =
        (0..100).map(normal).map(|[a, b]| format!("{a:.4},{b:.4},{:.4}", a * b)).collect();
    let write = |rows: &[String]| playground.write("t.csv", &rows.join("\n"));
    write(&rows);
    let run = fit(&playground, "t.csv --set train.steps=20")["run"].as_str().unwrap().to_owned();
    let on = format!("t.csv --set train.steps=30 --resume {run}");
    let result = fit(&playground, &on);
    assert_eq!((&result["run"], &result["steps"]), (&Value::from(run), &Value::from(30)));
    write(&rows[..90]);
    let message = playground.fail(&format!("fit {QUICK} {on}"));
    assert!(message.contains("cannot resume") && message.contains("file changed"), "{message}");
}
