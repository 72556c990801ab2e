//! One file over HTTP: resumed where it was cut off, and never taken for whole before it is.
//!
//! What has come so far lies in `NAME.part`, with the mark by which the server knows the version in `NAME.mark` beside
//! it. A later try, in this run or the next, asks for the rest of that version (`Range`, `If-Range`); a server that
//! has another version by then, or cannot send a part, sends the whole, and the file begins anew.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use ureq::{Agent, Body, http::Response};

use super::answer::{Answer, Start};
use crate::progress::Progress;

/// How long one waits for a server.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For the first word of an answer, and for the next bytes of it.
    pub(crate) silence: Duration,
    /// Before the second try; twice as long before the third, and so on.
    pub(crate) pause: Duration,
    /// How many tries in a row may bring nothing.
    pub(crate) tries: u32,
}

impl Patience {
    /// What people on slow lines need.
    pub(crate) const USUAL: Self =
        Self { silence: Duration::from_mins(1), pause: Duration::from_secs(1), tries: 5 };
}

/// How a try ended that did not bring the whole file.
enum Failure {
    /// Another try may go on from here.
    Cut(anyhow::Error),
    /// No other try will do better.
    Final(anyhow::Error),
}

type Try<T> = std::result::Result<T, Failure>;

/// Downloads what `url` has into the folder, by this name, and returns its path. If the file is there it is left.
///
/// # Errors
/// If the server cannot be reached, refuses, or ends the connection again and again. What has come is kept.
pub(crate) fn download(url: &str, folder: &Path, name: &str, patience: Patience) -> Result<PathBuf> {
    let whole = folder.join(name);
    if whole.exists() {
        return Ok(whole);
    }
    let part = Part::open(folder, name, url)?;
    let agent = agent(patience);
    let mut failures = 0;
    loop {
        let before = part.len()?;
        let error = match part.go_on(&agent, url, name, patience) {
            Ok(()) => break,
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Cut(error)) => error,
        };
        failures = if part.len()? > before { 1 } else { failures + 1 };
        if failures >= patience.tries {
            let kept = "what has come is kept: the same command goes on from there";
            return Err(
                error.context(format!("cannot download {url} (tried {failures} times)\nhint: {kept}"))
            );
        }
        eprintln!("{name}: {error:#}; going on ...");
        thread::sleep(patience.pause * 2u32.pow(failures - 1));
    }
    part.complete(&whole)?;
    Ok(whole)
}

