//! Where a process stands among those that compute together, and where they meet.

use std::time::Duration;

/// A process's place among those that compute together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The process's number, from 0.
    pub rank: usize,
    /// How many processes there are.
    pub size: usize,
    /// The process's number among those of its machine, from 0.
    pub local_rank: usize,
    /// The host where they meet: a name or a number.
    pub host: String,
    /// The port where they meet.
    pub port: u16,
    /// Who serves the store at which they meet.
    pub keeper: Keeper,
    /// How long the others are waited for at the start, and how long a process may show no sign of life later on.
    pub timeout: Duration,
}

/// Who serves the store at which processes meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// The process 0.
    First,
    /// Who started the processes, as `torchrun` does, for the so manieth time.
    Launcher {
        /// 0 at first, one more after each restart of the processes.
        attempt: u64,
    },
}

impl Keeper {
    /// What the names of the group's values begin with: those of processes that were started again are others.
    pub(super) fn prefix(self) -> String {
        match self {
            Self::First => "interflow".to_owned(),
            Self::Launcher { attempt } => format!("interflow/{attempt}"),
        }
    }

    /// What is said when the store does not answer any more.
    pub(super) fn gone(self) -> &'static str {
        match self {
            Self::First => "process 0 has ended, or cannot be reached",
            Self::Launcher { .. } => "who started the processes has ended, or cannot be reached",
        }
    }
}

impl Place {
    /// How long the others are waited for where nothing else is said.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// The host and the port where the processes meet.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether this process is the first one of its machine.
    pub fn is_first_of_machine(&self) -> bool {
        self.local_rank == 0
    }

    /// Whether this process serves the store.
    pub(super) fn serves(&self) -> bool {
        self.keeper == Keeper::First && self.rank == 0
    }

    /// How often the processes were started before, as far as their launcher says so.
    pub fn attempt(&self) -> u64 {
        match self.keeper {
            Keeper::First => 0,
            Keeper::Launcher { attempt } => attempt,
        }
    }
}
