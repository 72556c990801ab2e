//! Downloads from a server that misbehaves, and archives that do.

use std::{fs, io::Write as _, path::Path, time::Duration};

use flate2::{Compression, write::GzEncoder};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    Fetch, Patience, archive, download,
    server::{Reply, Server},
};
use crate::{
    catalogue::DataSet,
    digest,
    publishers::{Download, Place},
};

const TAG: &str = "\"v1\"";
const QUICK: Patience =
    Patience { silence: Duration::from_millis(300), pause: Duration::from_millis(1), tries: 4 };

/// Bytes of which no two parts are alike.
fn content(n: usize) -> Vec<u8> {
    (0..n as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// Downloads from a server that gives these replies; what comes is right, and these parts were asked for.
fn check(replies: &[Reply], expected: &[&str]) {
    let (dir, bytes) = (tempfile::tempdir().unwrap(), content(100_000));
    let server = Server::start(bytes.clone(), TAG, replies);
    let url = format!("{}/a.bin", server.address);
    let file = download::download(&url, dir.path(), "a.bin", QUICK).unwrap();
    assert!(fs::read(&file).unwrap() == bytes, "other bytes");
    assert_eq!(server.ranges(), expected);
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["a.bin"]);
}

#[test]
fn a_file_comes_in_one_piece() {
    check(&[Reply::Well], &[""]);
    check(&[Reply::Chunked], &[""]);
}

#[test]
fn a_cut_connection_is_gone_on_with() {
    check(
        &[Reply::CutAfter(40_000), Reply::CutAfter(10), Reply::Well],
        &["", "bytes=40000-", "bytes=40010-"],
    );
}

#[test]
fn a_silent_server_is_asked_again() {
    check(&[Reply::SilentAfter(40_000), Reply::Well], &["", "bytes=40000-"]);
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    check(&[Reply::CutAfter(40_000), Reply::WithoutRanges], &["", "bytes=40000-"]);
}

#[test]
fn a_busy_server_is_asked_again_and_a_moved_file_followed() {
    check(&[Reply::Status(503), Reply::Well], &["", ""]);
    check(&[Reply::Redirect], &["", ""]);
}

#[test]
fn the_next_run_goes_on_where_the_last_was_stopped() {
    let (dir, bytes) = (tempfile::tempdir().unwrap(), content(100_000));
    let server = Server::start(
        bytes.clone(),
        TAG,
        &[
            Reply::CutAfter(70_000),
            Reply::Status(503),
            Reply::Status(503),
            Reply::Status(503),
            Reply::Status(503),
            Reply::Well,
        ],
    );
    let url = format!("{}/a.bin", server.address);
    let run = || download::download(&url, dir.path(), "a.bin", QUICK);
    let error = format!("{:#}", run().unwrap_err());
    assert!(error.contains("tried 4 times") && error.contains("goes on from there"), "{error}");
    assert!(fs::read(run().unwrap()).unwrap() == bytes);
    assert_eq!(server.ranges().last().unwrap(), "bytes=70000-");
}

#[test]
fn another_version_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let old = Server::start(content(100), "\"v0\"", &[Reply::CutAfter(60)]);
    let url = format!("{}/a.bin", old.address);
    let impatient = Patience { tries: 1, ..QUICK };
    download::download(&url, dir.path(), "a.bin", impatient).unwrap_err();
    let bytes = vec![7; 100];
    let new = Server::start(bytes.clone(), TAG, &[Reply::Well]);
    let url = format!("{}/a.bin", new.address);
    // As if the new server had the old one's address.
    fs::write(dir.path().join("a.bin.mark"), format!("{url}\n\"v0\"\n")).unwrap();
    let file = download::download(&url, dir.path(), "a.bin", QUICK).unwrap();
    assert!(fs::read(file).unwrap() == bytes);
    assert_eq!(new.ranges(), ["bytes=60-"]);
    // What came from elsewhere is not gone on with at all.
    fs::rename(dir.path().join("a.bin"), dir.path().join("a.bin.part")).unwrap();
    fs::write(dir.path().join("a.bin.mark"), "http://elsewhere/a.bin\n\n").unwrap();
    download::download(&url, dir.path(), "a.bin", QUICK).unwrap();
    assert_eq!(new.ranges(), ["bytes=60-", ""]);
}

#[test]
fn a_part_that_has_all_is_whole() {
    let (dir, bytes) = (tempfile::tempdir().unwrap(), content(100));
    let server = Server::start(bytes.clone(), TAG, &[Reply::Well]);
    let url = format!("{}/a.bin", server.address);
    fs::write(dir.path().join("a.bin.part"), &bytes).unwrap();
    fs::write(dir.path().join("a.bin.mark"), format!("{url}\n{TAG}\n")).unwrap();
    download::download(&url, dir.path(), "a.bin", QUICK).unwrap();
    assert_eq!(server.ranges(), ["bytes=100-"]);
}

#[test]
fn a_refusal_and_an_absent_server_are_said_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(content(10), TAG, &[Reply::Status(404)]);
    let failure = |url: &str| format!("{:#}", download::download(url, dir.path(), "a", QUICK).unwrap_err());
    let error = failure(&format!("{}/a", server.address));
    assert!(error.contains("status 404: http://127.0.0.1") && error.contains("--mirror"), "{error}");
    assert_eq!(server.ranges().len(), 1);
    // A port at which nobody listens any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = failure(&format!("http://127.0.0.1:{port}/a"));
    assert!(error.contains(&format!("cannot reach 127.0.0.1:{port}")) && error.contains("online"), "{error}");
}

const PLACES: &[Place] =
    &[Place { from: "images/train", to: "set/train" }, Place { from: "one.txt", to: "set/renamed.txt" }];

