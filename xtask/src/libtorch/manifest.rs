//! The list of a cached tree's files: what tells a whole tree from a damaged one.
//!
//! One line `size<TAB>path` for each file, below a header. It's written last, so a tree without it is unfinished.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

/// The manifest's file name.
pub(crate) const NAME: &str = "MANIFEST";

const HEADER: &str = "interflow libtorch manifest 1";

/// Lists the tree's files in its manifest, which is on the disk when this returns.
pub(crate) fn write(tree: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(tree, &mut files)?;
    files.sort();
    let mut text = format!("{HEADER}\n");
    for (path, size) in files {
        let path = path.strip_prefix(tree).context("a file outside its tree")?;
        writeln!(text, "{size}\t{}", path.display())?;
    }
    let path = tree.join(NAME);
    let context = || format!("cannot write {}", path.display());
    let mut file = File::create(&path).with_context(context)?;
    file.write_all(text.as_bytes()).with_context(context)?;
    file.sync_all().with_context(context)
}

/// Compares the tree with its manifest, by the files' sizes.
///
/// # Errors
/// If the manifest or a file is missing, or a size differs.
pub(crate) fn verify(tree: &Path) -> Result<()> {
    let text = fs::read_to_string(tree.join(NAME)).with_context(|| format!("no {NAME}"))?;
    let mut lines = text.lines();
    ensure!(lines.next() == Some(HEADER), "unknown kind of {NAME}");
    for line in lines {
        let (size, path) = line.split_once('\t').with_context(|| format!("damaged {NAME}: {line}"))?;
        match fs::metadata(tree.join(path)) {
            Err(_) => bail!("missing file: {path}"),
            Ok(file) if file.len().to_string() != size => {
                bail!("wrong size, {} for {size}: {path}", file.len())
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    let context = || format!("cannot list {}", dir.display());
    for entry in fs::read_dir(dir).with_context(context)? {
        let entry = entry.with_context(context)?;
        let metadata = entry.metadata().with_context(context)?;
        if metadata.is_dir() {
            collect(&entry.path(), files)?;
        } else if entry.file_name() != NAME {
            files.push((entry.path(), metadata.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lib")).unwrap();
        fs::write(dir.path().join("lib/a.so"), "four").unwrap();
        fs::write(dir.path().join("b.h"), "").unwrap();
        dir
    }

    fn error(tree: &Path) -> String {
        format!("{:#}", verify(tree).unwrap_err())
    }

    #[test]
    fn what_was_written_verifies() {
        let tree = tree();
        write(tree.path()).unwrap();
        verify(tree.path()).unwrap();
    }

    #[test]
    fn damage_is_found_and_named() {
        let tree = tree();
        assert!(error(tree.path()).starts_with("no MANIFEST"));
        write(tree.path()).unwrap();
        fs::write(tree.path().join("lib/a.so"), "cut").unwrap();
        assert_eq!(error(tree.path()), "wrong size, 3 for 4: lib/a.so");
        fs::remove_file(tree.path().join("lib/a.so")).unwrap();
        assert_eq!(error(tree.path()), "missing file: lib/a.so");
    }
}
