//! How many threads libtorch's operations get, chosen by what work really takes.
//!
//! An operation with n threads waits for the last of them. On an idle machine more threads are faster, by as much as the
//! operations are large. Beside another process that keeps a core busy, the thread on that core comes late to each of the
//! thousand operations of a training step, and the step takes up to a hundred times as long as with one thread. No property
//! of the machine tells which of the two holds, and it changes while a program runs; the times of its own steps tell.
//!
//! The numbers of threads that are tried are one, the powers of two, and all cores with and without one for somebody else.

use std::time::{Duration, Instant};

use self::trials::Trials;
use self::window::Window;

mod trials;
mod window;

/// The share of its time that work may lose to trials of numbers of threads that turn out to be slower.
const SHARE: f64 = 0.02;

/// The same where the pace of the work has changed, so that the choice is likely to be out of date.
const SHARE_AT_CHANGE: f64 = 0.1;

/// The time between two trials of an unchanged choice, in seconds: first, and at most unless [`SHARE`] asks for more.
const RESTS: (f64, f64) = (2.0, 60.0);

/// By which factor the pace has to differ from the one at the last trial to count as changed.
const CHANGE: f64 = 1.25;

/// Chooses the threads of libtorch's operations for work that consists of many equal pieces, such as training steps.
///
/// It times a few pieces with each number of threads, goes on with the fastest, and tries again: at once when pieces take
/// longer or shorter than they did, else at intervals that grow up to a minute. Trials of what turns out to be slower cost
/// 2 % of the time, and up to 10 % while the pace keeps changing. One thread is always tried, and comes first.
///
/// One choice is for one kind of work. The number of threads decides how libtorch cuts some of its sums, and so may change the last digits of results.
///
/// ```
/// use interflow_libtorch::ThreadChoice;
/// use tch::{Device, Kind, Tensor};
///
/// let mut threads = ThreadChoice::default();
/// let matrix = Tensor::ones([64, 64], (Kind::Float, Device::Cpu));
/// for _ in 0..10 {
///     let product = threads.time(1.0, || matrix.matmul(&matrix));
///     assert_eq!(product.double_value(&[0, 0]), 64.0);
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ThreadChoice {
    candidates: Vec<u32>,
    /// The index of the candidate that was fastest.
    best: usize,
    /// The seconds that a unit of work took with it, when it was tried.
    pace: f64,
    phase: Phase,
    /// The seconds from the last trials to the next ones: while the pace stays, and when it changes.
    rests: (f64, f64),
    /// The seconds of work since the last trials.
    rested: f64,
}

/// What the present piece of work is for.
#[derive(Debug, Clone)]
enum Phase {
    /// To find the fastest candidate.
    Trials(Trials),
    /// To get done, with an eye on its pace.
    Settled(Window),
}

/// Up to as many threads as there are cores.
impl Default for ThreadChoice {
    fn default() -> Self {
        Self::up_to(
            std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        )
    }
}

impl ThreadChoice {
    /// A choice among one to `most` threads, for work that begins.
    pub fn up_to(most: u32) -> Self {
        let candidates = candidates(most.max(1));
        let trials = Phase::Trials(Trials::new(0, candidates.len()));
        Self { candidates, best: 0, pace: f64::INFINITY, phase: trials, rests: (RESTS.0, 0.0), rested: 0.0 }
    }

    /// The threads that the next piece of work shall have.
    pub fn threads(&self) -> u32 {
        match &self.phase {
            Phase::Trials(trials) => self.candidates[trials.candidate()],
            Phase::Settled(_) => self.candidates[self.best],
        }
    }

    /// Whether the next piece of work is for a trial.
    pub fn is_trying(&self) -> bool {
        matches!(self.phase, Phase::Trials(_))
    }

    /// Does a piece of work of so many `units`, such as rows, with the threads that it shall have, and learns from its time.
    /// Afterwards the calling thread's other work has the fastest number so far.
    pub fn time<T>(&mut self, units: f64, work: impl FnOnce() -> T) -> T {
        set(self.threads());
        let start = Instant::now();
        let made = work();
        self.learn(units, start.elapsed());
        set(self.candidates[self.best]);
        made
    }

    /// Learns that a piece of work of so many units has taken so long with [`ThreadChoice::threads`].
    pub fn learn(&mut self, units: f64, time: Duration) {
        let secs = time.as_secs_f64();
        if self.candidates.len() == 1 || units <= 0.0 {
            return;
        }
        match &mut self.phase {
            Phase::Trials(trials) => {
                trials.add(units, secs);
                if trials.are_over() {
                    self.settle();
                }
            }
            Phase::Settled(window) => {
                self.rested += secs;
                window.add(units, secs);
                if window.is_full() {
                    self.look_up();
                }
            }
        }
    }

    /// Takes what was fastest in the trials.
    fn settle(&mut self) {
        let Phase::Trials(trials) = &self.phase else { return };
        let (best, pace) = trials.fastest();
        let loss = trials.loss();
        let longest = if best == self.best { (2.0 * self.rests.0).min(RESTS.1) } else { RESTS.0 };
        self.rests = (longest.max(loss / SHARE), loss / SHARE_AT_CHANGE);
        (self.best, self.pace, self.rested) = (best, pace, 0.0);
        self.phase = Phase::Settled(Window::default());
    }

    /// Begins new trials if it is time for them.
    fn look_up(&mut self) {
        let Phase::Settled(window) = &mut self.phase else { return };
        let change = window.pace() / self.pace;
        let is_changed = !(CHANGE.recip()..CHANGE).contains(&change);
        let rest = if is_changed { self.rests.1 } else { self.rests.0 };
        *window = Window::default();
        if self.rested >= rest {
            self.phase = Phase::Trials(Trials::new(self.best, self.candidates.len()));
        }
    }
}

/// Gives libtorch's operations on the calling thread this many threads.
fn set(threads: u32) {
    let threads = i32::try_from(threads).unwrap_or(i32::MAX);
    if tch::get_num_threads() != threads {
        tch::set_num_threads(threads);
    }
}

/// The numbers of threads to try, one to `most`, in increasing order.
fn candidates(most: u32) -> Vec<u32> {
    let powers = (0..31).map(|exponent| 1 << exponent).take_while(|power| *power < most);
    let mut all: Vec<u32> = powers.chain([most.saturating_sub(1).max(1), most]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_all_are_among_the_candidates() {
        assert_eq!(candidates(1), [1]);
        assert_eq!(candidates(2), [1, 2]);
        assert_eq!(candidates(4), [1, 2, 3, 4]);
        assert_eq!(candidates(12), [1, 2, 4, 8, 11, 12]);
    }

    #[test]
    fn work_is_done_with_the_threads_that_are_chosen() {
        let mut choice = ThreadChoice::up_to(1);
        assert_eq!(choice.time(1.0, tch::get_num_threads), 1);
        assert!(!choice.is_trying() || choice.threads() == 1);
    }
}
