//! Files that save reading a data set's sources again.
//!
//! A cache is a body, which may be larger than memory and is mapped, and a head, which is read:
//! `magic | identity | SHA-256 of the head | bytes of the body | bytes of the head | body | head`. The head begins with a
//! checksum of each block of the body, and both are checked when a cache is found. It lies beside the source or, where
//! that cannot be written, in the user's cache folder or, for this process only, among the temporary files. One that does
//! not belong to its sources as they are now, or is damaged, counts as absent. Writing is atomic, so a cache that is
//! mapped by one process never changes under it when another one makes it anew.

mod checksums;
mod writer;

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use interflow_core::atomic::{self, Partial};
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

pub(crate) use self::writer::Writer;

use self::checksums::Checksums;
use self::writer::Place;

const MAGIC: &[u8; 16] = b"interflow-cache2";
/// Magic, identity, digest, two lengths.
const HEADER: usize = MAGIC.len() + 32 + 32 + 8 + 8;

/// Half-written caches that nobody has written to for so long are of processes that were killed.
const ABANDONED: Duration = Duration::from_hours(1);

/// Where a cache may lie, and what it must be of.
#[derive(Debug)]
pub(crate) struct Cache {
    places: Vec<PathBuf>,
    identity: [u8; 32],
}

/// A whole cache.
#[derive(Debug)]
pub(crate) struct Found {
    /// The file.
    pub(crate) path: PathBuf,
    /// The head.
    pub(crate) head: Vec<u8>,
    /// Where in the file the body is.
    pub(crate) body: std::ops::Range<u64>,
    /// What removes the file when it is dropped, where it is a temporary one. A mapping outlives it.
    pub(crate) _temporary: Option<TempPath>,
}

impl Cache {
    /// The cache `file` of these sources, read in the way that `reading` names.
    ///
    /// # Errors
    /// If a source cannot be looked at; its path comes with the error.
    pub(crate) fn new(file: &Path, sources: &[PathBuf], reading: &str) -> Result<Self, (PathBuf, io::Error)> {
        Ok(Self { places: places(file), identity: identity(sources, reading)? })
    }

    /// The cache, if there is a whole one of the sources as they are now.
    pub(crate) fn find(&self) -> Option<Found> {
        self.places.iter().find_map(|path| {
            let found = self.read(path);
            if found.is_none() && path.exists() {
                tracing::info!("rebuilding the cache {}", path.display());
            }
            found
        })
    }

    fn read(&self, path: &Path) -> Option<Found> {
        let mut file = File::open(path).ok()?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let (identity, rest) = rest.split_at(32);
        let (digest, lengths) = rest.split_at(32);
        let length = |at: usize| lengths.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let (n_body, n_head) = (length(0)?, length(8)?);
        let body = HEADER as u64..(HEADER as u64).checked_add(n_body)?;
        let whole = body.end.checked_add(n_head)? == file.metadata().ok()?.len();
        if magic != MAGIC || identity != self.identity || !whole {
            return None;
        }
        file.seek(SeekFrom::Start(body.end)).ok()?;
        let mut head = Vec::new();
        file.read_to_end(&mut head).ok()?;
        if Sha256::digest(&head)[..] != *digest {
            return None;
        }
        file.seek(SeekFrom::Start(body.start)).ok()?;
        let checksums =
            head.drain(..Checksums::n_bytes(n_body).filter(|n| *n <= head.len())?).collect::<Vec<u8>>();
        if Checksums::of(file.take(n_body)).ok()? != checksums {
            tracing::warn!("the cache is damaged and made anew: {}", path.display());
            return None;
        }
        Some(Found { path: path.to_owned(), head, body, _temporary: None })
    }

