//! A short search in each reader, whose long form is `cargo xtask fuzz`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};

use interflow_fuzz::readers::ALL;
use interflow_fuzz::{Campaign, Fault, Kind, Reader};

fn worker() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_interflow-fuzz"))
}

fn campaign(reader: Reader, worker: PathBuf) -> Campaign {
    Campaign { reader, seed: 1, first: 0, count: 400, worker }
}

#[test]
fn damaged_inputs_are_refused_or_read() {
    for reader in ALL {
        let faults = campaign(reader, worker()).run(|_, _| ()).unwrap();
        assert!(faults.is_empty(), "{}: {faults:?}", reader.name);
    }
}

/// A worker that is a shell script.
fn script(folder: &Path, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let file = folder.join("worker");
    interflow_core::atomic::write(&file, format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file
}

#[test]
fn each_kind_of_harm_is_noticed_and_the_search_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    // Panics at 3; dies at 5, whereupon the next begins at 6; takes memory at 8, and the last one ends.
    let text = r#"
case $4 in
    0) echo 'begin 0'; echo 'begin 3'; echo 'panic 3 index out of bounds'; echo 'begin 5'; kill -ABRT $$ ;;
    6) echo 'begin 6'; echo 'begin 8'; echo 'memory 8' ;;
    9) echo 'begin 9'; echo 'begin 11'; sleep 60 ;;
    *) echo "begin $4"; echo done ;;
esac"#;
    let found = campaign(ALL[0], script(folder.path(), text)).run(|_, _| ()).unwrap();
    let kinds: Vec<(u64, &Kind)> = found.iter().map(|Fault { number, kind }| (*number, kind)).collect();
    let panic = Kind::Panic("index out of bounds".to_owned());
    assert_eq!((kinds[0], kinds[2], kinds[3]), ((3, &panic), (8, &Kind::Memory), (11, &Kind::Hang)));
    assert!(kinds[1].0 == 5 && matches!(kinds[1].1, Kind::Abort(_)) && kinds.len() == 4, "{kinds:?}");
}

#[test]
fn a_whole_input_that_is_refused_ends_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let refusing = script(folder.path(), "echo 'begin 0'; exit 1");
    assert!(campaign(ALL[0], refusing).run(|_, _| ()).unwrap_err().to_string().contains("failed"));
}
