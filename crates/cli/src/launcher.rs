//! Starts the processes of this machine that share the work, and sees to it that they end together.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::num::NonZeroUsize;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use interflow_libtorch::MeetingPoint;
use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt;
use crate::terminal::say;

/// How often it is looked whether a process has ended.
const LOOK: Duration = Duration::from_millis(50);

/// For how long after the first failure the others may take to notice it and to end by themselves.
const GRACE: Duration = Duration::from_secs(10);

/// The same for the process 0, which may have to write what it has.
const GRACE_OF_FIRST: Duration = Duration::from_secs(20);

/// The last lines of stderr that are kept of each process that nobody watches.
const LINES: usize = 50;

/// A process that shares the work.
struct Worker {
    rank: usize,
    child: Child,
    /// The last lines that it wrote to stderr, where those are not shown.
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    status: Option<ExitStatus>,
    /// Whether it was ended from here.
    ended: bool,
}

/// Runs this program with the same arguments in `n` processes. The process 0 has this one's stdout and stderr; of the others
/// only what they failed of is told.
///
/// # Errors
/// If a process cannot be started.
pub(crate) fn launch(n: NonZeroUsize) -> Result<ExitCode> {
    let signals = interrupt::pass_on()?;
    let point = MeetingPoint::open()?;
    let mut workers = Workers { list: Vec::new(), point };
    for rank in 0..n.get() {
        let worker = workers.start(rank, n);
        workers.list.push(worker.with_context(|| format!("cannot start process {rank} of {n}"))?);
    }
    workers.wait(&signals);
    Ok(workers.conclude())
}

/// All processes, ended when this is dropped.
struct Workers {
    list: Vec<Worker>,
    point: MeetingPoint,
}

