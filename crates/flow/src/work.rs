//! Long computations: who watches them, who may stop them, and which processes share them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use interflow_libtorch::ProcessGroup;

use crate::error::{Error, Result};

/// Shows the progress of long work. Libraries print nothing; a program shows bars in its terminal, a notebook its
/// own.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use interflow_flow::{Cancel, Meter, Progress, Work};
///
/// /// Counts what is done, of whatever it is.
/// #[derive(Clone, Default)]
/// struct Counter(Arc<AtomicU64>);
///
/// impl Progress for Counter {
///     fn begin(&self, _name: &'static str, _total: u64) -> Box<dyn Meter> {
///         Box::new(self.clone())
///     }
/// }
///
/// impl Meter for Counter {
///     fn advance(&self, n: u64) {
///         self.0.fetch_add(n, Ordering::Relaxed);
///     }
/// }
///
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// let counter = Counter::default();
/// let flow = flow.with_work(Work::new(counter.clone(), Cancel::default()));
/// flow.sample(30, 0)?;
/// assert_eq!(counter.0.load(Ordering::Relaxed), 30);
/// # Ok(())
/// # }
/// ```
pub trait Progress: Send + Sync {
    /// Begins to show a piece of work of `total` units under a name such as `test NLL`. The returned meter is told of
    /// each finished part and dropped at the end.
    fn begin(&self, name: &'static str, total: u64) -> Box<dyn Meter>;
}

impl fmt::Debug for dyn Progress + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

/// Shows the progress of one piece of work.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use interflow_flow::{Cancel, Meter, Progress, Work};
///
/// /// Counts what is done, of whatever it is.
/// #[derive(Clone, Default)]
/// struct Counter(Arc<AtomicU64>);
///
/// impl Progress for Counter {
///     fn begin(&self, _name: &'static str, _total: u64) -> Box<dyn Meter> {
///         Box::new(self.clone())
///     }
/// }
///
/// impl Meter for Counter {
///     fn advance(&self, n: u64) {
///         self.0.fetch_add(n, Ordering::Relaxed);
///     }
/// }
///
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// let counter = Counter::default();
/// let flow = flow.with_work(Work::new(counter.clone(), Cancel::default()));
/// flow.sample(30, 0)?;
/// assert_eq!(counter.0.load(Ordering::Relaxed), 30);
/// # Ok(())
/// # }
/// ```
pub trait Meter: Send {
    /// Says that `n` more units are done.
    fn advance(&self, n: u64);
}

impl fmt::Debug for dyn Meter + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

/// A [`Progress`] that shows nothing.
///
/// ```
/// use interflow_flow::{Cancel, NoProgress, Work};
///
/// let work = Work::new(NoProgress, Cancel::default());
/// work.begin("nothing to see", 10).advance(10);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _name: &'static str, _total: u64) -> Box<dyn Meter> {
        Box::new(Self)
    }
}

impl Meter for NoProgress {
    fn advance(&self, _n: u64) {}
}

/// A token by which work can be stopped from elsewhere, such as a signal handler. Clones are handles on one token.
///
/// ```
/// use interflow_flow::Cancel;
///
/// let cancel = Cancel::default();
/// let handle = cancel.clone(); // for a signal handler, or another thread
/// handle.request();
/// assert!(cancel.check().unwrap_err().is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
    question: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

/// The token that is requested once `flag` is raised, such as by a signal handler.
impl From<Arc<AtomicBool>> for Cancel {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self { flag, question: None }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("flag", &self.flag).finish_non_exhaustive()
    }
}

impl Cancel {
    /// The token that is requested once `question` answers `true`. It is asked before each training step and each part of other
    /// work, on the thread that does it: for a host that can only be asked, such as an interpreter that keeps signals to itself.
    pub fn asking(question: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { flag: Arc::default(), question: Some(Arc::new(question)) }
    }

    /// Asks the work to stop in good order.
    pub fn request(&self) {
        self.flag.store(true, Ordering::SeqCst);
    }

    /// Whether the work was asked to stop.
    pub fn requested(&self) -> bool {
        self.flag.load(Ordering::SeqCst) || self.question.as_ref().is_some_and(|question| question())
    }

