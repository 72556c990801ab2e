//! Bad input gets one clear message that says what and where, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use interflow_tests::{Playground, partial_files, refused, signal, wait_for_handler};

/// Runs the edited config and checks that the message has each of `parts`.
fn check_config(old: &str, new: &str, parts: &[&str]) {
    let playground = Playground::new();
    playground.edit(old, new);
    let message = playground.fail("train tiny.toml");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert!(!playground.path().join("runs").exists(), "a run folder was made");
}

/// Runs a command on a trained checkpoint and checks that the message has each of `parts`.
fn check_rows(name: &str, rows: &str, parts: &[&str]) {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10");
    playground.write(name, rows);
    let message = playground.fail(&format!("log-prob {} {name}", run.trim()));
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn an_unknown_key_names_line_and_nearest_name() {
    check_config("batch = 64", "batsh = 64", &["tiny.toml, line 25", "batsh", "did you mean `batch`"]);
}

#[test]
fn a_misspelt_variant_names_the_nearest() {
    check_config("kind = \"trigonometric\"", "kind = \"trigonometrc\"", &["did you mean `trigonometric`"]);
}

#[test]
fn a_wrong_type_names_its_line() {
    check_config("seed = 7", "seed = \"seven\"", &["line 2", "invalid type"]);
}

#[test]
fn a_value_out_of_range_is_refused() {
    check_config("batch = 64", "batch = -3", &["batch", "-3"]);
    check_config("rtol = 1e-3", "rtol = -1.0", &["rtol"]);
    check_config("hidden = [32, 32]", "hidden = [32, 0]", &["hidden"]);
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let refused = |settings: &str, part: &str| {
        let playground = Playground::new();
        let message = playground.fail(&format!("train tiny.toml {settings}"));
        assert!(message.contains(part), "{part:?} is not in: {message}");
        assert!(message.contains("hint: "), "no hint in: {message}");
        assert!(!playground.path().join("runs").exists(), "a run folder was made");
    };
    let path = "--set path={family={kind=\"fourier\"},start=0}";
    refused(&format!("{path} --set train.jitter=0.1"), "between the points as they are");
    refused(&format!("{path} --set precondition={{kind=\"gaussian\"}}"), "a path that does not change");
    refused("--set precondition={kind=\"gaussian\",axes=\"cosine\"}", "needs a target of images");
}

#[test]
fn a_missing_config_is_named() {
    let message = Playground::new().fail("train nowhere.toml");
    assert!(message.contains("nowhere.toml"), "{message}");
}

#[test]
fn a_missing_file_is_named() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10");
    let message = playground.fail(&format!("log-prob {} nowhere.csv", run.trim()));
    assert!(message.contains("nowhere.csv"), "{message}");
}

#[test]
fn broken_tables_are_refused_with_their_place() {
    check_rows("empty.csv", "", &["empty.csv"]);
    check_rows("ragged.csv", "a,b\n1,2\n3\n", &["ragged.csv", "3"]);
    check_rows("text.csv", "a,b\n1,2\n3,four\n", &["text.csv", "four"]);
    check_rows("nan.csv", "a,b\n1,2\n3,NaN\n", &["nan.csv"]);
    check_rows("wide.csv", "a,b,c\n1,2,3\n", &["2 columns", "3"]);
}

#[test]
fn an_unknown_device_is_refused() {
    let message = Playground::new().fail("train tiny.toml --device gpu");
    assert!(message.contains("gpu") && message.contains("cpu, cuda"), "{message}");
}

#[test]
fn a_checkpoint_that_is_none_is_refused() {
    let playground = Playground::new();
    playground.write("no.safetensors", "not a checkpoint");
    let message = playground.fail("sample no.safetensors");
    assert!(message.contains("no.safetensors"), "{message}");
}

#[test]
fn an_out_folder_that_is_a_file_is_refused() {
    let playground = Playground::new();
    playground.write("taken", "");
    let message = playground.fail("train tiny.toml --out taken");
    assert!(message.contains("taken"), "{message}");
}

#[test]
fn an_output_of_unknown_ending_is_refused_before_the_checkpoint_is_read() {
    let message = Playground::new().fail("sample nowhere --out samples.xlsx");
    assert!(message.contains("samples.xlsx"), "{message}");
}

