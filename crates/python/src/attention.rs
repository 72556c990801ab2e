//! What Python wants to know while the library works, and what it says meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use interflow::train::{Observer, SelfCheck, StepReport};
use interflow::{Cancel, NoProgress, Result, Work, tch};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::error::raised;
use crate::journal;
use crate::mutex::lock;
use crate::report::{Step, Validation};

/// How often Python is asked for signals: rarely, since asking needs its interpreter lock.
const PERIOD: Duration = Duration::from_millis(100);

/// Looks after Python's signals, such as Ctrl-C, and stops the work where one raises an exception. Clones share all.
#[derive(Clone)]
pub(crate) struct Attention {
    stop: Arc<AtomicBool>,
    exception: Arc<Mutex<Option<PyErr>>>,
    asked: Arc<Mutex<Instant>>,
}

impl Default for Attention {
    fn default() -> Self {
        Self { stop: Arc::default(), exception: Arc::default(), asked: Arc::new(Mutex::new(Instant::now())) }
    }
}

impl Attention {
    /// Work that stops where Python has raised an exception.
    pub(crate) fn work(&self) -> Work {
        let attention = self.clone();
        Work::new(NoProgress, Cancel::asking(move || attention.stopped()))
    }

    /// Does `work` without Python's interpreter lock. An exception that was raised meanwhile comes before the work's
    /// own outcome.
    pub(crate) fn during<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> PyResult<T> {
        self.stop.store(false, Ordering::SeqCst);
        let outcome = py.detach(|| apart(work));
        journal::hand_over(py)?;
        if let Some(exception) = lock(&self.exception).take() {
            return Err(exception);
        }
        match outcome {
            Ok(outcome) => outcome.map_err(raised),
            Err(_) => Err(PyRuntimeError::new_err("interflow has failed where it must not, as stderr says")),
        }
    }

    /// Whether an exception has stopped the work; Python is asked for signals first, unless it was asked just now.
    fn stopped(&self) -> bool {
        let mut asked = lock(&self.asked);
        if asked.elapsed() >= PERIOD {
            #[allow(
                clippy::redundant_closure_for_method_calls,
                reason = "the method is of one lifetime alone"
            )]
            self.ask(|py| py.check_signals());
            *asked = Instant::now();
        }
        self.stop.load(Ordering::SeqCst)
    }

    /// Asks Python for something; an exception stops the work.
    fn ask(&self, question: impl FnOnce(Python<'_>) -> PyResult<()>) {
        if let Err(exception) = Python::attach(question) {
            lock(&self.exception).get_or_insert(exception);
            self.stop.store(true, Ordering::SeqCst);
        }
    }
}

/// Does `work` with gradients, whatever the caller's mode, and catches its panic. Afterwards torch's mode and its
/// number of threads are what they were: the process's torch is its owner's.
fn apart<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    let threads = tch::get_num_threads();
    let outcome = tch::with_grad(|| catch_unwind(AssertUnwindSafe(work)));
    tch::set_num_threads(threads);
    outcome
}

/// Shows training to a function of Python's.
pub(crate) struct Watcher {
    pub(crate) attention: Attention,
    pub(crate) callback: Option<Py<PyAny>>,
    /// The steps of the whole run.
    pub(crate) steps: u64,
}

impl Watcher {
    fn show<T: for<'py> IntoPyObject<'py>>(&self, report: T) {
        let Some(callback) = &self.callback else { return };
        self.attention.ask(|py| {
            journal::hand_over(py)?;
            callback.call1(py, (report,)).map(drop)
        });
    }
}

impl Observer for Watcher {
    fn on_step(&mut self, report: &StepReport) {
        self.show(Step::from(report));
    }

    fn on_slow_step(&mut self, report: &StepReport) {
        self.show(Step::from(report));
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        self.show(Validation { step: check.step, steps: self.steps, objective: check.objective().mean });
    }
}