    /// Begins to write the cache at the first of its places that allows it.
    ///
    /// # Errors
    /// If none does: the first one's error.
    pub(crate) fn create(&self) -> io::Result<Writer> {
        let mut first = None;
        for path in &self.places {
            let folder = path.parent().unwrap_or(Path::new("."));
            if folder.ends_with(USER_FOLDER) {
                // Whether that works is seen from what follows.
                let _ = std::fs::create_dir_all(folder);
            }
            atomic::sweep(folder, ABANDONED);
            match Partial::create(path) {
                Ok(partial) => return Writer::begin(Place::Kept(partial, path.clone()), self.identity),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    /// As [`Cache::create`], or else among the temporary files, with a warning: what is mapped has to be in a file.
    ///
    /// # Errors
    /// As [`Cache::create`].
    pub(crate) fn create_or_temporary(&self) -> io::Result<Writer> {
        let first = match self.create() {
            Ok(writer) => return Ok(writer),
            Err(error) => error,
        };
        let Ok(file) = tempfile::Builder::new().prefix("interflow-").suffix(".cache").tempfile() else {
            return Err(first);
        };
        if let Some(path) = self.places.first() {
            tracing::warn!(
                "nowhere to keep the cache {}: {first}; it is made at every start anew, in {}",
                path.display(),
                file.path().display()
            );
        }
        Writer::begin(Place::Temporary(file), self.identity)
    }
}

/// Below the user's cache folder.
const USER_FOLDER: &str = "interflow/data";

/// The file itself, and those that stand for it where its folder cannot be written.
fn places(file: &Path) -> Vec<PathBuf> {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let digest = Sha256::digest(absolute.as_os_str().as_encoded_bytes());
    let short = digest.iter().take(8).fold(0u64, |short, byte| (short << 8) | u64::from(*byte));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let other = dirs::cache_dir().map(|folder| folder.join(USER_FOLDER).join(format!("{short:016x}-{name}")));
    std::iter::once(file.to_owned()).chain(other).collect()
}

/// What tells one state of the sources, and one way to read them, from another.
fn identity(sources: &[PathBuf], reading: &str) -> Result<[u8; 32], (PathBuf, io::Error)> {
    let mut digest = Sha256::new();
    digest.update(reading.as_bytes());
    for source in sources {
        let look = |source: &Path| -> io::Result<(u64, u128)> {
            let metadata = source.metadata()?;
            let time = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok((metadata.len(), time.as_nanos()))
        };
        let (bytes, time) = look(source).map_err(|error| (source.clone(), error))?;
        let name = source.file_name().unwrap_or_default().as_encoded_bytes();
        for part in [&(name.len() as u64).to_le_bytes(), name, &bytes.to_le_bytes(), &time.to_le_bytes()] {
            digest.update(part);
        }
    }
    Ok(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path, reading: &str) -> Cache {
        let source = folder.join("source");
        let identity = identity(&[source], reading).unwrap();
        Cache { places: vec![folder.join("none/cache"), folder.join("cache")], identity }
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("source"), "abc").unwrap();
        folder
    }

    fn written(folder: &Path) -> Vec<u8> {
        let mut writer = cache(folder, "a").create().unwrap();
        writer.write(b"bo").unwrap();
        writer.write(b"dy").unwrap();
        writer.finish(b"head".to_vec()).unwrap();
        std::fs::read(folder.join("cache")).unwrap()
    }

    #[test]
    fn what_is_written_is_found_at_the_first_place_that_can_be_written() {
        let folder = folder();
        assert!(cache(folder.path(), "a").find().is_none());
        let bytes = written(folder.path());
        let found = cache(folder.path(), "a").find().unwrap();
        assert_eq!((found.path, found.head), (folder.path().join("cache"), b"head".to_vec()));
        assert_eq!(&bytes[found.body.start as usize..found.body.end as usize], b"body");
    }

    #[test]
    fn another_source_or_reading_counts_as_absent() {
        let folder = folder();
        written(folder.path());
        assert!(cache(folder.path(), "b").find().is_none());
        std::fs::write(folder.path().join("source"), "abcd").unwrap();
        assert!(cache(folder.path(), "a").find().is_none());
    }

    #[test]
    fn a_damaged_cache_counts_as_absent() {
        let folder = folder();
        let whole = written(folder.path());
        let path = folder.path().join("cache");
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(cache(folder.path(), "a").find().is_none(), "{length} bytes");
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert!(cache(folder.path(), "a").find().is_none(), "byte {place}");
        }
    }

    #[test]
    fn where_nothing_can_be_kept_a_temporary_file_serves() {
        let folder = folder();
        let cache = Cache { places: vec![folder.path().join("none/cache")], ..cache(folder.path(), "a") };
        assert!(cache.create().is_err());
        let mut writer = cache.create_or_temporary().unwrap();
        writer.write(b"body").unwrap();
        let found = writer.finish(b"head".to_vec()).unwrap();
        let (path, bytes) = (found.path.clone(), std::fs::read(&found.path).unwrap());
        assert_eq!(
            (&bytes[found.body.start as usize..found.body.end as usize], &found.head[..]),
            (&b"body"[..], &b"head"[..])
        );
        assert!(cache.find().is_none());
        drop(found);
        assert!(!path.exists());
    }

    #[test]
    fn what_killed_processes_left_is_swept() {
        let folder = folder();
        let [old, new, other] =
            [".tmpA.partial", ".tmpB.partial", "mine.partial"].map(|name| folder.path().join(name));
        for path in [&old, &new, &other] {
            std::fs::write(path, "half").unwrap();
        }
        for path in [&old, &other] {
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::now() - 2 * ABANDONED).unwrap();
        }
        drop(cache(folder.path(), "a").create().unwrap());
        assert!(!old.exists() && new.exists() && other.exists());
    }

    #[test]
    fn an_abandoned_cache_leaves_nothing() {
        let folder = folder();
        let mut writer = cache(folder.path(), "a").create().unwrap();
        writer.write(b"body").unwrap();
        drop(writer);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
