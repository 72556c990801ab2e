//! Figures on disk.

use std::fs::File;
use std::io::{self, Cursor, Write as _};
use std::path::Path;

use image::{ImageFormat, RgbImage};

use crate::error::{Error, Result};

/// Writes `image` as a PNG file to `path`, whole or not at all: readers see the old file or the new one, never a
/// part, also after a crash. The file gets the mode that any new file gets.
///
/// # Errors
/// [`Error::Write`] when the folder does not exist, is not writable or is full, or a folder has the name `path`;
/// nothing is left of the attempt then. [`Error::Encode`] when the image cannot be a PNG file.
pub fn save_png(path: &Path, image: &RgbImage) -> Result<()> {
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|source| Error::Encode { path: path.to_owned(), source })?;
    write_whole(path, bytes.get_ref()).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Writes `bytes` to a temporary file beside `path`, which then takes its place.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Opened here, since the files that tempfile opens are private to the user.
    let open = |partial: &Path| File::create_new(partial);
    let mut partial = tempfile::Builder::new().suffix(".partial").make_in(folder, open)?;
    partial.as_file_mut().write_all(bytes)?;
    partial.as_file().sync_all()?;
    partial.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
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
    fn a_saved_picture_reads_back_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let image = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        save_png(&path, &RgbImage::new(1, 1)).unwrap();
        save_png(&path, &image).unwrap();
        assert_eq!(image::open(&path).unwrap().to_rgb8(), image);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = save_png(&folder.path().join("none/a.png"), &RgbImage::new(1, 1)).unwrap_err();
        let Error::Write { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().ends_with("a.png") && !source.to_string().contains("partial"), "{source}");
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken.png");
        std::fs::create_dir_all(path.join("inside")).unwrap();
        assert!(save_png(&path, &RgbImage::new(1, 1)).is_err());
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_picture_has_the_mode_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode();
        save_png(&folder.path().join("ours.png"), &RgbImage::new(1, 1)).unwrap();
        std::fs::write(folder.path().join("usual"), b"").unwrap();
        assert_eq!(mode("ours.png"), mode("usual"));
    }
}