fn agent(patience: Patience) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(patience.silence))
        .timeout_recv_response(Some(patience.silence))
        .user_agent(concat!("interflow-xtask/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// The beginning of a file, and of which version it is.
struct Part {
    path: PathBuf,
    mark: PathBuf,
    url: String,
}

impl Part {
    /// What is there already; what came from another address is thrown away.
    fn open(folder: &Path, name: &str, url: &str) -> Result<Self> {
        let path = |ending: &str| folder.join(format!("{name}.{ending}"));
        let part = Self { path: path("part"), mark: path("mark"), url: url.to_owned() };
        if part.read_mark().is_none() {
            part.restart(None)?;
        }
        Ok(part)
    }

    fn len(&self) -> Result<u64> {
        let found = fs::metadata(&self.path);
        Ok(found.with_context(|| format!("cannot read {}", self.path.display()))?.len())
    }

    /// The version's mark, `""` where the server gave none; `None` where nothing has come from this address.
    fn read_mark(&self) -> Option<String> {
        let text = fs::read_to_string(&self.mark).ok()?;
        let (url, mark) = text.split_once('\n')?;
        (url == self.url && self.path.exists()).then(|| mark.trim_end().to_owned())
    }

    /// Empties the file, of which the version with this mark will come.
    fn restart(&self, mark: Option<&str>) -> Result<()> {
        let context = || format!("cannot write {}", self.path.display());
        File::create(&self.path).with_context(context)?;
        fs::write(&self.mark, format!("{}\n{}\n", self.url, mark.unwrap_or_default())).with_context(context)
    }

    /// Asks for what is missing and writes it.
    fn go_on(&self, agent: &Agent, url: &str, name: &str, patience: Patience) -> Try<()> {
        let have = self.len().map_err(Failure::Final)?;
        let answer = self.ask(agent, url, have)?;
        let start =
            Answer::of(&answer).start(have).map_err(|problem| self.refused(url, &answer, &problem))?;
        let begin = match start {
            Start::Complete => return Ok(()),
            Start::At(begin) => begin,
        };
        if begin == 0 {
            self.restart(Answer::of(&answer).mark()).map_err(Failure::Final)?;
        } else {
            eprintln!("{name}: going on after {}", indicatif::HumanBytes(begin));
        }
        self.receive(answer, begin, name, patience.silence)
    }

    fn ask(&self, agent: &Agent, url: &str, have: u64) -> Try<Response<Body>> {
        let mut request = agent.get(url).header("Accept-Encoding", "identity");
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
            if let Some(mark) = self.read_mark().filter(|mark| !mark.is_empty()) {
                request = request.header("If-Range", mark);
            }
        }
        request.call().map_err(|error| unreachable(url, &error))
    }

    /// The answer is no file: is it worth asking again?
    fn refused(&self, url: &str, answer: &Response<Body>, problem: &str) -> Failure {
        let status = answer.status();
        let error = anyhow!("{problem}: {url}");
        if status.as_u16() == 416 || status == 206 {
            // What is here is no beginning of what is there.
            return match self.restart(None) {
                Ok(()) => Failure::Cut(error),
                Err(error) => Failure::Final(error),
            };
        }
        if status.is_server_error() || [408, 425, 429].contains(&status.as_u16()) {
            return Failure::Cut(error);
        }
        let hint = "a copy elsewhere can be named by --mirror";
        Failure::Final(anyhow!("the server refuses the file: {error}\nhint: {hint}"))
    }

    /// Writes the answer's bytes to the file from `begin` on. A thread of its own reads them, so that a server that has
    /// fallen silent is noticed.
    fn receive(&self, answer: Response<Body>, begin: u64, name: &str, silence: Duration) -> Try<()> {
        let length = Answer::of(&answer).length().map(|length| begin + length);
        let task = format!("downloading {name}");
        let progress = match length {
            Some(length) => Progress::start(task, length),
            None => Progress::start_unmeasured(task),
        }
        .begin_at(begin);
        let context = || format!("cannot write {}", self.path.display());
        let mut file =
            OpenOptions::new().append(true).open(&self.path).with_context(context).map_err(Failure::Final)?;
        let chunks = chunks(answer);
        let mut at = begin;
        loop {
            match chunks.recv_timeout(silence) {
                Ok(Ok(chunk)) => {
                    file.write_all(&chunk).with_context(context).map_err(Failure::Final)?;
                    at += chunk.len() as u64;
                    progress.advance(chunk.len() as u64);
                }
                Ok(Err(error)) => return Err(Failure::Cut(anyhow!("the connection broke off: {error}"))),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Failure::Cut(anyhow!(
                        "the server has been silent for {} s",
                        silence.as_secs_f32()
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if length.is_some_and(|length| at < length) {
            return Err(Failure::Cut(anyhow!("the connection broke off after {at} bytes")));
        }
        file.sync_all().with_context(context).map_err(Failure::Final)?;
        progress.finish();
        Ok(())
    }

    /// Gives the whole file its name.
    fn complete(&self, whole: &Path) -> Result<()> {
        fs::rename(&self.path, whole).with_context(|| format!("cannot write {}", whole.display()))?;
        fs::remove_file(&self.mark).or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(()),
            _ => bail!("cannot remove {}: {error}", self.mark.display()),
        })
    }
}

/// The answer's bytes in pieces; the sender goes away at the end.
fn chunks(answer: Response<Body>) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(16);
    thread::spawn(move || {
        let mut reader = answer.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let piece = match reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(n) => Ok(buffer[..n].to_vec()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let last = piece.is_err();
            if sender.send(piece).is_err() || last {
                return;
            }
        }
    });
    receiver
}

/// No answer came.
fn unreachable(url: &str, error: &ureq::Error) -> Failure {
    let passing = match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::UnexpectedEof
                | ErrorKind::BrokenPipe
                | ErrorKind::TimedOut
                | ErrorKind::Interrupted
        ),
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::BadUri(_)
        | ureq::Error::Tls(_)
        | ureq::Error::TooManyRedirects => false,
        _ => true,
    };
    let host = url.split('/').nth(2).unwrap_or(url).to_owned();
    if passing {
        return Failure::Cut(anyhow!("no answer from {host}: {error}"));
    }
    let hint = "is this machine online? A copy elsewhere can be named by --mirror";
    Failure::Final(anyhow!("cannot reach {host} for {url}: {error}\nhint: {hint}"))
}
