//! How libtorch's threads wait for each other: OpenMP reads that from the environment when it is loaded, before `main`.

use std::env;
use std::ffi::OsStr;
use std::io;

use clap::ValueEnum;

/// The variable by which OpenMP takes it.
const POLICY: &str = "OMP_WAIT_POLICY";

/// How threads wait for the slowest of them at the end of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Waiting {
    /// Awake: the fastest on an idle machine.
    Active,
    /// Asleep: their cores are free for others meanwhile, and waking up costs time.
    Passive,
}

impl Waiting {
    /// What the variable says for it.
    fn policy(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }

    /// Makes the process one whose threads wait like this: the program begins anew, with the variable set, unless it is.
    ///
    /// # Errors
    /// If the system cannot start the program.
    pub(crate) fn ensure(self) -> io::Result<()> {
        if is(self, env::var_os(POLICY).as_deref()) {
            return Ok(());
        }
        self.begin_anew()
    }

    #[cfg(unix)]
    fn begin_anew(self) -> io::Result<()> {
        use std::os::unix::process::CommandExt as _;
        let mut program = std::process::Command::new(env::current_exe()?);
        Err(program.args(env::args_os().skip(1)).env(POLICY, self.policy()).exec())
    }

    #[cfg(not(unix))]
    fn begin_anew(self) -> io::Result<()> {
        let hint = format!("set {POLICY}={} in the environment instead", self.policy());
        Err(io::Error::new(io::ErrorKind::Unsupported, hint))
    }
}

/// Whether the variable's value says so.
fn is(waiting: Waiting, value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case(waiting.policy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_waits_like_this_goes_on() {
        assert!(is(Waiting::Passive, Some(OsStr::new("PASSIVE"))));
        assert!(!is(Waiting::Passive, Some(OsStr::new("active"))) && !is(Waiting::Active, None));
    }
}
