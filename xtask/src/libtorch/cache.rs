//! The per-user cache of unpacked libtorch trees, shared by all clones of the workspace.
//!
//! A tree is made in a temporary folder beside its final place and renamed into it, under a lock: neither an
//! interruption nor a second process can leave or see half a tree. The lock goes with the process that holds it.

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use rustix::fs::sync;
use tempfile::TempDir;

use super::{VERSION, manifest, tree::Flavour};

/// Where one tree lies, or will lie, in the cache.
pub(crate) struct Place {
    parent: PathBuf,
    name: String,
}

impl Place {
    /// The user's place for trees of this flavour.
    ///
    /// # Errors
    /// If the environment names no cache and no home.
    pub(crate) fn of_user(flavour: Flavour) -> Result<Self> {
        Ok(Self::within(&user_cache()?.join("interflow"), flavour))
    }

    pub(crate) fn within(parent: &Path, flavour: Flavour) -> Self {
        Self { parent: parent.to_owned(), name: format!("libtorch-{VERSION}-{flavour}") }
    }

    /// The folder with `lib/` and `include/`, as a wheel names it.
    pub(crate) fn torch(&self) -> PathBuf {
        self.folder().join("torch")
    }

    /// Makes the tree unless it is there and whole. `fill` gets a working folder and the folder to fill.
    pub(crate) fn provide(&self, fill: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<()> {
        if manifest::verify(&self.folder()).is_ok() {
            return Ok(());
        }
        let context = || format!("cannot create the cache folder {}", self.parent.display());
        fs::create_dir_all(&self.parent).with_context(context)?;
        let _lock = self.lock()?;
        self.sweep()?;
        match manifest::verify(&self.folder()) {
            Ok(()) => return Ok(()),
            Err(error) if self.folder().exists() => {
                eprintln!("rebuilding {}: {error:#}", self.folder().display());
            }
            Err(_) => {}
        }
        self.make(fill)
    }

    fn folder(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// What temporary folders' names begin with.
    fn prefix(&self) -> String {
        format!(".{}.tmp-", self.name)
    }

    fn lock(&self) -> Result<File> {
        let path = self.parent.join(format!(".{}.lock", self.name));
        let context = || format!("cannot lock {}", path.display());
        let file = File::create(&path).with_context(context)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("waiting for another process that provides libtorch ...");
                file.lock().with_context(context)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(context),
        }
        Ok(file)
    }

    /// Removes what interrupted runs left. Under the lock no living process owns any of it.
    fn sweep(&self) -> Result<()> {
        let context = || format!("cannot clean up {}", self.parent.display());
        for entry in fs::read_dir(&self.parent).with_context(context)? {
            let entry = entry.with_context(context)?;
            if entry.file_name().to_string_lossy().starts_with(&self.prefix()) {
                // A pip that outlived its xtask may still write there; then the next run gets the rest.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    fn make(&self, fill: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<()> {
        let context = || format!("cannot write to the cache {}", self.parent.display());
        let work =
            tempfile::Builder::new().prefix(&self.prefix()).tempdir_in(&self.parent).with_context(context)?;
        let fresh = work.path().join("fresh");
        fs::create_dir(&fresh).with_context(context)?;
        fill(work.path(), &fresh)?;
        // One sync for ten thousand files; a file-by-file fsync takes longer than the download.
        sync();
        manifest::write(&fresh)?;
        self.replace_by(&fresh, &work).with_context(context)
    }

    /// Swaps the fresh tree in. The old one, if any, goes with the working folder.
    fn replace_by(&self, fresh: &Path, work: &TempDir) -> std::io::Result<()> {
        if self.folder().exists() {
            fs::rename(self.folder(), work.path().join("old"))?;
        }
        fs::rename(fresh, self.folder())?;
        File::open(&self.parent)?.sync_all()
    }
}

/// Whether a `torch` folder can be relied on: one from a cache must be whole, others are not ours to judge.
pub(crate) fn intact(torch: &Path) -> bool {
    let Some(folder) = torch.parent() else { return true };
    let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libtorch-"))
        && folder.parent().is_some_and(|parent| parent.ends_with("interflow"));
    !ours || manifest::verify(folder).is_ok()
}

fn user_cache() -> Result<PathBuf> {
    let variable = |name| env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let in_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(in_home)))
        .context("no folder for libtorch: neither XDG_CACHE_HOME nor HOME is set\nhint: set one of them")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;

    use super::*;

    fn fill(_work: &Path, tree: &Path) -> Result<()> {
        fs::create_dir(tree.join("torch"))?;
        fs::write(tree.join("torch/file"), "whole")?;
        Ok(())
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn whole_tree_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::within(dir.path(), Flavour::Cpu);
        place.provide(fill).unwrap();
        place.provide(|_, _| bail!("filled again")).unwrap();
        assert_eq!(names(dir.path()), [".libtorch-2.11.0-cpu.lock", "libtorch-2.11.0-cpu"]);
    }

    #[test]
    fn incomplete_tree_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::within(dir.path(), Flavour::Cpu);
        for damage in ["torch/file", manifest::NAME] {
            place.provide(fill).unwrap();
            fs::remove_file(place.folder().join(damage)).unwrap();
            place.provide(fill).unwrap();
            manifest::verify(&place.folder()).unwrap();
        }
    }

    #[test]
    fn failure_leaves_nothing_and_leftovers_go() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::within(dir.path(), Flavour::Cpu);
        fs::create_dir(dir.path().join(".libtorch-2.11.0-cpu.tmp-killed")).unwrap();
        let filled = place.provide(|_, tree| {
            fs::write(tree.join("half"), "")?;
            bail!("the download broke off")
        });
        assert_eq!(filled.unwrap_err().to_string(), "the download broke off");
        assert_eq!(names(dir.path()), [".libtorch-2.11.0-cpu.lock"]);
    }

    #[test]
    fn of_two_at_once_one_makes_it() {
        let dir = tempfile::tempdir().unwrap();
        let made = AtomicUsize::new(0);
        let provide = || {
            Place::within(dir.path(), Flavour::Cpu).provide(|work, tree| {
                made.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(50));
                fill(work, tree)
            })
        };
        std::thread::scope(|scope| {
            let threads = [scope.spawn(provide), scope.spawn(provide)];
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn only_cached_trees_are_held_to_a_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::within(&dir.path().join("interflow"), Flavour::Cpu);
        place.provide(fill).unwrap();
        assert!(intact(&place.torch()));
        fs::write(place.torch().join("file"), "").unwrap();
        assert!(!intact(&place.torch()));
        assert!(intact("/opt/site-packages/torch".as_ref()));
    }
}
