//! Unpacks of a downloaded file what belongs to the data set.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use crate::{
    progress::Progress,
    publishers::{Download, Place},
};

/// Puts what the download has for its places below the folder `into`.
///
/// # Errors
/// If the archive is damaged, an entry of it would lie outside the folder, a place gets nothing, or a file cannot be
/// written.
pub(crate) fn unpack(file: &Path, download: &Download, into: &Path) -> Result<()> {
    let context = || format!("cannot unpack {}", file.display());
    let unpacked = match Kind::of(download.name()) {
        Kind::Plain => copy(file, download, into),
        Kind::Zip => zip(file, download.places, into),
        Kind::TarGz => tar_gz(file, download.places, into),
    };
    let found = unpacked.with_context(context)?;
    let empty = download.places.iter().zip(&found).find(|(_, found)| !**found);
    match empty {
        None => Ok(()),
        Some((place, _)) => Err(anyhow::anyhow!("the archive has no {}", place.from)).with_context(context),
    }
}

enum Kind {
    Plain,
    Zip,
    TarGz,
}

impl Kind {
    fn of(name: &str) -> Self {
        let mut endings = name.rsplit('.');
        match (endings.next(), endings.next()) {
            (Some("tgz"), _) | (Some("gz"), Some("tar")) => Self::TarGz,
            (Some("zip"), _) => Self::Zip,
            _ => Self::Plain,
        }
    }
}

/// Which places have got something.
type Found = Vec<bool>;

/// A file that is no archive is one of the data set's files.
fn copy(file: &Path, download: &Download, into: &Path) -> Result<Found> {
    for place in download.places {
        write(&mut File::open(file)?, &into.join(place.to))?;
    }
    Ok(vec![true; download.places.len()])
}

fn zip(file: &Path, places: &[Place], into: &Path) -> Result<Found> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(file)?))?;
    let progress = Progress::start(task(file), fs::metadata(file)?.len());
    let mut found = vec![false; places.len()];
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = PathBuf::from(entry.name()?.into_owned());
        check_inside(&name)?;
        let packed = entry.compressed_size();
        if !entry.is_dir()
            && let Some((place, path)) = target(&name, places)
        {
            if entry.is_symlink() {
                bail!("an entry is not a file: {}", name.display());
            }
            write(&mut entry, &into.join(path))?;
            found[place] = true;
        }
        progress.advance(packed);
    }
    progress.finish();
    Ok(found)
}

fn tar_gz(file: &Path, places: &[Place], into: &Path) -> Result<Found> {
    let progress = Progress::start(task(file), fs::metadata(file)?.len());
    let packed = Counting { inner: BufReader::new(File::open(file)?), progress: &progress };
    let mut archive = tar::Archive::new(MultiGzDecoder::new(packed));
    let mut found = vec![false; places.len()];
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        check_inside(&name)?;
        let kind = entry.header().entry_type();
        let Some((place, path)) = target(&name, places).filter(|_| !kind.is_dir()) else { continue };
        if !kind.is_file() {
            bail!("an entry is not a file: {}", name.display());
        }
        write(&mut entry, &into.join(path))?;
        found[place] = true;
    }
    progress.finish();
    Ok(found)
}

fn task(file: &Path) -> String {
    format!("unpacking {}", file.file_name().unwrap_or_default().to_string_lossy())
}

/// Shows how much of an archive has been read.
struct Counting<'a, R> {
    inner: R,
    progress: &'a Progress,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.progress.advance(n as u64);
        Ok(n)
    }
}

/// Refuses a name that leads out of the folder into which the archive is unpacked.
fn check_inside(name: &Path) -> Result<()> {
    let inside = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || name.to_string_lossy().contains('\\') {
        bail!("an entry would lie outside the folder: {}", name.display());
    }
    Ok(())
}

/// The place to which an entry belongs, and its path below the data sets' folder. What a Mac keeps beside files is
/// left.
fn target(name: &Path, places: &[Place]) -> Option<(usize, PathBuf)> {
    let hidden = |part: &std::ffi::OsStr| {
        let part = part.to_string_lossy();
        part.starts_with("._") || part == "__MACOSX"
    };
    if name.iter().any(hidden) {
        return None;
    }
    places.iter().enumerate().find_map(|(index, place)| {
        let (to, below) = (Path::new(place.to), below(name, place)?);
        // Joined to nothing a path gets a slash at its end, and is no file's any more.
        Some((index, if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) }))
    })
}

/// What comes in the name after the place's own path, which may stand after other folders. Nothing where they are the
/// same.
fn below(name: &Path, place: &Place) -> Option<PathBuf> {
    let (parts, from) = (name.iter().collect::<Vec<_>>(), Path::new(place.from).iter().collect::<Vec<_>>());
    let at = parts.windows(from.len()).position(|window| window == from)?;
    Some(parts[at + from.len()..].iter().collect())
}

fn write(content: &mut impl Read, path: &Path) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(path)).with_context(context)?;
    let mut file = File::create(path).with_context(context)?;
    io::copy(content, &mut file).map(drop).with_context(context)
}
