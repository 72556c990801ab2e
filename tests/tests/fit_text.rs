//! Tables as people write them, through the program: what is recognised, what is stated, and what is said about it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;
use std::fs::File;
use std::process::Output;

use interflow_tests::Playground;

/// A tiny network for a moment: nothing here is about what it learns.
const QUICK: &str = "--threads 1 --set model.hidden=[8] --set train.steps=5 --set train.batch=32 \
                     --set evaluation.n_test=5 --set train.warmup_steps=1";

/// Prices and amounts as a German program exports them: a title, a decimal comma, a mark of its own, no UTF-8.
fn german() -> Vec<u8> {
    let mut text = "Umsätze\n\"Preis,netto\";Menge;Größe\n".to_owned();
    for i in 0..60_i32 {
        let number = |value: f64| value.to_string().replace('.', ",");
        let price = number(f64::from(i * i % 37) / 8.0 + 0.25);
        let size = if i == 9 { "k.A.".to_owned() } else { number(f64::from(i * 7 % 23) * 0.3 + 0.1) };
        writeln!(text, "{price};{};{size}", i * 3 % 17).unwrap();
    }
    text.chars().map(|sign| sign as u8).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The run folder, which a run says first.
fn first_line(stdout: &str) -> String {
    stdout.lines().next().unwrap().to_owned()
}

/// Fails unless the program refuses `arguments` with each of `parts`.
fn refused(playground: &Playground, arguments: &str, parts: &[&str]) {
    let message = playground.fail(arguments);
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// The run folder of a fit that has to succeed, and what was said.
fn fitted(playground: &Playground, arguments: &str) -> (String, String) {
    let output = playground.run(&format!("fit {QUICK} {arguments}"));
    assert!(output.status.success(), "{arguments}: {}", stderr(&output));
    (first_line(&String::from_utf8_lossy(&output.stdout)), stderr(&output))
}

#[test]
fn what_is_known_of_a_text_is_stated_for_every_command_that_reads_it() {
    let playground = Playground::new();
    std::fs::write(playground.path().join("de.csv"), german()).unwrap();
    refused(&playground, "fit de.csv", &["line 1", "--encoding windows-1252"]);
    refused(&playground, "fit de.csv --encoding latin1", &["line 1", "expected", "--skip-rows 1"]);
    let text = "--encoding windows-1252 --skip-rows 1";
    refused(&playground, &format!("fit de.csv {text}"), &["`Größe`", "--missing-marks=k.A.", "--columns"]);
    let text = format!("{text} --missing-marks k.A.");
    refused(
        &playground,
        &format!("fit de.csv {text} --missing refuse"),
        &["1 row: line 12", "--missing drop"],
    );

    let columns = "--columns \"Preis,netto\",#3 --given Menge --missing drop";
    let (run, said) = fitted(&playground, &format!("de.csv {text} {columns}"));
    assert!(said.contains("de.csv: separator `;`, decimal comma"), "{said}");
    let samples = playground.succeed(&format!("sample {run} -n 1 --given de.csv {text}"));
    assert_eq!((samples.lines().next(), samples.lines().count()), (Some("Menge,\"Preis,netto\",Größe"), 61));
    refused(&playground, &format!("sample {run} --given de.csv"), &["--encoding"]);

    refused(&playground, &format!("log-prob {run} de.csv {text}"), &["missing values in 1 row: line 12"]);
    let text = format!("{text} --skip-rows 1,12").replace("--skip-rows 1 ", "");
    for (command, header) in [
        ("log-prob", "\"Preis,netto\",Menge,Größe,log_density"),
        ("encode", "x1,x2"),
        ("score --time 0.5", "score_Preis"),
    ] {
        let found = playground.run(&format!("{command} {run} de.csv {text}"));
        let rows = String::from_utf8_lossy(&found.stdout).into_owned();
        assert!(found.status.success(), "{command}: {}", stderr(&found));
        assert!(rows.contains(header), "{command}: {rows}");
        assert_eq!(rows.lines().count(), 60, "{command}");
    }
    assert!(playground.succeed(&format!("evaluate {run} --json")).contains("test_nll"));
}

/// Rows of three columns, of which the third is the sum of the others.
fn sums() -> String {
    let row = |i: i32| (f64::from(i) * 0.7).sin();
    let rows = (0..80).map(|i| format!("{},{},{}", row(i), row(3 * i + 1), row(i) + row(3 * i + 1)));
    format!("a,b,s\n{}\n", rows.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_same_is_stated_by_keys_of_a_config() {
    let playground = Playground::new();
    playground.write("t.csv", &format!("title\n{}", sums().replace(',', ":")));
    let target =
        "kind = \"table\"\nfile = \"t.csv\"\ndrop = [\"s\"]\ntext = { separator = \":\", skip_rows = [1] }";
    playground.edit("kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }", target);
    let run = playground.succeed("train tiny.toml --data . --set train.steps=2");
    let samples = playground.succeed(&format!("sample {} -n 2", run.trim()));
    assert_eq!(samples.lines().next(), Some("a,b"));
    refused(
        &playground,
        "train tiny.toml --data . --set target.text.seperator=\";\"",
        &["did you mean `separator`"],
    );
    refused(
        &playground,
        "train tiny.toml --data . --set target.text.separator=\"ab\"",
        &["one sign", "\"ab\""],
    );
}

#[test]
fn stdin_is_a_table_too() {
    let playground = Playground::new();
    playground.write("t.csv", &sums());
    let piped = |arguments: &str| {
        let file = File::open(playground.path().join("t.csv")).unwrap();
        let output = playground.command(arguments).stdin(file).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let run = first_line(&piped(&format!("fit {QUICK} - --drop s")));
    // The run can read its data again.
    assert!(playground.succeed(&format!("evaluate {run} --json")).contains("test_nll"));
    let scored = piped(&format!("log-prob {run} -"));
    assert_eq!((scored.lines().next(), scored.lines().count()), (Some("a,b,s,log_density"), 81));
}

#[test]
fn what_a_flow_will_find_hard_is_said_before_it_trains() {
    let playground = Playground::new();
    playground.write("s.csv", &sums());
    let (_, said) = fitted(&playground, "s.csv");
    assert!(
        said.contains("`s` of `a`, `b`") && said.contains("left out") && said.contains("--dependent keep")
    );
    let indexed =
        sums().lines().skip(1).zip(0..).map(|(row, i)| format!("{i},{row}\n")).collect::<Vec<_>>().concat();
    playground.write("i.csv", &format!(",a,b,s\n{indexed}"));
    let (_, said) = fitted(&playground, "i.csv");
    assert!(said.contains("`#1` numbers the rows") && said.contains("--drop '#1'"), "{said}");
    let (_, said) = fitted(&playground, "i.csv --drop #1,s");
    assert!(!said.contains("WARN"), "{said}");
    playground.write("few.csv", "a,b\n1.5,2\n2.5,1\n0.1,7\n");
    refused(&playground, "fit few.csv", &["at least 2 rows", "target.split.validation"]);
}

#[test]
fn all_columns_that_are_no_numbers_come_with_the_line_that_chooses_the_others() {
    let playground = Playground::new();
    let rows =
        (0..40).map(|i| format!("{i}.5,male {i},No. {i},{}\n", i * i % 7)).collect::<Vec<_>>().concat();
    playground.write("t.csv", &format!("a,name,\"no, tag\",\"price, net\"\n{rows}"));
    refused(
        &playground,
        "fit t.csv",
        &["`name` is text of 40", "`no, tag` is text", "--drop 'name,\"no, tag\"'"],
    );
}

#[test]
fn numbers_at_the_ends_of_the_range_are_fitted() {
    let playground = Playground::new();
    let row = |i: i32| {
        format!("{:e},{:e}\n", 1e300 * (f64::from(i) * 0.7).sin(), 1e-310 * (f64::from(i) * 1.3).cos())
    };
    playground.write("t.csv", &format!("huge,tiny\n{}", (0..60).map(row).collect::<String>()));
    let (run, _) = fitted(&playground, "t.csv");
    let samples = playground.succeed(&format!("sample {run} -n 20"));
    for line in samples.lines().skip(1) {
        let (huge, tiny) = line.split_once(',').unwrap();
        assert!((1e297..1e302).contains(&huge.parse::<f64>().unwrap().abs()), "{line}");
        assert!(tiny.parse::<f64>().unwrap().abs() < 1e-308 && line.len() < 60, "{line}");
    }
}
