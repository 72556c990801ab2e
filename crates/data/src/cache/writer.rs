//! A cache on its way to its place.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use interflow_core::atomic::Partial;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::checksums::Checksums;
use super::{Found, HEADER, MAGIC};

/// Where a cache is written.
#[derive(Debug)]
pub(super) enum Place {
    /// Beside the place that it is to take.
    Kept(Partial, PathBuf),
    /// A file that goes with the process.
    Temporary(NamedTempFile),
}

impl Place {
    fn file(&mut self) -> &mut File {
        match self {
            Self::Kept(partial, _) => partial.file(),
            Self::Temporary(file) => file.as_file_mut(),
        }
    }
}

impl Write for Place {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// A cache on its way to its place.
#[derive(Debug)]
pub(crate) struct Writer {
    identity: [u8; 32],
    file: BufWriter<Place>,
    n_body: u64,
    checksums: Checksums,
}

impl Writer {
    /// Begins a cache of sources of this identity.
    pub(super) fn begin(place: Place, identity: [u8; 32]) -> io::Result<Self> {
        let mut file = BufWriter::new(place);
        file.write_all(&[0; HEADER])?;
        Ok(Self { identity, file, n_body: 0, checksums: Checksums::default() })
    }

    /// Where the cache will lie.
    pub(crate) fn path(&self) -> &Path {
        match self.file.get_ref() {
            Place::Kept(_, path) => path,
            Place::Temporary(file) => file.path(),
        }
    }

    /// Appends to the body.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.n_body += bytes.len() as u64;
        self.checksums.add(bytes);
        self.file.write_all(bytes)
    }

    /// Ends the cache with its head and puts it into its place.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn finish(mut self, head: Vec<u8>) -> io::Result<Found> {
        let checked = [self.checksums.finish(), head].concat();
        self.file.write_all(&checked)?;
        let mut place = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&self.identity);
        header.extend_from_slice(&Sha256::digest(&checked));
        header.extend_from_slice(&self.n_body.to_le_bytes());
        header.extend_from_slice(&(checked.len() as u64).to_le_bytes());
        place.file().seek(SeekFrom::Start(0))?;
        place.file().write_all(&header)?;
        let (path, temporary) = match place {
            Place::Kept(partial, path) => {
                partial.persist(&path)?;
                (path, None)
            }
            Place::Temporary(file) => (file.path().to_owned(), Some(file.into_temp_path())),
        };
        let mut head = checked;
        head.drain(..Checksums::n_bytes(self.n_body).unwrap_or(0).min(head.len()));
        let body = HEADER as u64..HEADER as u64 + self.n_body;
        Ok(Found { path, head, body, _temporary: temporary })
    }
}
