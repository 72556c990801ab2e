//! `cargo xtask data NAME --fetch` and `cargo xtask experiment NAME --fetch`, from a server of the test's own.

use std::{fs, io::Write as _};

use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    server::{Reply, Server},
    workspace::{Workspace, stderr, stdout},
};

/// A workspace with the real cards of these data sets.
fn workspace(sets: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    for set in sets {
        let card = format!("crates/data/catalogue/{set}.toml");
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        workspace.file(&card, &fs::read_to_string(format!("{root}/{card}")).unwrap());
    }
    workspace
}

/// The archive of `MiniBooNE` as its publisher has it, with other numbers.
fn miniboone() -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("MiniBooNE_PID.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b" 1 1\n 0.1 0.2\n 0.3 0.4\n").unwrap();
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_set_is_fetched_by_name_and_then_is_there() {
    let workspace = workspace(&["miniboone"]);
    let server = Server::start(miniboone(), "\"1\"", &[Reply::CutAfter(50), Reply::Well]);
    let fetch = ["data", "miniboone", "--fetch", "--data", "d", "--mirror", &server.address];
    let output = workspace.xtask(&fetch).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(server.ranges(), ["", "bytes=50-"]);
    let said = stderr(&output);
    for part in ["CC BY 4.0", "going on after 50 B", "no published SHA-256 is known", "d/SHA256SUMS"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!said.contains('\u{1b}'), "{said:?}");
    assert!(stdout(&output).contains("d/miniboone/MiniBooNE_PID.txt  present"));
    let text = fs::read_to_string(workspace.path("d/miniboone/MiniBooNE_PID.txt")).unwrap();
    assert!(text.starts_with(" 1 1\n"));
    // Once it is there, nobody is asked.
    let output = workspace.xtask(&fetch).output().unwrap();
    assert!(stderr(&output).contains("is there already") && server.ranges().len() == 2);
}

#[test]
fn wrong_bytes_and_an_absent_server_leave_nothing() {
    let workspace = workspace(&["bsds300"]);
    let server = Server::start(b"photographs".to_vec(), "\"1\"", &[Reply::Well]);
    let fetch = |address: &str| {
        let args = ["data", "bsds300", "--fetch", "--data", "d", "--mirror", address];
        let output = workspace.xtask(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(!workspace.path("d/bsds300").exists() && !workspace.path("d/SHA256SUMS").exists());
        stderr(&output)
    };
    let said = fetch(&format!("{}/mirror/", server.address));
    for part in ["/mirror/BSDS300-images.tgz: expected a5f7d0e4", "it was removed"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    // A name that no machine has.
    let said = fetch("http://nowhere.invalid");
    for part in
        ["error: cannot fetch the data set `bsds300`: cannot reach nowhere.invalid", "online?", "--mirror"]
    {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

#[test]
fn what_wants_an_account_says_the_steps() {
    let workspace = workspace(&["imagenet32", "miniboone-reduced"]);
    for (set, part) in
        [("imagenet32", "image-net.org/signup"), ("miniboone-reduced", "data miniboone --fetch")]
    {
        let output = workspace.xtask(&["data", set, "--fetch", "--data", "d"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains(part) && said.contains("not to be downloaded by a program"), "{said}");
    }
}

#[test]
fn a_missing_set_says_how_to_fetch_it() {
    let workspace = workspace(&["miniboone"]);
    let output = workspace.xtask(&["data", "miniboone", "--data", "d"]).output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("cargo xtask data miniboone --fetch"), "{said}");
}

#[test]
fn an_experiment_fetches_what_it_needs() {
    let workspace = workspace(&["miniboone"]);
    workspace.file("configs/miniboone.toml", "[target]\nkind = \"miniboone\"\n");
    let own = workspace.libtorch("own", "2.11.0");
    std::os::unix::fs::symlink(own, workspace.path(".libtorch")).unwrap();
    let cargo =
        "#!/bin/sh\ncase \"$1\" in metadata) echo '{\"target_directory\": \"'\"$PWD/target\"'\"}' ;; esac\n";
    workspace.script("bin/cargo", cargo);
    workspace.script("target/release/interflow", "#!/bin/sh\necho \"$*\"\n");
    let server = Server::start(miniboone(), "\"1\"", &[Reply::Well]);
    let args = ["experiment", "miniboone", "--data", "d", "--fetch", "--mirror", &server.address];
    let output = workspace.xtask(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("experiment configs/miniboone.toml --data "), "{}", stdout(&output));
    assert!(workspace.path("d/miniboone/MiniBooNE_PID.txt").is_file());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let workspace = workspace(&["miniboone"]);
    workspace.file("configs/moons.toml", "");
    for args in [&["data", "--list"], &["experiment", "--list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = workspace.xtask(args).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    }
}
