//! Free disk space.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rustix::fs::statvfs;

/// Fails if fewer bytes are free where this folder lies.
pub(crate) fn require(folder: &Path, bytes: u64) -> Result<()> {
    let stat =
        statvfs(folder).with_context(|| format!("cannot ask for the free space at {}", folder.display()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free < bytes {
        bail!(
            "not enough disk space at {}: {} needed, {} free\n\
             hint: make room, or set XDG_CACHE_HOME to a folder on a larger disk",
            folder.display(),
            megabytes(bytes),
            megabytes(free)
        );
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortage_names_place_need_and_remedy() {
        let error = require("/".as_ref(), u64::MAX).unwrap_err().to_string();
        assert!(error.starts_with("not enough disk space at /: 18446744073709 MB needed"), "{error}");
        assert!(error.contains("XDG_CACHE_HOME"), "{error}");
    }
}