impl Workers {
    fn start(&self, rank: usize, n: NonZeroUsize) -> std::io::Result<Worker> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(std::env::args_os().skip(1)).envs(self.environment(rank, n));
        // Ctrl-C is for this process to pass on, once.
        command.process_group(0).stdin(Stdio::null());
        if rank > 0 {
            command.stdout(Stdio::null()).stderr(Stdio::piped());
        }
        let mut child = command.spawn()?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let stderr = child.stderr.take().map(BufReader::new);
        let reader = stderr.map(|stderr| {
            std::thread::spawn(move || {
                stderr.lines().map_while(Result::ok).for_each(|line| keep(&kept, line));
            })
        });
        Ok(Worker { rank, child, lines, reader, status: None, ended: false })
    }

    /// What `torchrun` would say to the process.
    fn environment(&self, rank: usize, n: NonZeroUsize) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![
            ("RANK", rank.to_string().into()),
            ("LOCAL_RANK", rank.to_string().into()),
            ("WORLD_SIZE", n.to_string().into()),
            ("MASTER_ADDR", MeetingPoint::HOST.into()),
            ("MASTER_PORT", self.point.port().to_string().into()),
            ("TORCHELASTIC_USE_AGENT_STORE", "True".into()),
            ("TORCHELASTIC_RESTART_COUNT", "0".into()),
        ];
        if std::env::var_os(THREADS).is_none() {
            let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            variables.push((THREADS, (cores / n).max(1).to_string().into()));
        }
        variables
    }

    /// Waits until all have ended. Where one fails the others are told, and are ended if they do not end by themselves; a first
    /// signal is passed on, a second one ends all.
    fn wait(&mut self, signals: &AtomicBool) {
        let (mut failed, mut told) = (None::<Instant>, false);
        while self.list.iter().any(|worker| worker.status.is_none()) {
            std::thread::sleep(LOOK);
            if signals.swap(false, Ordering::SeqCst) {
                if told {
                    self.kill();
                } else {
                    told = true;
                    self.signal(Signal::INT);
                }
            }
            for index in 0..self.list.len() {
                let Some(status) = self.list[index].look() else { continue };
                let interrupted = told && status.code() == Some(interrupt::EXIT_CODE.into());
                if !status.success() && !interrupted && failed.is_none() {
                    failed = Some(Instant::now());
                    self.tell(index, status);
                }
            }
            let of_first = self.list.first().is_some_and(|first| first.status.is_none());
            let grace = if of_first { GRACE_OF_FIRST } else { GRACE };
            if failed.is_some_and(|at| at.elapsed() > grace) {
                self.kill();
            }
        }
    }

    /// Tells the others of a process that was ended from outside; one that failed by itself has done so.
    fn tell(&self, index: usize, status: ExitStatus) {
        if let Some(signal) = status.signal() {
            let word = ended_by(self.list[index].rank, signal);
            if let Err(error) = self.point.leave_word(&word) {
                tracing::warn!("{error}");
            }
        }
    }

    fn signal(&self, signal: Signal) {
        for worker in self.list.iter().filter(|worker| worker.status.is_none()) {
            if let Some(pid) = i32::try_from(worker.child.id()).ok().and_then(Pid::from_raw) {
                // One that has just ended cannot be sent anything.
                let _ = kill_process(pid, signal);
            }
        }
    }

    fn kill(&mut self) {
        for worker in self.list.iter_mut().filter(|worker| worker.status.is_none()) {
            worker.ended = true;
            let _ = worker.child.kill();
        }
    }

    /// Says what the process 0 has not said, and returns the code of all.
    fn conclude(&mut self) -> ExitCode {
        let codes: Vec<Option<i32>> =
            self.list.iter().map(|worker| worker.status.and_then(|status| status.code())).collect();
        if codes.iter().all(|code| *code == Some(0)) {
            return ExitCode::SUCCESS;
        }
        let interrupted = |code: &Option<i32>| [Some(0), Some(interrupt::EXIT_CODE.into())].contains(code);
        if codes.iter().all(interrupted) || self.list.iter().all(|worker| worker.ended) {
            return ExitCode::from(interrupt::EXIT_CODE);
        }
        // The process 0 has had its say, unless it was ended, or is through with its part.
        if codes.first().is_none_or(|code| code.is_none_or(|code| code == 0)) {
            let accounts = self.list.iter_mut().filter_map(Worker::account).max_by_key(|(cause, _)| *cause);
            say(accounts.map_or_else(|| "error: a process has failed".to_owned(), |(_, account)| account));
        }
        ExitCode::FAILURE
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.kill();
        for worker in &mut self.list {
            let _ = worker.child.wait();
        }
    }
}

impl Worker {
    /// The status of a process that has just been found to have ended.
    fn look(&mut self) -> Option<ExitStatus> {
        if self.status.is_some() {
            return None;
        }
        self.status = self.child.try_wait().ok().flatten();
        self.status
    }

    /// What is to be said of the process's end, if it failed, and how likely that is the cause of the others' failures.
    fn account(&mut self) -> Option<(Cause, String)> {
        let status = self.status?;
        if self.ended {
            return Some((
                Cause::Silence,
                format!("error: process {} did not answer, and was ended", self.rank),
            ));
        }
        if let Some(signal) = status.signal() {
            return Some((Cause::Signal, format!("error: {}", ended_by(self.rank, signal))));
        }
        if status.success() || self.rank == 0 {
            return None;
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let from = lines.iter().position(|line| line.starts_with("error:")).unwrap_or(0);
        Some((Cause::Own, lines[from..].join("\n")))
    }
}

/// Why a process ended; what comes later is more likely the first cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// It did not notice that another one had failed.
    Silence,
    /// As it says itself.
    Own,
    /// By a signal from outside.
    Signal,
}

/// The variable that says how many threads a process's tensor operations get.
const THREADS: &str = "OMP_NUM_THREADS";

fn ended_by(rank: usize, signal: i32) -> String {
    format!("process {rank} was ended by signal {signal}")
}

/// Keeps a line as one of the last ones.
fn keep(lines: &Mutex<Vec<String>>, line: String) {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.len() >= LINES {
        lines.remove(0);
    }
    lines.push(line);
}
