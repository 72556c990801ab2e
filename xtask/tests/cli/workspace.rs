//! A made-up workspace in which the real xtask runs, with stand-ins for cargo and Python on its path.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub(crate) struct Workspace {
    dir: tempfile::TempDir,
}

impl Workspace {
    /// An empty workspace, but for the script that runs programs with libtorch.
    pub(crate) fn new() -> Self {
        let workspace = Self { dir: tempfile::tempdir().unwrap() };
        workspace.script(".cargo/with-libtorch", include_str!("../../../.cargo/with-libtorch"));
        fs::create_dir_all(workspace.path("bin")).unwrap();
        workspace
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn script(&self, path: &str, text: &str) {
        self.file(path, text);
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A folder with just enough in it to pass for libtorch.
    pub(crate) fn libtorch(&self, path: &str, version: &str) -> PathBuf {
        let suffix = std::env::consts::DLL_SUFFIX;
        for library in ["c10", "torch", "torch_cpu"] {
            self.file(&format!("{path}/lib/lib{library}{suffix}"), "");
        }
        self.file(&format!("{path}/include/torch/csrc/api/include/torch/torch.h"), "");
        self.file(&format!("{path}/build-version"), version);
        self.path(path)
    }

    /// xtask in this workspace. Of the machine's programs it sees the shell's own only.
    pub(crate) fn xtask(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).current_dir(self.dir.path()).env_clear();
        command.env("CARGO_MANIFEST_DIR", self.path("xtask")).env("CARGO", self.path("bin/cargo"));
        command.env("XDG_CACHE_HOME", self.path("cache")).env("PATH", self.path("bin"));
        command
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What the workspace's link points at.
pub(crate) fn linked(workspace: &Workspace) -> PathBuf {
    fs::read_link(workspace.path(".libtorch")).unwrap_or_else(|_| Path::new("nothing").to_owned())
}
