//! Scalars for TensorBoard: an event file as TensorFlow writes them.
//!
//! A file is a sequence of records, all numbers little-endian:
//!
//! ```text
//! length: u64 | masked crc32c of the length: u32 | Event message | masked crc32c of the message: u32
//! ```
//!
//! Only the few fields that a scalar needs are declared here: crates that know the whole message format need
//! protoc on the machine that builds them, or drag in an image library.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use prost::Message;

use super::metrics::append;

/// The version that a file begins with.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`.
const START: i32 = 1;

/// What the names of event files begin with.
const NAME: &str = "events.out.tfevents.";

/// An event file that grows by whole records.
#[derive(Debug)]
pub(super) struct EventFile {
    file: File,
    /// The time of the last record, since the epoch: none after it is earlier, whatever becomes of the clock.
    latest: Duration,
}

impl EventFile {
    /// A new file in `folder`, which is made if need be. After a step the file also says that a session
    /// starts: TensorBoard then forgets what an interrupted run has said of later steps.
    pub(super) fn create(folder: &Path, from_step: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        // TensorBoard reads the files of a folder in the order of their names.
        let latest = since_epoch().max(latest(folder)? + Duration::from_nanos(1));
        let name = format!("{NAME}{:010}.{:09}", latest.as_secs(), latest.subsec_nanos());
        let file = File::options().create_new(true).append(true).open(folder.join(name))?;
        let mut events = Self { file, latest };
        events.write(0, What::FileVersion(VERSION.to_owned()))?;
        if from_step > 0 {
            events.write(from_step + 1, What::SessionLog(SessionLog { status: START }))?;
        }
        Ok(events)
    }

    /// Adds the values of some scalars at a step.
    pub(super) fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> io::Result<()> {
        let values = scalars
            .iter()
            .map(|&(tag, value)| Scalar { tag: tag.to_owned(), simple_value: Some(value as f32) })
            .collect();
        self.write(step, What::Summary(Summary { values }))
    }

    fn write(&mut self, step: u64, what: What) -> io::Result<()> {
        self.latest = self.latest.max(since_epoch());
        let wall_time = self.latest.as_secs_f64();
        let event = Event { wall_time, step: step.cast_signed(), what: Some(what) };
        append(&self.file, &record(&event.encode_to_vec()))
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The latest time in the names and the records of a folder's event files, since the epoch; 0 where there is none.
fn latest(folder: &Path) -> io::Result<Duration> {
    let mut latest = Duration::ZERO;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(begun) = path.file_name().and_then(|name| begun(&name.to_string_lossy())) else { continue };
        latest = latest.max(begun);
        for event in events(&fs::read(&path)?) {
            latest = latest.max(Duration::try_from_secs_f64(event.wall_time).unwrap_or_default());
        }
    }
    Ok(latest)
}

/// The time in the name of an event file.
fn begun(name: &str) -> Option<Duration> {
    let (secs, nanos) = name.strip_prefix(NAME)?.split_once('.')?;
    Some(Duration::new(secs.parse().ok()?, nanos.parse().ok()?))
}

/// The events of a file, up to where it is torn.
fn events(mut bytes: &[u8]) -> Vec<Event> {
    let mut found = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some(event) = rest.get(4..).and_then(|rest| rest.get(..length)) else { break };
        found.extend(Event::decode(event));
        bytes = rest.get(4 + length + 4..).unwrap_or_default();
    }
    found
}

/// A message with its frame.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let checksum = |bytes: &[u8]| masked_crc32c(bytes).to_le_bytes();
    [&length[..], &checksum(&length), message, &checksum(message)].concat()
}

/// A crc32c, masked because checksums of data that hold checksums are weak.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Scalar>,
}

/// `Summary.Value`; the value is optional so that a 0 is written too.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_begins_like_one_of_tensorflow() {
        let event = Event { wall_time: 1.5e9, step: 0, what: Some(What::FileVersion(VERSION.to_owned())) };
        let bytes = record(&event.encode_to_vec());
        // The frame of 24 bytes, as every file of TensorFlow begins: "\x18\0\0\0\0\0\0\0\xa3\x7fK\"\t".
        assert_eq!(bytes[..13], [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 9]);
        assert_eq!(bytes[21..36], *b"\x1a\rbrain.Event:2");
        assert_eq!(bytes.len(), 8 + 4 + 24 + 4);
    }

    #[test]
    fn files_and_events_are_in_order_though_the_clock_is_set_back() {
        let folder = tempfile::tempdir().unwrap();
        // A file of tomorrow, with an event of the day after, and a torn end.
        let day = Duration::from_hours(24);
        let tomorrow = since_epoch() + day;
        let event = Event { wall_time: (tomorrow + day).as_secs_f64(), step: 3, what: None };
        let mut bytes = record(&event.encode_to_vec());
        bytes.extend([9, 0, 0]);
        fs::write(folder.path().join(format!("{NAME}{:010}.000000007", tomorrow.as_secs())), bytes).unwrap();
        EventFile::create(folder.path(), 0).unwrap().scalars(4, &[("loss", 1.0)]).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        let times = |path: &Path| -> Vec<f64> {
            events(&fs::read(path).unwrap()).iter().map(|event| event.wall_time).collect()
        };
        let [first, second] = [times(&names[0]), times(&names[1])];
        assert_eq!((first.len(), second.len()), (1, 2));
        assert!(second[0] >= first[0] && second[1] >= second[0], "{first:?} {second:?}");
    }

    #[test]
    fn a_zero_is_written() {
        let scalar = Scalar { tag: "x".to_owned(), simple_value: Some(0.0) };
        assert_eq!(scalar.encode_to_vec(), [0x0a, 1, b'x', 0x15, 0, 0, 0, 0]);
    }
}
