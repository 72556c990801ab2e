//! The link `.libtorch`.

use std::{fs, os::unix::fs::symlink, path::Path, process};

use anyhow::{Context as _, Result, bail};

/// Points the link at the target, atomically; says whether that changed anything.
///
/// # Errors
/// If something other than a link lies there, or the folder can't be written to.
pub(crate) fn point(link: &Path, target: &Path) -> Result<bool> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(false);
    }
    if fs::symlink_metadata(link).is_ok_and(|there| !there.is_symlink()) {
        bail!("not a link, so not replaced: {}\nhint: move it away, then try again", link.display());
    }
    let fresh = link.with_extension(process::id().to_string());
    let replaced = symlink(target, &fresh).and_then(|()| fs::rename(&fresh, link));
    if replaced.is_err() {
        // Nothing is lost if it isn't there.
        let _ = fs::remove_file(&fresh);
    }
    replaced.with_context(|| format!("cannot make the link {} -> {}", link.display(), target.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_is_made_then_kept_then_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join(".libtorch");
        assert!(point(&link, "/a".as_ref()).unwrap());
        assert!(!point(&link, "/a".as_ref()).unwrap());
        assert!(point(&link, "/b".as_ref()).unwrap());
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("/b"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a temporary link was left behind");
    }

    #[test]
    fn a_folder_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join(".libtorch");
        fs::create_dir(&link).unwrap();
        assert!(point(&link, "/a".as_ref()).unwrap_err().to_string().starts_with("not a link"));
    }

    /// A reader sees the old or the new target at any moment, never nothing.
    #[test]
    fn replacing_leaves_no_gap() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join(".libtorch");
        point(&link, "/0".as_ref()).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (1..300).all(|i| point(&link, format!("/{i}").as_ref()).unwrap()));
            while !writer.is_finished() {
                fs::read_link(&link).unwrap();
            }
            assert!(writer.join().unwrap());
        });
    }
}
