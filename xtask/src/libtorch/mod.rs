//! Provides libtorch 2.11.0, the version that `tch` 0.24 binds, and points the link `.libtorch` at it.
//!
//! Looked for in this order: `$LIBTORCH`; what the link points at already (so that a CUDA tree once chosen
//! stays, and a workspace that is set up costs a few milliseconds); a Python torch; the per-user cache; the
//! wheel, through pip, unpacked into that cache. Everything found is checked for version and files.

mod cache;
mod disk;
mod link;
mod manifest;
mod pip;
mod platform;
mod python;
mod tree;
mod unpack;
mod version;
mod wheels;

use std::{
    env,
    path::{Path, PathBuf, absolute},
};

use anyhow::Result;

use self::cache::Place;
pub(crate) use self::tree::{Flavour, Tree};
use crate::workspace::Workspace;

/// The version of libtorch that the workspace needs.
pub(crate) const VERSION: &str = "2.11.0";

/// Provides a tree of this flavour and points the workspace's link at it.
///
/// # Errors
/// If there is none and none can be made; the message says what to do next.
pub(crate) fn provide(workspace: &Workspace, flavour: Flavour) -> Result<Tree> {
    let tree = find(workspace, flavour)?;
    if link::point(&workspace.link(), tree.root())? {
        eprintln!("libtorch {VERSION}: .libtorch -> {}", tree.root().display());
    }
    Ok(tree)
}

fn find(workspace: &Workspace, flavour: Flavour) -> Result<Tree> {
    let present = from_environment(workspace, flavour).or_else(|| from_link(&workspace.link(), flavour));
    match present.or_else(|| python::find(flavour)) {
        Some(tree) => Ok(tree),
        None => wheels::provide(&Place::of_user(flavour)?, flavour),
    }
}

fn from_environment(workspace: &Workspace, flavour: Flavour) -> Option<Tree> {
    let dir = user_libtorch(env::var_os("LIBTORCH").map(PathBuf::from), &workspace.link())?;
    match Tree::open(&dir, flavour) {
        Ok(tree) => Some(tree),
        Err(error) => {
            eprintln!("warning: ignoring LIBTORCH={}: {error:#}", dir.display());
            eprintln!("hint: unset LIBTORCH before you call cargo without xtask");
            None
        }
    }
}

/// `$LIBTORCH` as far as the user set it: cargo itself sets it to the link, which must not point at itself.
fn user_libtorch(variable: Option<PathBuf>, link: &Path) -> Option<PathBuf> {
    let dir = absolute(variable.filter(|dir| !dir.as_os_str().is_empty())?).ok()?;
    let folder = |path: &Path| path.parent().and_then(|parent| parent.canonicalize().ok());
    let is_link = dir == link || (dir.file_name() == link.file_name() && folder(&dir) == folder(link));
    (!is_link).then_some(dir)
}

fn from_link(link: &Path, flavour: Flavour) -> Option<Tree> {
    let target = std::fs::read_link(link).ok()?;
    cache::intact(&target).then(|| Tree::open(&target, flavour).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_set_by_cargo_counts_as_unset() {
        let check =
            |variable: Option<&str>| user_libtorch(variable.map(PathBuf::from), "/w/.libtorch".as_ref());
        assert_eq!(check(None), None);
        assert_eq!(check(Some("")), None);
        assert_eq!(check(Some("/w/.libtorch")), None);
        assert_eq!(check(Some("/opt/libtorch")), Some("/opt/libtorch".into()));
    }

    #[test]
    fn the_link_is_known_by_another_path_too() {
        let dir = tempfile::tempdir().unwrap();
        let (real, alias) = (dir.path().join("real"), dir.path().join("alias"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &alias).unwrap();
        assert_eq!(user_libtorch(Some(alias.join(".libtorch")), &real.join(".libtorch")), None);
    }
}
