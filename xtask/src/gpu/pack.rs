//! `cargo xtask gpu pack`: programs, configs, scripts and data in pieces that can be carried.

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::carried::{compress, copy, pieces, size};
use crate::{
    cargo,
    catalogue::{Catalogue, Check},
    flags,
    libtorch::{self, Flavour},
    workspace::Workspace,
};

/// The programs with the packages that build them.
const PROGRAMS: [(&str, &str); 2] = [("interflow", "interflow-cli"), ("gpu", "interflow-benches")];

/// The configs that the driver runs.
const CONFIGS: [&str; 2] = ["digits.toml", "cifar10.toml"];

/// Where the driver lies, and beside it the scripts that measure PyTorch.
const DRIVER: &str = "benches/gpu";
const PYTORCH: &str = "benches/pytorch";

/// The data set that the driver trains on.
const DATA_SET: &str = "cifar10";

/// Builds and packs everything and says what to carry.
pub(crate) fn run(workspace: &Workspace, flags: &flags::Pack) -> Result<()> {
    libtorch::provide(workspace, Flavour::Cpu)?;
    let target = cargo::target_dir(workspace)?;
    let folder = target.join("gpu");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    pack_program(workspace, &target, &folder.join("program"))?;
    if let Some(data) = &flags.data {
        pack_data(workspace, data, &folder)?;
    }
    report(&folder)
}

/// The programs, stripped and compressed, and what they are run with.
fn pack_program(workspace: &Workspace, target: &Path, folder: &Path) -> Result<()> {
    let mut build = cargo::command(workspace, "build");
    build
        .arg("--release")
        .args(PROGRAMS.iter().flat_map(|(program, package)| ["-p", package, "--bin", program]));
    cargo::run(&mut build)?;
    for (program, _) in PROGRAMS {
        let stripped = folder.join("bin").join(program);
        copy(&target.join("release").join(program), &stripped)?;
        strip(&stripped)?;
        compress(&stripped, &stripped)?;
        fs::remove_file(&stripped).with_context(|| format!("cannot remove {}", stripped.display()))?;
    }
    for config in CONFIGS {
        copy(&workspace.configs().join(config), &folder.join("configs").join(config))?;
    }
    for (from, to) in [(DRIVER, "driver"), (PYTORCH, "pytorch")] {
        for script in scripts(&workspace.root().join(from))? {
            let name = script.file_name().context("a script without a name")?;
            copy(&script, &folder.join(to).join(name))?;
        }
    }
    Ok(())
}

/// Removes what only debuggers read; where that can't be done the program is larger.
fn strip(program: &Path) -> Result<()> {
    match Command::new("strip").arg(program).status() {
        Ok(status) if !status.success() => bail!("strip: {status}"),
        _ => Ok(()),
    }
}

/// The Python files of a folder.
fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot list {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.extension().is_some_and(|ending| ending == "py") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The data set's files, compressed, in folders `data-1`, `data-2`, … of at most a piece each. Each of them is of use without
/// the others: the driver does with the batches that it is given.
fn pack_data(workspace: &Workspace, data: &Path, folder: &Path) -> Result<()> {
    let catalogue = Catalogue::read(workspace)?;
    let set = catalogue.named(DATA_SET).with_context(|| format!("no card of the data set: {DATA_SET}"))?;
    set.require(data, Check::Size)?;
    let mut files: Vec<&str> = set.files(data, Check::Size).iter().map(|file| file.path.as_str()).collect();
    // The test batch first, so that the first piece has something to test on.
    files.sort_by_key(|path| !path.contains("test"));
    let waiting = folder.join("waiting");
    let compressed: Vec<PathBuf> =
        files.iter().map(|path| compress(&data.join(path), &waiting.join(path))).collect::<Result<_>>()?;
    let sizes: Vec<u64> = compressed.iter().map(|file| size(file)).collect::<Result<_>>()?;
    for (file, piece) in compressed.iter().zip(pieces(&sizes)?) {
        let path = file.strip_prefix(&waiting).context("a file outside its folder")?;
        copy(file, &folder.join(format!("data-{}", piece + 1)).join(path))?;
    }
    fs::remove_dir_all(&waiting).with_context(|| format!("cannot remove {}", waiting.display()))
}

/// Prints the pieces with their sizes and the command to run.
fn report(folder: &Path) -> Result<()> {
    let context = || format!("cannot list {}", folder.display());
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        names.push(entry.with_context(context)?.path());
    }
    names.sort();
    // `program` first: it is of use alone.
    names.sort_by_key(|path| !path.ends_with("program"));
    let mut text = "to carry, in one go or one after the other (README.md in benches/gpu):\n".to_owned();
    for path in &names {
        let mebibytes = bytes_below(path)? as f64 / f64::from(1 << 20);
        text += &format!("  {}  {mebibytes:.1} MiB\n", path.display());
    }
    text += &format!(
        "to run there: python3 {}/program/driver/run.py --out results --minutes 8\n\
         to rehearse:  python3 {0}/program/driver/run.py --out results --device cpu --rehearse",
        folder.display()
    );
    writeln!(stdout(), "{text}").context("cannot print what to carry")
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let context = || format!("cannot list {}", folder.display());
    let mut total = 0;
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let kind = entry.file_type().with_context(context)?;
        total += if kind.is_dir() { bytes_below(&entry.path())? } else { size(&entry.path())? };
    }
    Ok(total)
}
