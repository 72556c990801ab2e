//! `cargo xtask python`: the wheel of the Python package `interflow`, and its tests.
//!
//! The wheel is built against the workspace's libtorch and finds it again in the Python package `torch` of the same version,
//! which it requires. Its tests run in an environment of their own with pip's torch; both environments lie in
//! `target/python` and are kept, since torch and what it needs of NVIDIA's are 4.7 GB.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    cargo, flags,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// What builds wheels.
const MATURIN: &str = "maturin>=1.9.4,<2";

/// What the tests need beside the wheel, as it says itself.
const TEST_EXTRA: &str = "test";

/// Builds the wheel, and tests it if asked for.
pub(crate) fn run(workspace: &Workspace, flags: &flags::Python) -> Result<()> {
    libtorch::provide(workspace, Flavour::Cpu)?;
    let target = cargo::target_dir(workspace)?;
    let folder = target.join("python");
    let out = flags.out.clone().unwrap_or_else(|| folder.join("wheels"));
    let wheel = build(workspace, flags, &folder, &out)?;
    eprintln!("wheel: {}", wheel.display());
    if flags.test { test(workspace, &folder, &wheel, &flags.args) } else { Ok(()) }
}

/// Builds the wheel into `out`.
fn build(workspace: &Workspace, flags: &flags::Python, folder: &Path, out: &Path) -> Result<PathBuf> {
    let tools = Environment::provide(&folder.join("tools"))?;
    if !tools.program("maturin").exists() {
        tools.install(&[MATURIN.to_owned()])?;
    }
    let earlier = wheels(out)?;
    for path in earlier {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    let mut maturin = Command::new(tools.program("maturin"));
    maturin.arg("build").arg("--out").arg(out).current_dir(workspace.root().join("crates/python"));
    maturin.env("LIBTORCH", workspace.link());
    if flags.release {
        maturin.arg("--release");
    }
    cargo::run(&mut maturin)?;
    wheels(out)?.pop().with_context(|| format!("maturin left no wheel in {}", out.display()))
}

/// Runs pytest on the wheel beside pip's torch, and the program of the same sources.
fn test(workspace: &Workspace, folder: &Path, wheel: &Path, args: &[String]) -> Result<()> {
    // Together, so that most of what maturin has built serves the program too.
    cargo::run(cargo::command(workspace, "build").args(["-p", "interflow-python", "-p", "interflow-cli"]))?;
    let place = Environment::provide(&folder.join("test"))?;
    let wheel = wheel.display().to_string();
    place.install(&[format!("{wheel}[{TEST_EXTRA}]")])?;
    // Of the same version each time: pip would keep the one that is there.
    place.install(&["--force-reinstall".to_owned(), "--no-deps".to_owned(), wheel])?;
    let program = cargo::target_dir(workspace)?.join("debug/interflow");
    let mut pytest = Command::new(place.program("python"));
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).args(args);
    pytest.current_dir(workspace.root().join("crates/python")).env("INTERFLOW_PROGRAM", program);
    if env::var_os("OMP_NUM_THREADS").is_none() {
        pytest.env("OMP_NUM_THREADS", "1");
    }
    cargo::run(&mut pytest)
}

/// The wheels in a folder, in the order of their names; none where there is no folder.
fn wheels(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => bail!("cannot list {}: {error}", folder.display()),
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("interflow-") && name.ends_with(".whl")
    });
    found.sort();
    Ok(found)
}

/// A virtual environment of Python's.
struct Environment(PathBuf);

impl Environment {
    /// The environment in a folder, made where there is none.
    fn provide(folder: &Path) -> Result<Self> {
        let environment = Self(folder.to_owned());
        if !environment.program("python").exists() {
            let mut venv = Command::new("python3");
            cargo::run(venv.args(["-m", "venv", "--clear"]).arg(folder)).context(
                "cannot make a virtual environment\nhint: install Python 3.10 or newer with venv and pip",
            )?;
        }
        Ok(environment)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }

    /// Installs what pip is told to.
    fn install(&self, arguments: &[String]) -> Result<()> {
        let mut pip = Command::new(self.program("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(arguments);
        cargo::run(&mut pip)
    }
}
