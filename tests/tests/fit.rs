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
    check("", &["`id`", "500 different values in 500 rows", "--drop id"]);
    check("--columns age,incom", &["no column `incom`", "income"]);
    check("--columns age,income,rate --missing refuse", &["1 row: line 9", "--missing drop"]);
    check("--columns age,rate,version --constant refuse", &["`version` = 3", "--constant drop"]);
    check("--columns age,rate --dequantise rate", &["`rate`", "integers only"]);
    check("--columns age,rate --missing hold", &["unknown variant `hold`", "`keep`"]);
    check("--columns age,rate --kind age=whole", &["a kind is number, lattice", "found: whole"]);
    check("--columns age,rate --bounds rate=0..", &["`rate`", "not within the bounds 0.."]);
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
    let message = playground.fail("fit people.parquet --missing refuse");
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
    let columns =
        "--columns age,income,rate,version --missing drop --constant drop --dequantise age --marginals plain";
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
    let result = fit(&playground, "lin.csv --given c --marginals plain");
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

/// Pets: a kind, whether it is tame, a day, a price of which 30 % are 0, a number of stars, a weight of which a fifth is
/// missing. Tame animals are cats or dogs; the price is of the kind.
fn pets() -> String {
    let mut text = "kind,tame,day,price,stars,weight\n".to_owned();
    for i in 0..1200 {
        let ([u, v], [a, b], [c, d]) = (uniform(i), uniform(i + 5000), normal(i));
        let (kind, level) = if u < 0.5 {
            ("cat", 0.0)
        } else if u < 0.8 {
            ("dog", 1.0)
        } else {
            ("eel", 2.0)
        };
        let tame = kind != "eel" && v < 0.7;
        let price = if a < 0.3 { "0".to_owned() } else { format!("{:.4}", (level + 0.3 * c).exp()) };
        let weight = if b < 0.2 { String::new() } else { format!("{:.5}", 3.0 + level + 0.5 * d) };
        let day = 1 + (28.0 * b) as u32;
        writeln!(text, "{kind},{tame},2024-02-{day:02},{price},{},{weight}", 1 + (5.0 * a) as u32).unwrap();
    }
    text
}

#[test]
fn a_table_of_any_kind_is_fitted_and_comes_back_in_kind() {
    let playground = Playground::new();
    playground.write("pets.csv", &pets());
    let result = fit(&playground, "pets.csv");
    let run = result["run"].as_str().unwrap();
    let nll = |name: &str| result[name]["mean"].as_f64().unwrap();
    assert!(nll("test_nll") < nll("gaussian_nll"), "{result}");

    let samples = playground.succeed(&format!("sample {run} -n 2000"));
    let rows: Vec<Vec<&str>> = samples.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["kind", "tame", "day", "price", "stars", "weight"]);
    let share =
        |holds: &dyn Fn(&[&str]) -> bool| rows[1..].iter().filter(|row| holds(row)).count() as f64 / 2000.0;
    for (found, expected) in [
        (share(&|row| row[0] == "cat"), 0.5),
        (share(&|row| row[3] == "0"), 0.3),
        (share(&|row| row[4] == "3"), 0.2),
        (share(&|row| row[5].is_empty()), 0.2),
    ] {
        assert!((found - expected).abs() < 0.06, "{found} {expected}");
    }
    assert!(share(&|row| row[0] == "eel" && row[1] == "true") < 0.05);
    for row in &rows[1..] {
        assert!(["cat", "dog", "eel"].contains(&row[0]) && ["true", "false"].contains(&row[1]), "{row:?}");
        let day: u32 = row[2].strip_prefix("2024-02-").unwrap().parse().unwrap();
        assert!((1..=28).contains(&day) && (1..=5).contains(&row[4].parse().unwrap()), "{row:?}");
        assert!(row[3].parse::<f64>().unwrap() >= 0.0, "{row:?}");
    }
    playground.write("s.csv", &samples);
    let judged = playground.succeed(&format!("log-prob {run} s.csv"));
    assert!(column(&judged, "log_density").iter().all(|nats| nats.is_finite()));
    playground.write("emu.csv", "kind,tame,day,price,stars,weight\nemu,true,2024-02-03,0,3,\n");
    assert!(playground.succeed(&format!("log-prob {run} emu.csv")).ends_with(",-inf\n"));
    assert!(playground.fail(&format!("sample {run} -n 3 -o s.npy")).contains("write to a .csv file"));
    for time in [0.0, 0.5] {
        let message = playground.fail(&format!("score {run} s.csv --time {time}"));
        assert!(message.contains("column `kind` has no density, and so no score"), "{message}");
        let judged = playground.succeed(&format!("log-prob {run} s.csv --time {time}"));
        assert!(column(&judged, "log_density").iter().all(|nats| nats.is_finite()));
    }
}

