//! Downloads through pip, which honours the user's own index, mirror, proxy and certificate settings.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::progress::Progress;

/// What to download.
pub(crate) struct Request {
    /// Lines of a requirements file; with `--hash=` pip picks and accepts that one file only.
    pub(crate) requirements: Vec<String>,
    pub(crate) dependencies: Dependencies,
    /// The wheel tags that fit.
    pub(crate) tags: Vec<String>,
    /// The size to expect, for the progress bar.
    pub(crate) bytes: u64,
}

/// What pip does about a wheel's own requirements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependencies {
    Skip,
    Follow,
}

/// Fails if there's no Python or no pip: said before a disk is measured for what could not be fetched anyway.
pub(crate) fn require() -> Result<()> {
    let output = match Command::new("python3").args(["-m", "pip", "--version"]).stdin(Stdio::null()).output()
    {
        Ok(output) => output,
        Err(error) => return Err(not_started(error)),
    };
    if !output.status.success() {
        bail!("{}", explained(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(())
}

fn not_started(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::NotFound {
        anyhow!(
            "libtorch is fetched with pip, but there is no python3\n\
             hint: install Python 3 with pip, or set LIBTORCH to a folder with libtorch {}",
            super::VERSION
        )
    } else {
        anyhow::Error::new(error).context("cannot start python3")
    }
}

/// Downloads the wheels into `work/<name>`, and keeps pip's temporary files in `work` too.
///
/// # Errors
/// If there's no Python or no pip, or pip fails; the message says what to do next.
pub(crate) fn download(request: &Request, work: &Path, name: &'static str) -> Result<Vec<PathBuf>> {
    let into = work.join(name);
    let (temporary, list, log) =
        (into.with_extension("tmp"), into.with_extension("txt"), into.with_extension("log"));
    let context = || format!("cannot write to {}", work.display());
    fs::create_dir(&temporary).with_context(context)?;
    fs::write(&list, request.requirements.join("\n")).with_context(context)?;
    let mut command = command(request);
    command.arg("--dest").arg(&into).arg("--requirement").arg(&list).env("TMPDIR", &temporary);
    let log_file = File::create(&log).with_context(context)?;
    command.stdin(Stdio::null()).stdout(log_file.try_clone().with_context(context)?).stderr(log_file);

    let progress = Progress::start("downloading libtorch", request.bytes);
    if !watch(&mut command, work, &progress)? {
        bail!("{}", explained(&fs::read_to_string(&log).unwrap_or_default()));
    }
    progress.finish();
    files(&into)
}

fn command(request: &Request) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "download", "--no-cache-dir", "--only-binary=:all:", "--progress-bar=off"]);
    command.args(["--python-version=3.11", "--implementation=cp", "--abi=cp311"]);
    command.args(request.tags.iter().map(|tag| format!("--platform={tag}")));
    if request.dependencies == Dependencies::Skip {
        command.arg("--no-deps");
    }
    command
}

/// Runs pip to its end while the bar follows the growing files. Says whether pip succeeded.
fn watch(command: &mut Command, work: &Path, progress: &Progress) -> Result<bool> {
    let mut pip = command.spawn().map_err(not_started)?;
    loop {
        if let Some(status) = pip.try_wait().context("lost track of pip")? {
            return Ok(status.success());
        }
        progress.set(size(work));
        thread::sleep(Duration::from_millis(100));
    }
}

/// Turns pip's output into what happened and what to do next.
fn explained(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(6)..].join("\n  ");
    let (what, hint) = diagnosis(log);
    let otherwise = format!("or set LIBTORCH to a folder with libtorch {}", super::VERSION);
    format!("cannot fetch libtorch: {what}\n  {tail}\nhint: {hint}, {otherwise}")
}

fn diagnosis(log: &str) -> (&'static str, &'static str) {
    let says = |needles: &[&str]| needles.iter().any(|needle| log.contains(needle));
    if says(&["No module named pip"]) {
        ("python3 has no pip", "install it (python3 -m ensurepip, or your system's package python3-pip)")
    } else if says(&["DO NOT MATCH THE HASHES"]) {
        ("a file is not the one expected, by its hash", "check the index or the mirror that pip uses")
    } else if says(&["No space left", "Disk quota"]) {
        ("the disk is full", "make room, set XDG_CACHE_HOME to a folder on a larger disk")
    } else if says(&[
        "NewConnectionError",
        "ConnectTimeout",
        "ReadTimeout",
        "ProxyError",
        "SSLError",
        "Max retries",
    ]) {
        ("pip cannot reach its index", "check the network and pip's settings")
    } else if says(&["No matching distribution"]) {
        ("pip finds no such wheel at its index", "check the network, pip's version and its settings")
    } else {
        ("pip failed", "see pip's message above")
    }
}

/// The bytes of all files beneath a folder. What disappears meanwhile counts for nothing.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of_entry).sum()
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("pip left no folder {}", dir.display()))?;
    entries.map(|entry| Ok(entry.context("cannot list the downloaded wheels")?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        let check = |log: &str, expected: &str| assert_eq!(diagnosis(log).0, expected, "{log}");
        check("/usr/bin/python3: No module named pip", "python3 has no pip");
        check("OSError: [Errno 28] No space left on device", "the disk is full");
        check(
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM",
            "a file is not the one expected, by its hash",
        );
        let offline = "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n\
                       ERROR: No matching distribution found for torch==2.11.0";
        check(offline, "pip cannot reach its index");
        check(
            "ERROR: No matching distribution found for torch==2.11.0",
            "pip finds no such wheel at its index",
        );
        check("Traceback", "pip failed");
    }

    #[test]
    fn message_ends_in_the_way_out() {
        let message = explained("one\ntwo");
        assert!(message.contains("  one\n  two\nhint: "), "{message}");
        assert!(message.ends_with("or set LIBTORCH to a folder with libtorch 2.11.0"), "{message}");
    }
}
