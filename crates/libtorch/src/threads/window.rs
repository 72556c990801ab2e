//! The pace of the last few pieces of work.

/// The seconds that a window is long: many turns of the operating system's scheduler, whose turns take a few milliseconds.
const LENGTH: f64 = 0.15;

/// A few consecutive pieces of work.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    n: u32,
    /// Units and seconds of the first piece, which also pays for starting threads and filling caches.
    first: (f64, f64),
    /// Units and seconds of all pieces.
    all: (f64, f64),
}

impl Window {
    /// Adds a piece of work of so many units that took so many seconds.
    pub(super) fn add(&mut self, units: f64, secs: f64) {
        self.n += 1;
        if self.n == 1 {
            self.first = (units, secs);
        }
        self.all.0 += units;
        self.all.1 += secs;
    }

    /// Whether its pace can be relied on: after [`LENGTH`] and two pieces, or one that is long by itself.
    pub(super) fn is_full(&self) -> bool {
        self.all.1 >= LENGTH && (self.n > 1 || self.all.1 >= 2.0 * LENGTH)
    }

    /// Whether it is already clear that a unit takes twice as long as `pace`, in seconds.
    pub(super) fn is_hopeless(&self, pace: f64) -> bool {
        self.all.1 >= LENGTH / 3.0 && self.all.1 > 2.0 * pace * self.all.0
    }

    /// The seconds that a unit takes, without the first piece where there are others.
    pub(super) fn pace(&self) -> f64 {
        let first = if self.n > 1 { self.first } else { (0.0, 0.0) };
        (self.all.1 - first.1) / (self.all.0 - first.0)
    }

    /// The seconds by which its pieces have taken longer than at `pace`.
    pub(super) fn loss(&self, pace: f64) -> f64 {
        (self.all.1 - pace * self.all.0).max(0.0)
    }
}
