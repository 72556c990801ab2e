//! What TensorBoard finds in a run folder, read as its file format says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interflow_tests::Playground;

/// A field of a protobuf message: a number (the bits of a floating-point one) or bytes.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (head, tail) = bytes.split_at(n);
    *bytes = tail;
    head
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The messages of an event file, their checksums compared.
fn messages(mut file: &[u8]) -> Vec<&[u8]> {
    let checked = |bytes: &[u8], checksum: &[u8]| {
        let crc = crc32c::crc32c(bytes);
        let masked = crc.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(u64::from(masked), little_endian(checksum));
    };
    let mut found = Vec::new();
    while !file.is_empty() {
        let length = take(&mut file, 8);
        checked(length, take(&mut file, 4));
        let message = take(&mut file, little_endian(length) as usize);
        checked(message, take(&mut file, 4));
        found.push(message);
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let n = 1 + bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
    take(bytes, n).iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
}

/// A message's fields by number.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut message)),
            1 => Field::Number(little_endian(take(&mut message, 8))),
            2 => {
                let n = varint(&mut message) as usize;
                Field::Bytes(take(&mut message, n))
            }
            5 => Field::Number(little_endian(take(&mut message, 4))),
            other => panic!("wire type {other}"),
        };
        found.push((key >> 3, field));
    }
    found
}

/// What a file holds.
#[derive(Default)]
struct Events {
    version: String,
    /// The steps at which a session is said to start.
    starts: Vec<u64>,
    /// Steps and values by tag.
    scalars: BTreeMap<String, Vec<(u64, f32)>>,
}

fn read(path: &Path) -> Events {
    let file = std::fs::read(path).unwrap();
    let mut events = Events::default();
    for message in messages(&file) {
        let mut step = 0;
        for field in fields(message) {
            match field {
                (2, Field::Number(number)) => step = number,
                (3, Field::Bytes(version)) => events.version = String::from_utf8(version.to_vec()).unwrap(),
                (5, Field::Bytes(summary)) => read_summary(summary, step, &mut events),
                (7, Field::Bytes([0x08, 1])) => events.starts.push(step),
                (1, Field::Number(seconds)) => assert!(f64::from_bits(seconds) > 1e9),
                (number, _) => panic!("field {number} of an event"),
            }
        }
    }
    events
}

fn read_summary(summary: &[u8], step: u64, events: &mut Events) {
    for (number, value) in fields(summary) {
        let Field::Bytes(value) = value else { panic!("field {number} of a summary is no message") };
        match fields(value)[..] {
            [(1, Field::Bytes(tag)), (2, Field::Number(bits))] => {
                let tag = String::from_utf8(tag.to_vec()).unwrap();
                events.scalars.entry(tag).or_default().push((step, f32::from_bits(bits as u32)));
            }
            _ => panic!("a scalar has a tag and a value"),
        }
    }
}

/// The event files of a run, in the order in which TensorBoard reads them.
fn files(run: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(run.join("tensorboard")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.iter().all(|file| file.to_string_lossy().contains(".tfevents.")), "{files:?}");
    files
}

/// Steps and values of a key in metrics.jsonl.
fn metrics(run: &Path, key: &str) -> Vec<(u64, f32)> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    records.filter_map(|r| Some((r["step"].as_u64()?, r[key].as_f64()? as f32))).collect()
}

#[test]
fn events_hold_the_numbers_of_the_metrics() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml");
    let run = playground.run_folder("runs");
    let files = files(&run);
    assert_eq!(files.len(), 1, "{files:?}");
    let events = read(&files[0]);
    assert_eq!(events.version, "brain.Event:2");
    assert!(events.starts.is_empty());
    let steps = |tag: &str| events.scalars[tag].iter().map(|(step, _)| *step).collect::<Vec<_>>();
    assert_eq!(steps("loss"), (10..=200).step_by(10).collect::<Vec<_>>());
    assert_eq!(steps("validation/gap"), [100, 200]);
    let tags = ["grad_norm", "learning_rate", "loss", "validation/gap", "validation/objective"];
    assert!(events.scalars.keys().eq(tags), "{:?}", events.scalars.keys());
    for tag in tags {
        assert_eq!(events.scalars[tag], metrics(&run, tag.trim_start_matches("validation/")), "{tag}");
    }
}

#[test]
fn a_resumed_run_goes_on_in_a_new_file() {
    let playground = Playground::new();
    playground.succeed("train tiny.toml --set train.steps=120");
    let run = playground.run_folder("runs");
    playground.succeed(&format!("train tiny.toml --resume {}", run.display()));
    let files = files(&run);
    assert_eq!(files.len(), 2, "{files:?}");
    let events = read(&files[1]);
    assert_eq!(events.starts, [121], "what comes later in the first file is void");
    let steps: Vec<u64> = events.scalars["loss"].iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (130..=200).step_by(10).collect::<Vec<_>>());
}
