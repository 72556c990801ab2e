//! All that watches a run, as one.

use interflow_train::{Failure, Observer, RunState, SelfCheck, StepReport};

use crate::run::{History, Recorder};
use crate::work::Cancel;

/// The run's own records, the observers from outside, and the token that stops it.
pub(super) struct Watch<'a> {
    pub(super) history: History,
    pub(super) recorder: Option<Recorder>,
    pub(super) observers: Vec<&'a mut dyn Observer>,
    pub(super) cancel: Cancel,
}

impl Watch<'_> {
    fn all(&mut self) -> impl Iterator<Item = &mut dyn Observer> {
        let own = std::iter::once(&mut self.history as &mut dyn Observer);
        let recorder = self.recorder.iter_mut().map(|recorder| recorder as &mut dyn Observer);
        own.chain(recorder)
            .chain(self.observers.iter_mut().map(|observer| &mut **observer as &mut dyn Observer))
    }
}

impl Observer for Watch<'_> {
    fn on_step(&mut self, report: &StepReport) {
        self.all().for_each(|observer| observer.on_step(report));
    }

    fn on_slow_step(&mut self, report: &StepReport) {
        self.all().for_each(|observer| observer.on_slow_step(report));
    }

    fn on_threads(&mut self, step: u64, threads: u32) {
        self.all().for_each(|observer| observer.on_threads(step, threads));
    }

    fn on_parts(&mut self, step: u64, parts: i64) {
        tracing::info!("steps go through the network in parts, by the device's free memory: {parts}");
        self.all().for_each(|observer| observer.on_parts(step, parts));
    }

    fn on_validation(&mut self, check: &SelfCheck) {
        self.all().for_each(|observer| observer.on_validation(check));
    }

    fn on_companion(&mut self, step: u64, numbers: &[(&'static str, f64)]) {
        self.all().for_each(|observer| observer.on_companion(step, numbers));
    }

    fn on_checkpoint(&mut self, state: &RunState<'_>) -> Result<(), Failure> {
        self.all().try_for_each(|observer| observer.on_checkpoint(state))
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.all().try_for_each(Observer::check)
    }

    fn on_end(&mut self) -> Result<(), Failure> {
        // Each has its end, whatever becomes of the others'.
        let ends: Vec<_> = self.all().map(Observer::on_end).collect();
        ends.into_iter().collect()
    }

    fn interrupted(&self) -> bool {
        self.cancel.requested() || self.observers.iter().any(|observer| observer.interrupted())
    }
}
