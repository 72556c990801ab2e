//! What a file holds, by its first bytes: endings lie.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Result, content, unreadable};
use crate::npz;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Text, as far as its beginning says.
    Text,
    /// An array in the format NPY.
    Npy,
    /// An archive of arrays in the format NPZ.
    Npz,
    /// A Parquet file.
    Parquet,
    /// Text or something else compressed by gzip.
    Gzip,
    /// Something that is no table here; what it is, and what to do.
    Other(&'static str, &'static str),
}

const DECOMPRESS: &str = "decompress it first, or compress it by gzip";
const AS_CSV: &str = "save it as CSV or Parquet";

/// How a zip archive begins, which one of arrays is.
const ZIP: &[u8] = b"PK\x03\x04";

/// Beginnings of files that are no tables here, what they are, and what to do.
const OTHERS: [(&[u8], &str, &str); 12] = [
    (ZIP, "a zip archive or a workbook (.xlsx, .ods)", AS_CSV),
    (b"\xd0\xcf\x11\xe0", "a workbook of old Excel (.xls)", AS_CSV),
    (b"\x89HDF\r\n", "an HDF5 file", AS_CSV),
    (b"ARROW1", "a Feather file", AS_CSV),
    (b"SQLite format 3", "an SQLite database", AS_CSV),
    (b"\x80\x04\x95", "a pickle, which could run code", "save the array by numpy.save"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", DECOMPRESS),
    (b"BZh", "compressed by bzip2", DECOMPRESS),
    (b"\xfd7zXZ", "compressed by xz", DECOMPRESS),
    (b"<!DOCTYPE", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
    (b"{\\rtf", "a formatted document", AS_CSV),
];

impl Content {
    /// What bytes that begin with `head` hold.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Self::Npy,
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            [0x1f, 0x8b, ..] => Self::Gzip,
            _ => OTHERS
                .iter()
                .find(|(start, ..)| head.starts_with(start))
                .map_or(Self::Text, |&(_, what, way)| Self::Other(what, way)),
        }
    }

    /// What the file holds. Files that say by their ending to be arrays or Parquet, and by nothing else to be another
    /// thing, are damaged ones.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if it cannot be read.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        let mut head = Vec::new();
        File::open(path).and_then(|file| file.take(16).read_to_end(&mut head)).map_err(unreadable(path))?;
        let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        Ok(match (Self::of(&head), ending.as_ref().and_then(|ending| ending.to_str())) {
            (Self::Text, Some("npy")) => Self::Npy,
            (Self::Text, Some("parquet")) => Self::Parquet,
            (Self::Text | Self::Other(..), Some("npz")) => Self::Npz,
            (Self::Other(..), _) if head.starts_with(ZIP) && npz::holds_arrays(path) => Self::Npz,
            (found, _) => found,
        })
    }
}

/// The text in `bytes`, which may be compressed by gzip. A small file cannot fill the memory.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>> {
    /// No table is shorter than this part of itself after compression.
    const RATIO: u64 = 200;
    /// What a file may hold however short it is.
    const SMALL: u64 = 1 << 24;
    let refuse = |problem: String| Err(content(path, problem));
    match Content::of(&bytes) {
        Content::Text => Ok(bytes),
        Content::Gzip => {
            let limit = SMALL + RATIO * bytes.len() as u64;
            let mut text = Vec::new();
            let read = MultiGzDecoder::new(&bytes[..]).take(limit + 1).read_to_end(&mut text);
            if let Err(error) = read {
                return refuse(format!("not a whole gzip file: {error}"));
            }
            if text.len() as u64 > limit {
                let problem = format!(
                    "the text is over {RATIO} times as long as its gzip file, as no table is\n\
                     hint: decompress it first"
                );
                return refuse(problem);
            }
            match Content::of(&text) {
                Content::Text => Ok(text),
                _ => refuse("the gzip file holds no text\nhint: decompress it first".to_owned()),
            }
        }
        Content::Npy | Content::Npz => {
            refuse("an array is read from a file of its own\nhint: name the file".to_owned())
        }
        Content::Parquet => refuse("Parquet is read from a file of its own\nhint: name the file".to_owned()),
        Content::Other(what, way) => refuse(format!("the file is no table, but {what}\nhint: {way}")),
    }
}
