//! A folder of files that are to be carried, compressed, in pieces of a limited size.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// What a piece may hold, in bytes: machines that are lent take 64 MiB at a time.
pub(crate) const MOST: u64 = 60 << 20;

/// Programs that compress a stream, the best first, with the ending of their files.
const COMPRESSORS: [(&str, &[&str], &str); 2] =
    [("xz", &["-6", "--threads=0", "--stdout"], "xz"), ("gzip", &["-9", "--stdout"], "gz")];

/// Puts a compressed copy of `file` at `to`, whose name gets the compressor's ending, and returns its path.
pub(crate) fn compress(file: &Path, to: &Path) -> Result<PathBuf> {
    make_parent(to)?;
    for (program, arguments, ending) in COMPRESSORS {
        let target = PathBuf::from(format!("{}.{ending}", to.display()));
        let output = File::create(&target).with_context(|| format!("cannot write {}", target.display()))?;
        let mut command = Command::new(program);
        match command.args(arguments).arg("--").arg(file).stdout(output).status() {
            Ok(status) if status.success() => return Ok(target),
            Ok(status) => bail!("{program} cannot compress {}: {status}", file.display()),
            // Not there: the next one is.
            Err(_) => remove(&target)?,
        }
    }
    bail!("neither xz nor gzip is to be found")
}

/// Copies a file as it is.
pub(crate) fn copy(file: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    fs::copy(file, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", file.display(), to.display()))
}

/// Removes a file, which has to be there.
pub(crate) fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))
}

fn make_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))
}

/// How many bytes a file has.
pub(crate) fn size(file: &Path) -> Result<u64> {
    Ok(fs::metadata(file).with_context(|| format!("cannot find {}", file.display()))?.len())
}

/// Cuts a list of sizes into runs of which none is larger than [`MOST`]: for each size the number of its run, from 0.
///
/// # Errors
/// If one of them alone is larger.
pub(crate) fn pieces(sizes: &[u64]) -> Result<Vec<usize>> {
    let (mut piece, mut held) = (0, 0);
    let mut places = Vec::new();
    for &size in sizes {
        if size > MOST {
            bail!("a file is too large to be carried in one piece of {MOST} bytes: {size}");
        }
        if held + size > MOST {
            (piece, held) = (piece + 1, 0);
        }
        held += size;
        places.push(piece);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_filled_in_order() {
        let sizes = [MOST / 2, MOST / 2, 1, MOST, MOST / 3, MOST / 3];
        assert_eq!(pieces(&sizes).unwrap(), [0, 0, 1, 2, 3, 3]);
        assert!(pieces(&[]).unwrap().is_empty());
        assert!(pieces(&[1, MOST + 1]).is_err());
    }

    #[test]
    fn a_compressed_file_is_smaller_and_says_how_it_was_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("zeros");
        fs::write(&file, vec![0; 100_000]).unwrap();
        let found = compress(&file, &dir.path().join("into/zeros")).unwrap();
        assert!(size(&found).unwrap() < 10_000);
        assert!(["xz", "gz"].contains(&found.extension().unwrap().to_str().unwrap()));
    }
}