#[test]
fn columns_of_any_kind_may_be_given() {
    let playground = Playground::new();
    playground.write("pets.csv", &pets());
    let result = fit(&playground, "pets.csv --columns price,kind,weight --given kind,weight");
    let run = result["run"].as_str().unwrap();
    playground.write("given.csv", "weight,kind\n,eel\n3.5,cat\n");
    let samples = playground.succeed(&format!("sample {run} --given given.csv -n 300"));
    let rows: Vec<Vec<&str>> = samples.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["kind", "weight", "price"]);
    let median = |kind: &str, weight: &str| {
        let of = |row: &&Vec<&str>| row[0] == kind && row[1] == weight;
        let mut prices: Vec<f64> = rows[1..].iter().filter(of).map(|row| row[2].parse().unwrap()).collect();
        assert_eq!(prices.len(), 300);
        prices.retain(|price| *price > 0.0);
        prices.sort_by(f64::total_cmp);
        prices[prices.len() / 2]
    };
    // Medians of e² = 7.4 and 1.
    let (eel, cat) = (median("eel", ""), median("cat", "3.5"));
    assert!((5.0..11.0).contains(&eel) && (0.6..1.6).contains(&cat), "{eel} {cat}");
}

#[test]
fn holes_are_filled_and_samples_are_weighed() {
    let playground = Playground::new();
    playground.write("pets.csv", &pets());
    // Weights are missing, so that the flow learns to fill holes by itself.
    let run = fit(&playground, "pets.csv --columns kind,price,weight")["run"].as_str().unwrap().to_owned();
    playground
        .write("holes.csv", "note,weight,kind,price\nfirst,,eel,7.1\nsecond,3.25,,\nthird,3.25,cat,1.5\n");
    let filled = playground.succeed(&format!("impute {run} holes.csv -n 50"));
    let rows: Vec<Vec<&str>> = filled.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows.len(), &rows[0][..]), (151, &["note", "weight", "kind", "price"][..]));
    for (number, row) in rows[1..].iter().enumerate() {
        match number / 50 {
            0 => assert!(
                row[0] == "first" && row[2..] == ["eel", "7.1"] && row[1].parse::<f64>().is_ok(),
                "{row:?}"
            ),
            1 => {
                assert!(row[..2] == ["second", "3.25"] && ["cat", "dog", "eel"].contains(&row[2]), "{row:?}");
            }
            _ => assert_eq!(row, &["third", "3.25", "cat", "1.5"]),
        }
    }
    // Weights of eels are 5 ± 0.5, of all 3.7.
    let weights: Vec<f64> = rows[1..51].iter().map(|row| row[1].parse().unwrap()).collect();
    let (mean, _) = moments(&weights);
    assert!((4.3..5.7).contains(&mean), "{mean}");
    assert_eq!(filled, playground.succeed(&format!("impute {run} holes.csv -n 50")));
    assert_ne!(filled, playground.succeed(&format!("impute {run} holes.csv -n 50 --seed 1")));
    let plain = fit(&playground, "pets.csv --columns kind,price --set train.steps=20")["run"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(playground.fail(&format!("impute {plain} pets.csv")).contains("--fill yes"));

    let samples = playground.succeed(&format!("sample {run} -n 400 --log-prob"));
    let header = samples.lines().next().unwrap();
    assert_eq!(header, "kind,price,weight,log_density");
    let doubled =
        |line: &str| format!("{line},{}", 0.5 + line.rsplit_once(',').unwrap().1.parse::<f64>().unwrap());
    let lines: Vec<String> = samples.lines().skip(1).map(doubled).collect();
    playground.write("s.csv", &format!("{header},log_target\n{}\n", lines.join("\n")));
    let account = playground.succeed("weigh s.csv --log-target log_target -o w.csv --json");
    let account: Value = serde_json::from_str(&account).unwrap();
    assert!((account["effective_size"].as_f64().unwrap() - 400.0).abs() < 1e-6, "{account}");
    assert!((account["log_evidence"]["mean"].as_f64().unwrap() - 0.5).abs() < 1e-9, "{account}");
    let written = std::fs::read_to_string(playground.path().join("w.csv")).unwrap();
    assert!(column(&written, "log_weight").iter().all(|weight| (weight + 400f64.ln()).abs() < 1e-9));
    assert!(playground.fail("weigh s.csv --log-target nothing").contains("no column `nothing`"));
}

/// What short trainings chose is in the run's config, and is kept where the run goes on.
#[test]
fn what_short_trainings_chose_is_kept() {
    let playground = Playground::new();
    let mut text = "a,b\n".to_owned();
    for [a, b] in (0..400).map(normal) {
        writeln!(text, "{a:.5},{:.5}", a + 0.05 * b).unwrap();
    }
    playground.write("t.csv", &text);
    let settings = format!("{QUICK} --set train.steps=1000 --set evaluation.n_test=20");
    let output = playground.run(&format!("fit t.csv {settings}"));
    let log = String::from_utf8_lossy(&output.stderr);
    for part in ["a trial of uniform times: NLL of coordinates", "chosen: a Gaussian corrected"] {
        assert!(log.contains(part), "no {part:?} in: {log}");
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let run = stdout.lines().next().unwrap();
    let config = std::fs::read_to_string(playground.path().join(run).join("config.toml")).unwrap();
    assert!(config.contains("log-uniform-alpha") && config.contains("[precondition]"), "{config}");
    let longer = settings.replace("train.steps=1000", "train.steps=1005");
    playground.succeed(&format!("fit t.csv {longer} --resume {run}"));
}
