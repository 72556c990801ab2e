//! What a file holds, by its first bytes: endings lie.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result, carried, content, unreadable};
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
            [b'P', b'A', b'R', b'1', rest @ ..] if !is_text(rest) => Self::Parquet,
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

/// Whether bytes may be those of a text, as those behind the beginning of a Parquet file are not.
fn is_text(bytes: &[u8]) -> bool {
    let may_be = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    !bytes.is_empty() && bytes.iter().all(may_be)
}

/// The text of `source`, which may be compressed by gzip and has `length` bytes, if that is known.
///
/// # Errors
/// [`crate::Error::Io`] if it cannot be read, [`crate::Error::Content`] if it is no text. A later read fails where a gzip file
/// is damaged, or holds far more than any table would: a small file cannot fill the memory.
pub(super) fn text<'a>(
    path: &'a Path,
    source: impl Read + 'a,
    length: Option<u64>,
) -> Result<Box<dyn Read + 'a>> {
    let refuse = |problem: String| Err(content(path, problem));
    let (content, source) = begun(path, source)?;
    match content {
        Content::Text => Ok(Box::new(source)),
        Content::Gzip => match begun(path, Expanded::new(path, source, length.unwrap_or(0)))? {
            (Content::Text, text) => Ok(Box::new(text)),
            _ => refuse("the gzip file holds no text\nhint: decompress it first".to_owned()),
        },
        Content::Npy | Content::Npz => {
            refuse("an array is read from a file of its own\nhint: name the file".to_owned())
        }
        Content::Parquet => refuse("Parquet is read from a file of its own\nhint: name the file".to_owned()),
        Content::Other(what, way) => refuse(format!("the file is not a table, but {what}\nhint: {way}")),
    }
}

/// What a source holds by its first bytes, and all of it.
fn begun<R: Read>(path: &Path, mut source: R) -> Result<(Content, impl Read + use<R>)> {
    let mut head = Vec::new();
    source.by_ref().take(16).read_to_end(&mut head).map_err(carried(path))?;
    Ok((Content::of(&head), Cursor::new(head).chain(source)))
}

/// The text of a gzip file, as long as it is of a table's length.
struct Expanded<'a, R> {
    path: &'a Path,
    text: MultiGzDecoder<Compressed<'a, R>>,
    n_text: u64,
    /// How many bytes the file has, at least.
    length: u64,
}

impl<'a, R: Read> Expanded<'a, R> {
    fn new(path: &'a Path, file: R, length: u64) -> Self {
        let file = Compressed { path, file, n_bytes: 0 };
        Self { path, text: MultiGzDecoder::new(file), n_text: 0, length }
    }
}

impl<R: Read> Read for Expanded<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        /// No table is shorter than this part of itself after compression.
        const RATIO: u64 = 200;
        /// What a file may hold however short it is.
        const SMALL: u64 = 1 << 24;
        let refuse = |problem: String| io::Error::other(content(self.path, problem));
        let n = self.text.read(bytes).map_err(|error| match error.get_ref() {
            Some(own) if own.is::<Error>() => error,
            _ => refuse(format!("not a whole gzip file: {error}")),
        })?;
        self.n_text += n as u64;
        if self.n_text > SMALL + RATIO * self.length.max(self.text.get_ref().n_bytes) {
            return Err(refuse(format!(
                "the text is over {RATIO} times as long as its gzip file, as no table is\n\
                 hint: decompress it first"
            )));
        }
        Ok(n)
    }
}

/// A compressed file, and how much of it has been read. Its errors are told from those of decompressing.
struct Compressed<'a, R> {
    path: &'a Path,
    file: R,
    n_bytes: u64,
}

impl<R: Read> Read for Compressed<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(bytes) {
                Ok(n) => {
                    self.n_bytes += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::other(carried(self.path)(error))),
            }
        }
    }
}
