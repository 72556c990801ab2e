//! Files that are written whole or not at all.
//!
//! The content goes to a temporary file in the same folder, is synced, and replaces the old file by renaming. If the
//! path is a link, it stays one, and the file behind it is replaced. A pipe or a device cannot be replaced, and is
//! written to directly.
//!
//! A killed process leaves its temporary file behind. Writers keep theirs locked, and the system releases the locks
//! of a process that has ended; [`sweep`] removes the files that nobody is writing.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".tmp";
const SUFFIX: &str = ".partial";

/// Writes `bytes` to a temporary file beside `path`, which then replaces it. Readers see the old file or the new one,
/// never a part, also after a crash. The file gets the default mode of new files.
///
/// # Errors
/// If the folder does not exist, is not writable, or is full. Then nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = Partial::create(path)?;
    partial.file().write_all(bytes)?;
    partial.persist(path)
}

/// A temporary file beside the path that it will replace, for content that is written piece by piece. It is removed
/// if it is dropped before [`Partial::persist`].
#[derive(Debug)]
pub struct Partial(Place);

/// Where content goes until it is whole.
#[derive(Debug)]
enum Place {
    /// To a temporary file.
    Beside(NamedTempFile<File>),
    /// At once to the pipe or device that was named.
    Stream(File),
}

impl Partial {
    /// An empty temporary file beside `path`.
    ///
    /// # Errors
    /// If the folder does not exist or is not writable.
    pub fn create(path: &Path) -> io::Result<Self> {
        if is_stream(path) {
            return Ok(Self(Place::Stream(File::options().write(true).open(path)?)));
        }
        let target = behind_links(path)?;
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(PREFIX).suffix(SUFFIX);
        Ok(Self(Place::Beside(builder.make_in(folder_of(&target), create_locked)?)))
    }

    /// The open temporary file.
    pub fn file(&mut self) -> &mut File {
        match &mut self.0 {
            Place::Beside(partial) => partial.as_file_mut(),
            Place::Stream(stream) => stream,
        }
    }

    /// Syncs the file and moves it to `path`, which has to be the path that it was created for.
    ///
    /// # Errors
    /// If the disk is full, or `path` is a folder.
    pub fn persist(self, path: &Path) -> io::Result<()> {
        match self.0 {
            Place::Stream(mut stream) => stream.flush(),
            Place::Beside(partial) => {
                let target = behind_links(path)?;
                partial.as_file().sync_all()?;
                partial.persist(&target).map_err(|error| error.error)?;
                sync_folder(folder_of(&target))
            }
        }
    }
}

/// Makes a temporary file and locks it, as long as it is open, against [`sweep`]. Made here, since the files that tempfile
/// opens are private to the user.
fn create_locked(partial: &Path) -> io::Result<File> {
    let file = File::create_new(partial)?;
    // Where files cannot be locked, none is ever swept either.
    let _ = file.lock();
    if partial.exists() {
        return Ok(file);
    }
    // It was swept between its making and its locking: another name, please.
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes the temporary files in `folder` whose writers have ended, and returns how many; those of living processes
/// stay. A folder that does not exist has none.
///
/// # Errors
/// If the folder cannot be read, or a file cannot be removed.
pub fn sweep(folder: &Path) -> io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut count = 0;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            continue;
        }
        let Ok(file) = File::options().write(true).open(&path) else { continue };
        if file.try_lock().is_ok() {
            std::fs::remove_file(&path)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Whether a path, or what it links to, exists and is neither a file nor a folder, but a pipe, a device or a socket.
pub fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The path that a chain of links ends at, which need not exist; the path itself where it is no link.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        if !path.is_symlink() {
            return Ok(path);
        }
        path = folder_of(&path).join(std::fs::read_link(&path)?);
    }
    Err(io::Error::other("too many links, one to another"))
}

impl io::Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
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

    #[test]
    fn files_of_the_dead_are_swept_and_those_of_the_living_stay() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        let mut living = Partial::create(&target).unwrap();
        living.file().write_all(b"half").unwrap();
        std::fs::write(folder.path().join(".tmpAbCdEf.partial"), b"of a killed process").unwrap();
        std::fs::write(folder.path().join("mine.partial"), b"no name of ours").unwrap();
        assert_eq!(sweep(folder.path()).unwrap(), 1);
        living.persist(&target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"half");
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
        assert_eq!(sweep(&folder.path().join("none")).unwrap(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("far")).unwrap();
        for name in ["far/present", "far/absent"] {
            let link = folder.path().join(format!("link-{}", name.len()));
            let far = folder.path().join(name);
            std::os::unix::fs::symlink(name, &link).unwrap();
            if name.ends_with("present") {
                std::fs::write(&far, b"old").unwrap();
            }
            write(&link, b"new").unwrap();
            assert!(link.is_symlink());
            assert_eq!(std::fs::read(&far).unwrap(), b"new");
        }
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert!(write(&circle, b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        write(Path::new("/dev/null"), b"text").unwrap();
        assert!(is_stream(Path::new("/dev/null")) && !is_stream(Path::new("/")));
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
