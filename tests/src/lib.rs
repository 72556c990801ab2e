//! Helpers of the whole-program tests: the built `interflow`, a temporary folder, a tiny config.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// The workspace's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program.
///
/// # Panics
/// If it does not build.
pub fn interflow() -> &'static Path {
    executable("interflow")
}

/// The workspace's program or example called `name`. All of them are built in one go, once for each test process: then they
/// share every dependency with `cargo test`, which builds them too.
///
/// # Panics
/// If they do not build, or there is none of that name.
pub fn executable(name: &str) -> &'static Path {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).get(name).unwrap_or_else(|| panic!("there is no program {name}"))
}

/// The executables by name, built with the profile of the tests.
fn build() -> BTreeMap<String, PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--bins", "--examples", "--message-format=json"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        })
        .collect()
}

/// A folder with a tiny experiment in it, and the program run there.
#[derive(Debug)]
pub struct Playground {
    folder: tempfile::TempDir,
}

/// A flow that trains in a second or two.
const TINY: &str = include_str!("tiny.toml");

impl Default for Playground {
    fn default() -> Self {
        Self::new()
    }
}

impl Playground {
    /// A new folder with `tiny.toml`.
    ///
    /// # Panics
    /// If the folder cannot be made.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tiny.toml"), TINY).expect("the config is written");
        Self { folder }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("the file is written");
    }

    /// Replaces a piece of `tiny.toml`.
    ///
    /// # Panics
    /// If the piece is not there.
    pub fn edit(&self, old: &str, new: &str) {
        assert!(TINY.contains(old), "{old} is not in the config");
        self.write("tiny.toml", &TINY.replacen(old, new, 1));
    }

    /// The program with `arguments` (separated by spaces), not yet started.
    pub fn command(&self, arguments: &str) -> Command {
        hear_signals();
        let mut command = Command::new(interflow());
        command.args(arguments.split_whitespace()).current_dir(self.path());
        command.env("OMP_NUM_THREADS", "1").env_remove("INTERFLOW_DATA");
        command
    }

    /// The program's output, whatever its exit code.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("interflow starts")
    }

    /// The output of a run that has to succeed: stdout.
    ///
    /// # Panics
    /// If it fails.
    pub fn succeed(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The output of a run that has to fail with an error message and without a panic: stderr.
    ///
    /// # Panics
    /// If it succeeds or panics.
    pub fn fail(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments} succeeded");
        assert!(stderr.contains("error: ") && !stderr.contains("panicked"), "{arguments}: {stderr}");
        stderr
    }

    /// Runs a shell script where the folder `disk` is a file system of its own, in memory, mounted with
    /// `options`; `$INTERFLOW` is the program. What the script wants to keep it copies out of `disk`.
    /// Nothing, with a word why, where the system lets no user mount.
    ///
    /// # Panics
    /// If the shell cannot be started.
    pub fn run_on_disk(&self, options: &str, script: &str) -> Option<Output> {
        std::fs::create_dir_all(self.path().join("disk")).expect("a folder to mount on");
        let run = |script: &str| {
            let mount = format!("mount -t tmpfs -o {options} tmpfs disk && {{ {script}\n}}");
            Command::new("unshare")
                .args(["--map-root-user", "--mount", "sh", "-c", &mount])
                .current_dir(self.path())
                .env("INTERFLOW", interflow())
                .env("OMP_NUM_THREADS", "1")
                .output()
        };
        if run("true").is_ok_and(|output| output.status.success()) {
            return Some(run(script).expect("unshare starts"));
        }
        eprintln!("skipped: no file system can be mounted here");
        None
    }

    /// The only run folder under `out`.
    ///
    /// # Panics
    /// If there is none or more than one.
    pub fn run_folder(&self, out: &str) -> PathBuf {
        let folders: Vec<PathBuf> = std::fs::read_dir(self.path().join(out).join("tiny"))
            .expect("a folder of runs")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders[0].clone()
    }
}

/// The message by which `train tiny.toml --set SETTING` is refused, before a run folder is made.
///
/// # Panics
/// If it is not refused, or by a panic, or at length.
pub fn refused(setting: &str) -> String {
    let playground = Playground::new();
    let output = playground.command("train tiny.toml --set").arg(setting).output().expect("interflow starts");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{setting}: {message}");
    assert!(message.contains("error: ") && !message.contains("panicked"), "{setting}: {message}");
    assert!(message.len() < 4000, "{} bytes for {setting:.100}", message.len());
    assert!(!playground.path().join("runs").exists(), "{setting}: a run folder was made");
    message
}

/// How long a test waits for what should come within seconds.
const PATIENCE: Duration = Duration::from_mins(5);

/// Asks again and again, every few milliseconds, until there is an answer.
///
/// # Panics
/// If there is none after some minutes.
fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(answer) = answer() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("{what} did not come in {PATIENCE:?}");
}

/// How a process ends. One that does not end is killed, so that no test hangs.
///
/// # Panics
/// If it has to be killed.
pub fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a process of ours") {
            return status;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    panic!("the process had to be killed");
}

/// Sends a signal by its name, such as `INT`; to a process that has ended there is none to send.
///
/// # Panics
/// If there is no program `kill`.
pub fn signal(child: &Child, name: &str) {
    let arguments = [format!("-{name}"), child.id().to_string()];
    Command::new("kill").args(arguments).stderr(std::process::Stdio::null()).status().expect("kill starts");
}

/// Waits until a run below `runs` has a checkpoint.
///
/// # Panics
/// If it takes minutes.
pub fn wait_for_checkpoint(runs: &Path) {
    until("a checkpoint", || {
        let runs = std::fs::read_dir(runs).into_iter().flatten().flatten();
        let files = runs.flat_map(|run| {
            std::fs::read_dir(run.path().join("checkpoints")).into_iter().flatten().flatten()
        });
        let names = files.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.into_iter().any(|name| name.ends_with(".safetensors")).then_some(())
    });
}

/// Waits until a process catches SIGINT, as Linux says it.
///
/// # Panics
/// If it takes minutes.
pub fn wait_for_handler(process: u32) {
    until("a handler of SIGINT", || {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        let mask = u64::from_str_radix(caught.trim(), 16).ok()?;
        (mask & 2 != 0).then_some(())
    });
}

/// Lets the programs that this process starts hear signals, though it was itself started in the background, where a shell
/// ignores some: what is ignored is inherited, and what is handled is not.
fn hear_signals() {
    static HEARD: OnceLock<()> = OnceLock::new();
    HEARD.get_or_init(|| {
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // In this process the signal does what it always does.
            flag::register_conditional_default(signal, Arc::new(AtomicBool::new(true)))
                .expect("signals can be handled");
        }
    });
}

/// The files below `folder` that a writer left unfinished.
pub fn partial_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => partial_files(&path),
            path if path.extension().is_some_and(|ending| ending == "partial") => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
