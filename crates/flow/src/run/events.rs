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

/// An event file that grows by whole records.
pub(super) struct EventFile {
    file: File,
}

impl EventFile {
    /// A new file in `folder`, which is made if need be. After a step the file also says that a session
    /// starts: TensorBoard then forgets what an interrupted run has said of later steps.
    pub(super) fn create(folder: &Path, from_step: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let now = since_epoch();
        // TensorBoard reads the files of a folder in the order of their names.
        let name = format!("events.out.tfevents.{:010}.{:09}", now.as_secs(), now.subsec_nanos());
        let file = File::options().create_new(true).append(true).open(folder.join(name))?;
        let mut events = Self { file };
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
        let event =
            Event { wall_time: since_epoch().as_secs_f64(), step: step.cast_signed(), what: Some(what) };
        append(&mut self.file, &record(&event.encode_to_vec()))
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
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
    fn a_zero_is_written() {
        let scalar = Scalar { tag: "x".to_owned(), simple_value: Some(0.0) };
        assert_eq!(scalar.encode_to_vec(), [0x0a, 1, b'x', 0x15, 0, 0, 0, 0]);
    }
}
