//! Files that are written whole or not at all, for all crates of the workspace.
//!
//! The content goes to a temporary file in the same folder, is synced, and takes the place of the old file by a
//! renaming.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// Writes `bytes` to a temporary file beside `path`, which then takes its place: readers see the old file or
/// the new one, never a part, also after a crash. The file gets the mode that any new file gets.
///
/// # Errors
/// When the folder does not exist, is not writable, or is full; nothing is left of the attempt then.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = Partial::create(path)?;
    partial.file().write_all(bytes)?;
    partial.persist(path)
}

/// A temporary file beside the place that it is to take, for content that is written bit by bit. It is removed when it
/// is dropped before [`Partial::persist`].
#[derive(Debug)]
pub struct Partial(NamedTempFile<File>);

impl Partial {
    /// An empty temporary file beside `path`.
    ///
    /// # Errors
    /// When the folder does not exist or is not writable.
    pub fn create(path: &Path) -> io::Result<Self> {
        // Opened here, since the files that tempfile opens are private to the user.
        let open = |partial: &Path| File::create_new(partial);
        let builder = |folder| tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).make_in(folder, open);
        Ok(Self(builder(folder_of(path))?))
    }

    /// The open temporary file.
    pub fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    /// Puts the file, synced, into the place `path`, which lies in the folder it was created for.
    ///
    /// # Errors
    /// When the disk is full or the place is taken by a folder.
    pub fn persist(self, path: &Path) -> io::Result<()> {
        self.0.as_file().sync_all()?;
        self.0.persist(path).map_err(|error| error.error)?;
        sync_folder(folder_of(path))
    }
}

impl io::Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".tmp";
const SUFFIX: &str = ".partial";

/// Removes the temporary files in a folder that nobody has written to for as long as `idle`: processes that were killed
/// left them. What cannot be removed stays.
pub fn sweep(folder: &Path, idle: Duration) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let ours = name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes());
        let written = || entry.metadata().ok().filter(std::fs::Metadata::is_file)?.modified().ok();
        if ours
            && written()
                .is_some_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age >= idle))
        {
            // Another process may be faster.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a renaming in the folder survive a power failure; only Unix has a way to ask for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"a longer text").unwrap();
        write(&path, b"short").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        std::fs::create_dir_all(path.join("inside")).unwrap();
        assert!(write(&path, b"text").is_err());
        let error = write(&folder.path().join("none/a"), b"text").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!error.to_string().contains("partial"), "{error}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_mode_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode();
        write(&folder.path().join("ours"), b"").unwrap();
        std::fs::write(folder.path().join("usual"), b"").unwrap();
        assert_eq!(mode("ours"), mode("usual"));
    }
}
