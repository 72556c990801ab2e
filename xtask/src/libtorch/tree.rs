//! A folder with libtorch's `lib/` and `include/`.

use std::{
    env::consts::DLL_SUFFIX,
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::{VERSION, version};

/// What a tree can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// The CPU at least.
    Cpu,
    /// NVIDIA GPUs too.
    Cuda,
}

/// A libtorch of the right version with all that's needed to build and to run.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Checks the folder.
    ///
    /// # Errors
    /// If the version is another, or a library or a header is missing.
    pub(crate) fn open(root: &Path, flavour: Flavour) -> Result<Self> {
        match version::of(root) {
            None => bail!("no libtorch here (neither build-version nor include/torch/headeronly/version.h)"),
            Some(found) if found != VERSION => bail!("libtorch {found}, but Interflow needs {VERSION}"),
            Some(_) => {}
        }
        if let Some(missing) = needed(flavour).into_iter().find(|file| !root.join(file).exists()) {
            bail!("incomplete libtorch, no {missing}");
        }
        Ok(Self { root: root.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

fn needed(flavour: Flavour) -> Vec<String> {
    let libraries: &[&str] = match flavour {
        Flavour::Cpu => &["c10", "torch", "torch_cpu"],
        Flavour::Cuda => &["c10", "torch", "torch_cpu", "c10_cuda", "torch_cuda"],
    };
    let libraries = libraries.iter().map(|name| format!("lib/lib{name}{DLL_SUFFIX}"));
    libraries.chain(["include/torch/csrc/api/include/torch/torch.h".to_owned()]).collect()
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

/// Trees for tests: the right files with next to nothing in them.
#[cfg(test)]
pub(crate) mod fake {
    use std::fs;

    use super::*;

    /// Writes a tree of this flavour and version.
    pub(crate) fn write(root: &Path, flavour: Flavour, version: &str) {
        for file in needed(flavour) {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        fs::write(root.join("build-version"), version).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn error(root: &Path, flavour: Flavour) -> String {
        Tree::open(root, flavour).unwrap_err().to_string()
    }

    #[test]
    fn complete_tree_opens() {
        let dir = tempfile::tempdir().unwrap();
        fake::write(dir.path(), Flavour::Cuda, "2.11.0+cu130");
        assert_eq!(Tree::open(dir.path(), Flavour::Cuda).unwrap().root(), dir.path());
    }

    #[test]
    fn other_version_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fake::write(dir.path(), Flavour::Cpu, "2.5.1");
        assert_eq!(error(dir.path(), Flavour::Cpu), "libtorch 2.5.1, but Interflow needs 2.11.0");
    }

    #[test]
    fn missing_library_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fake::write(dir.path(), Flavour::Cpu, VERSION);
        assert!(error(dir.path(), Flavour::Cuda).contains("no lib/libc10_cuda"));
        fs::remove_file(dir.path().join(format!("lib/libtorch_cpu{DLL_SUFFIX}"))).unwrap();
        assert!(error(dir.path(), Flavour::Cpu).contains("no lib/libtorch_cpu"));
    }

    #[test]
    fn empty_folder_is_no_tree() {
        assert!(error(tempfile::tempdir().unwrap().path(), Flavour::Cpu).starts_with("no libtorch here"));
    }
}