const FILES: [&str; 5] = [
    "Top/images/train/1.jpg",
    "Top/images/train/2.jpg",
    "Top/._one.txt",
    "one.txt",
    "Top/images/other/3.jpg",
];

/// Archives of files that hold their own names.
fn zipped(names: &[&str]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in names {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(name.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tarred(names: &[&str]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for name in names {
        let mut header = tar::Header::new_gnu();
        // As it stands: the builder's own methods refuse to write what must not be read.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(name.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, name.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Unpacks an archive of this name; the error's text, or the files that are there then.
fn unpacked(name: &'static str, bytes: &[u8]) -> Result<Vec<String>, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    fs::write(&file, bytes).unwrap();
    let into = dir.path().join("into");
    let download = Download { url: name, sha256: None, places: PLACES };
    archive::unpack(&file, &download, &into).map_err(|error| format!("{error:#}"))?;
    let mut files = Vec::new();
    collect(&into, &into, &mut files);
    files.sort();
    assert!(!dir.path().join("evil").exists());
    Ok(files)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

#[test]
fn what_belongs_to_the_set_is_unpacked_to_its_place() {
    let expected = ["set/renamed.txt", "set/train/1.jpg", "set/train/2.jpg"];
    assert_eq!(unpacked("a.zip", &zipped(&FILES)).unwrap(), expected);
    assert_eq!(unpacked("a.tar.gz", &tarred(&FILES)).unwrap(), expected);
    assert_eq!(unpacked("a.txt", b"plain").unwrap(), ["set/renamed.txt", "set/train"]);
}

#[test]
fn an_entry_that_leads_out_of_the_folder_is_refused() {
    for name in ["../evil", "/evil", "images/train/../../../evil"] {
        for (archive, bytes) in [("a.zip", zipped(&[name])), ("a.tgz", tarred(&[name]))] {
            let error = unpacked(archive, &bytes).unwrap_err();
            assert!(error.contains("would lie outside the folder"), "{archive} {name}: {error}");
        }
    }
}

#[test]
fn a_link_is_refused() {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "images/train/1.jpg", "/etc/passwd").unwrap();
    let bytes = tar.into_inner().unwrap().finish().unwrap();
    let error = unpacked("a.tgz", &bytes).unwrap_err();
    assert!(error.contains("an entry is not a file"), "{error}");
}

#[test]
fn damaged_and_incomplete_archives_are_named() {
    let zip = zipped(&FILES);
    let tar = tarred(&FILES);
    for (name, bytes) in
        [("a.zip", &zip[..zip.len() / 2]), ("a.tgz", &tar[..tar.len() / 2]), ("a.zip", b"no")]
    {
        let error = unpacked(name, bytes).unwrap_err();
        assert!(error.starts_with("cannot unpack "), "{error}");
    }
    let error = unpacked("a.zip", &zipped(&["one.txt"])).unwrap_err();
    assert!(error.ends_with("the archive has no images/train"), "{error}");
}

const HEAD: &str =
    "title = \"Letters\"\nsource = \"the alphabet\"\nlicence = \"CC0\"\nadvice = \"as it is\"\n";

/// A data set of one file of three bytes, whose content is not known.
fn letters() -> DataSet {
    let text = format!("name = \"letters\"\n{HEAD}[[layouts]]\nfiles = [{{ path = \"letters/abc.txt\" }}]\n");
    toml::from_str(&text).unwrap()
}

/// Fetches the letters from a server that has these bytes.
fn fetched(dir: &Path, bytes: &[u8], sha256: Option<&'static str>) -> Result<(), String> {
    let server = Server::start(bytes.to_owned(), TAG, &[Reply::Well]);
    let fetch = Fetch { dir, mirror: Some(&server.address), patience: QUICK };
    let places = &[Place { from: "abc.txt", to: "letters/abc.txt" }];
    let download = Download { url: "https://nowhere/abc.txt", sha256, places };
    fetch.open(&letters(), &[download]).map_err(|error| format!("{error:#}"))
}

/// The SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn a_set_is_put_in_place_whole_and_nothing_else_is_left() {
    let dir = tempfile::tempdir().unwrap();
    fetched(dir.path(), b"abc", Some(ABC)).unwrap();
    assert_eq!(digest::sha256(&dir.path().join("letters/abc.txt")).unwrap(), ABC);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["letters"]);
}

#[test]
fn wrong_bytes_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let error = fetched(dir.path(), b"abd", Some(ABC)).unwrap_err();
    assert!(
        error.contains("wrong SHA-256 of http://127.0.0.1") && error.contains("it was removed"),
        "{error}"
    );
    assert!(!dir.path().join("letters").exists() && !dir.path().join(".fetch-letters/abc.txt").exists());
    // The next try asks anew.
    fetched(dir.path(), b"abc", Some(ABC)).unwrap();
}

#[test]
fn an_unknown_file_is_recorded_and_has_to_stay_the_same() {
    let dir = tempfile::tempdir().unwrap();
    fetched(dir.path(), b"abc", None).unwrap();
    let record = fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap();
    assert_eq!(record, format!("{ABC}  letters/abc.txt\n"));
    fs::remove_dir_all(dir.path().join("letters")).unwrap();
    let error = fetched(dir.path(), b"abd", None).unwrap_err();
    assert!(error.contains("another file the first time") && error.contains("SHA256SUMS"), "{error}");
    fetched(dir.path(), b"abc", None).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap(), record);
}

#[test]
fn one_process_fetches_a_set() {
    let dir = tempfile::tempdir().unwrap();
    let _work = super::Work::begin(dir.path(), "letters").unwrap();
    let error = fetched(dir.path(), b"abc", None).unwrap_err();
    assert!(error.contains("another process fetches it already"), "{error}");
}
