//! One trial of each number of threads.

use super::window::Window;

/// By which factor the fastest candidate has to beat one with fewer threads: those leave more cores to others.
const WORTH: f64 = 1.02;

/// Trials of all candidates, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Trials {
    /// The candidates' numbers in the order of their trials.
    order: Vec<usize>,
    /// The trials so far, the present one last.
    windows: Vec<Window>,
}

impl Trials {
    /// Trials of `n` candidates that begin with one of them, which gives the others a pace to compare with.
    pub(super) fn new(first: usize, n: usize) -> Self {
        let others = (0..n).filter(|candidate| *candidate != first);
        Self { order: std::iter::once(first).chain(others).collect(), windows: vec![Window::default()] }
    }

    /// The candidate to be tried now.
    pub(super) fn candidate(&self) -> usize {
        self.order[self.present()]
    }

    /// Whether every candidate was tried.
    pub(super) fn are_over(&self) -> bool {
        self.windows.len() > self.order.len()
    }

    /// Adds a piece of work with the present candidate.
    pub(super) fn add(&mut self, units: f64, secs: f64) {
        let present = self.present();
        let pace = self.windows[..present].iter().map(Window::pace).fold(f64::INFINITY, f64::min);
        let window = &mut self.windows[present];
        window.add(units, secs);
        if window.is_full() || window.is_hopeless(pace) {
            self.windows.push(Window::default());
        }
    }

    /// The candidate to go on with, once all were tried, and its pace.
    pub(super) fn fastest(&self) -> (usize, f64) {
        let mut paces: Vec<(usize, f64)> = self
            .order
            .iter()
            .zip(&self.windows)
            .map(|(candidate, window)| (*candidate, window.pace()))
            .collect();
        paces.sort_unstable_by_key(|(candidate, _)| *candidate);
        let least = paces.iter().map(|(_, pace)| *pace).fold(f64::INFINITY, f64::min);
        let good_enough = paces.into_iter().find(|(_, pace)| *pace <= WORTH * least);
        good_enough.unwrap_or((self.order[0], least))
    }

    /// The seconds that the trials have cost beyond what their work takes with the fastest candidate.
    pub(super) fn loss(&self) -> f64 {
        let (_, pace) = self.fastest();
        self.windows[..self.order.len()].iter().map(|window| window.loss(pace)).sum()
    }

    /// The number of the present trial, the last one once they are over.
    fn present(&self) -> usize {
        self.windows.len().min(self.order.len()) - 1
    }
}
