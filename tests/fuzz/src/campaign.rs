//! A long search for inputs that do harm: workers, which may die or hang, in processes of their own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::reader::Reader;

/// More time than a reader may take for an input.
const LONGEST: Duration = Duration::from_secs(5);
/// The first input makes the whole ones, which may train a flow.
const LONGEST_START: Duration = Duration::from_mins(2);

/// A search through the inputs of one reader.
#[derive(Debug)]
pub struct Campaign {
    /// The reader.
    pub reader: Reader,
    /// The seed of the inputs.
    pub seed: u64,
    /// The number of the first input.
    pub first: u64,
    /// How many inputs.
    pub count: u64,
    /// The program that works: it is given `work NAME SEED FIRST END`.
    pub worker: PathBuf,
}

/// An input that did harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its number.
    pub number: u64,
    /// What it did.
    pub kind: Kind,
}

/// What an input did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The reader panicked, with this message.
    Panic(String),
    /// The process ended, by a signal for instance.
    Abort(String),
    /// The reader took longer than five seconds.
    Hang,
    /// The reader took more than 2 GB.
    Memory,
}

impl Campaign {
    /// Reads all inputs and returns those that did harm; `progress` hears how many are read.
    ///
    /// # Errors
    /// If the worker cannot be started, or refuses a whole input.
    pub fn run(&self, mut progress: impl FnMut(u64, usize)) -> Result<Vec<Fault>> {
        let (mut faults, mut next, end) = (Vec::new(), self.first, self.first + self.count);
        while next < end {
            next = self.stretch(next..end, &mut faults, &mut progress)?;
        }
        Ok(faults)
    }

    /// Works until the end or a fault that ends the worker, and returns the number to go on with.
    fn stretch(
        &self,
        numbers: std::ops::Range<u64>,
        faults: &mut Vec<Fault>,
        progress: &mut impl FnMut(u64, usize),
    ) -> Result<u64> {
        let mut worker = self.start(&numbers)?;
        let lines = lines(&mut worker)?;
        let (mut at, mut patience) = (None, LONGEST_START);
        loop {
            let line = match lines.recv_timeout(patience) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    worker.kill()?;
                    worker.wait()?;
                    return self.end(at, Kind::Hang, faults);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = worker.wait()?;
                    if status.code() == Some(1) {
                        bail!("the worker on {} failed, see above", self.reader.name);
                    }
                    return self.end(at, Kind::Abort(status.to_string()), faults);
                }
            };
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next().and_then(|number| number.parse().ok()), words.next()) {
                (Some("begin"), Some(number), _) => {
                    if at.is_some() {
                        patience = LONGEST;
                    }
                    at = Some(number);
                    progress(number - self.first, faults.len());
                }
                (Some("panic"), Some(number), message) => {
                    let kind = Kind::Panic(message.unwrap_or_default().to_owned());
                    faults.push(Fault { number, kind });
                }
                (Some("memory"), Some(_), _) => {
                    worker.wait()?;
                    return self.end(at, Kind::Memory, faults);
                }
                (Some("done"), ..) => {
                    worker.wait()?;
                    return Ok(numbers.end);
                }
                _ => bail!("the worker says what is not understood: {line}"),
            }
        }
    }

    /// Notes the fault of the input that ended a worker, and goes on after it.
    fn end(&self, at: Option<u64>, kind: Kind, faults: &mut Vec<Fault>) -> Result<u64> {
        let number =
            at.with_context(|| format!("the worker on {} did not begin: {kind:?}", self.reader.name))?;
        faults.push(Fault { number, kind });
        Ok(number + 1)
    }

    fn start(&self, numbers: &std::ops::Range<u64>) -> Result<Child> {
        let arguments = [self.seed, numbers.start, numbers.end].map(|number| number.to_string());
        Command::new(&self.worker)
            .args(["work", self.reader.name])
            .args(arguments)
            .env("OMP_NUM_THREADS", "1")
            .env("RUST_LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the worker: {}", self.worker.display()))
    }
}

/// The lines that a worker writes, as they come.
fn lines(worker: &mut Child) -> Result<Receiver<String>> {
    let output = worker.stdout.take().context("the worker has no output")?;
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    Ok(receive)
}