#[test]
fn missing_data_is_named_with_its_file() {
    let playground = Playground::new();
    playground.edit(
        "kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }",
        "kind = \"power\"\nfresh_noise = true",
    );
    let message = playground.fail("train tiny.toml --data nowhere");
    assert!(message.contains("household_power_consumption.txt"), "{message}");
}

#[test]
fn broken_training_tables_are_refused_before_a_run_folder_is_made() {
    for (rows, part) in [
        ("", "rows.csv"),
        ("a,b\n", "rows.csv"),
        ("a,b\n1,2\n3\n", "3"),
        ("a,b\n1,2\n3,four\n5,6\n", "four"),
        ("a,b\n1,2\n3,NaN\n", "3"),
        ("a,b\n1,2\n", "at least 2 rows"),
    ] {
        let playground = Playground::new();
        playground.edit(
            "kind = \"synthetic\"\ndensity = { kind = \"eight-gaussians\" }",
            "kind = \"table\"\nfile = \"rows.csv\"",
        );
        playground.write("rows.csv", rows);
        let message = playground.fail("train tiny.toml --data .");
        assert!(message.contains("rows.csv") && message.contains(part), "{rows:?}: {message}");
        assert!(!playground.path().join("runs").exists(), "a run folder was made");
    }
}

#[test]
fn an_interrupted_command_writes_nothing() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10");
    let child = playground
        .command(&format!("sample {} -n 100000 --out many.csv", run.trim()))
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_handler(child.id());
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{message}");
    assert!(message.contains("interrupted"), "{message}");
    assert!(!playground.path().join("many.csv").exists());
    assert_eq!(partial_files(playground.path()), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_read_only_folder_is_refused() {
    let playground = Playground::new();
    let run = playground.succeed("train tiny.toml --set train.steps=10");
    for command in ["train tiny.toml --out disk", &format!("sample {} -n 3 --out disk/s.npy", run.trim())] {
        let Some(output) = playground.run_on_disk("ro", &format!("\"$INTERFLOW\" {command}")) else { return };
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("disk/") && message.contains("Read-only file system"), "{message}");
    }
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    for name in ["", ".", "..", "/tmp/x", "a/../../x", "a\\\\b", " a", "a ", "a\\u0000b", "nul", "COM1.x"] {
        let message = refused(&format!("name=\"{name}\""));
        assert!(message.contains("name: must "), "{name}: {message}");
    }
    for name in ["..", "α"] {
        let message = refused(&format!("variants=[{{ name = \"{name}\" }}]"));
        assert!(message.contains("[[variants]]"), "{name}: {message}");
    }
}

#[test]
fn a_key_of_a_table_that_the_file_does_not_have_can_be_set() {
    let playground = Playground::new();
    let run = playground.succeed(
        "train tiny.toml --set train.steps=10 --set train.schedule.kind=cosine --set evaluation.images.side=3",
    );
    let config = std::fs::read_to_string(playground.path().join(run.trim()).join("config.toml")).unwrap();
    assert!(
        config.contains("[train.schedule]\nkind = \"cosine\"") && config.contains("side = 3"),
        "{config}"
    );
    let message = refused("trian.steps=3");
    assert!(message.contains("trian") && message.contains("did you mean `train`"), "{message}");
    assert!(refused("seed.value=3").contains("seed is not a table"));
    assert!(refused("evaluation.images.syde=3").contains("did you mean `side`"));
}

#[test]
fn a_message_is_bounded_and_its_numbers_are_short() {
    let playground = Playground::new();
    playground.write("long.toml", &format!("name = \"{}\"\n", "n".repeat(10_000_000)));
    for (config, settings) in [("long.toml", ""), ("tiny.toml", "--set name=/")] {
        let message = playground.fail(&format!("train {config} {settings}"));
        assert!(message.len() < 10_000, "{} bytes", message.len());
    }
    let tiny = std::fs::read_to_string(playground.path().join("tiny.toml")).unwrap();
    playground.write("tiny.toml", &tiny.replacen("\"tiny\"", &format!("\"{}/\"", "n".repeat(10_000_000)), 1));
    let message = playground.fail("train tiny.toml");
    assert!(message.len() < 10_000 && message.contains("letters left out"), "{} bytes", message.len());
    for (setting, shown) in [("train.jitter=-1e300", "-1e300"), ("train.clip_norm=-1e-310", "-1e-310")] {
        let message = refused(setting);
        assert!(message.contains(&format!("found: {shown}\n")), "{message}");
    }
}
