//! Where things are in the workspace.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The workspace, known by its root folder.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the root: cargo names this crate's folder when it runs xtask.
    pub(crate) fn open() -> Result<Self> {
        let own = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = own
            .parent()
            .with_context(|| format!("no workspace around the xtask crate: {}", own.display()))?;
        Ok(Self::at(root))
    }

    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The git-ignored link through which cargo and the loader find libtorch.
    pub(crate) fn link(&self) -> PathBuf {
        self.root.join(".libtorch")
    }

    /// The script that runs a program with libtorch on the loader's path.
    pub(crate) fn runner(&self) -> PathBuf {
        self.root.join(".cargo/with-libtorch")
    }

    pub(crate) fn configs(&self) -> PathBuf {
        self.root.join("configs")
    }

    /// The folder of what was measured.
    pub(crate) fn results(&self) -> PathBuf {
        self.root.join("docs/results")
    }

    /// The folder of the data sets: as asked for, else `$INTERFLOW_DATA`, else `data/`.
    pub(crate) fn data(&self, asked: Option<&Path>) -> PathBuf {
        let variable = || env::var_os("INTERFLOW_DATA").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        asked.map(Path::to_owned).or_else(variable).unwrap_or_else(|| self.root.join("data"))
    }
}