    /// Returns an error if the work was asked to stop, for computations whose partial results are of no use.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the work was asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.requested() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// How work is shown, stopped and shared among processes. Clones share all three.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// # use interflow_flow::{Experiment, ExperimentConfig};
/// # let moons = interflow_core::target::DensityConfig::TwoMoons {};
/// # let mut config = ExperimentConfig::synthetic("moons", moons);
/// # (config.train.steps, config.train.n_validation) = (2, 100);
/// # let flow = Experiment::new(config).train()?.into_flow();
/// use interflow_flow::{Cancel, NoProgress, Work};
///
/// let cancel = Cancel::default();
/// let flow = flow.with_work(Work::new(NoProgress, cancel.clone()));
/// cancel.request();
/// assert!(flow.sample(10, 0).unwrap_err().is_cancelled());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Work {
    progress: Arc<dyn Progress>,
    cancel: Cancel,
    group: Option<ProcessGroup>,
}

/// Work that nobody watches, stops or shares.
impl Default for Work {
    fn default() -> Self {
        Self::new(NoProgress, Cancel::default())
    }
}

impl Work {
    /// Work that `progress` shows and `cancel` can stop.
    pub fn new(progress: impl Progress + 'static, cancel: Cancel) -> Self {
        Self { progress: Arc::new(progress), cancel, group: None }
    }

    /// The same work, shared among processes that each call it: training, held-out checks, samples, encodings and
    /// log-densities are divided among them. Only process 0 writes run folders.
    #[must_use]
    pub fn shared_by(self, group: ProcessGroup) -> Self {
        Self { group: Some(group), ..self }
    }

    /// The same work, done by this process alone.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { group: None, ..self.clone() }
    }

    /// The same work, not shown.
    #[must_use]
    pub fn hidden(&self) -> Self {
        Self { progress: Arc::new(NoProgress), ..self.clone() }
    }

    /// The processes that share the work; `None` if this process does it alone.
    pub fn group(&self) -> Option<&ProcessGroup> {
        self.group.as_ref()
    }

    /// What `load` makes of files; of several processes the first one of each machine does so before the others, which then find
    /// what it has cached.
    ///
    /// # Errors
    /// Those of `load`; [`Error::Kernel`] if another process has ended.
    pub(crate) fn in_turn<T>(&self, load: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(group) = &self.group else { return load() };
        if group.place().is_first_of_machine() {
            let loaded = load()?;
            group.barrier()?;
            return Ok(loaded);
        }
        group.barrier()?;
        load()
    }

    /// Whether this process writes and reports the results: it is the only one, or process 0 of several.
    pub fn leads(&self) -> bool {
        self.group.as_ref().is_none_or(|group| group.rank() == 0)
    }

    /// The token that can stop the work.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Begins a piece of work of `total` units, shown under this name.
    pub fn begin(&self, name: &'static str, total: u64) -> Task {
        Task { meter: self.progress.begin(name, total), cancel: self.cancel.clone() }
    }

    /// Begins a piece of work that is not shown but can be stopped.
    pub fn quietly(&self) -> Task {
        Task { meter: Box::new(NoProgress), cancel: self.cancel.clone() }
    }
}

/// A piece of work under way.
///
/// ```
/// # fn main() -> interflow_flow::Result<()> {
/// use interflow_flow::Work;
///
/// let work = Work::default();
/// let task = work.begin("a search", 3);
/// for _ in 0..3 {
///     task.check()?;
///     task.advance(1);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Task {
    meter: Box<dyn Meter>,
    cancel: Cancel,
}

impl Task {
    /// Says that `n` more units are done.
    pub fn advance(&self, n: u64) {
        self.meter.advance(n);
    }

    /// Returns an error if the work was asked to stop. Call it before each part.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the work was asked to stop.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_request_stops_every_handle() {
        let cancel = Cancel::default();
        let task = Work::new(NoProgress, cancel.clone()).begin("a test", 3);
        assert!(task.check().is_ok());
        cancel.request();
        assert!(task.check().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_question_is_asked_at_each_check() {
        let asked = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&asked);
        let cancel = Cancel::asking(move || counter.fetch_add(1, Ordering::SeqCst) == 2);
        let task = Work::new(NoProgress, cancel).quietly();
        assert!(task.check().is_ok() && task.check().is_ok());
        assert!(task.check().unwrap_err().is_cancelled());
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
}
