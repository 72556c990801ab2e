//! The number of threads of libtorch's operations: fixed, or chosen by measuring.

use std::fmt;
use std::num::NonZero;
use std::str::FromStr;

use interflow_libtorch::ThreadChoice;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use tch::Device;

use crate::error::{Error, Result, refuse};

/// The largest number of threads that a tensor operation may be given.
pub(crate) const MOST_THREADS: u32 = 4096;

/// The word for [`Threads::Auto`].
const AUTO: &str = "auto";

/// The number of CPU threads of each tensor operation, as written in a config: a number or `"auto"`.
///
/// With a fixed number equal runs have equal bits on the CPU, and a resumed run has the bits of one that never
/// stopped. With `Auto` training steps and network calls get the number with which they are fastest at the time,
/// which depends on the other programs on the machine too. Where libtorch divides a sum among threads, in
/// convolutions and some matrix products, equal runs may then differ in their last digits. A run's metrics record
/// each choice with its step.
///
/// ```
/// use interflow_flow::Threads;
///
/// # fn main() -> interflow_flow::Result<()> {
/// assert_eq!("auto".parse::<Threads>()?, Threads::Auto);
/// assert_eq!("4".parse::<Threads>()?, Threads::Fixed(4));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// The number, between 1 and the number of cores, with which steps and calls were measured to be fastest.
    Auto,
    /// This number, from 1 to 4096.
    Fixed(u32),
}

impl Threads {
    /// As many threads as the process may use cores.
    pub fn all() -> Self {
        Self::Fixed(cores())
    }

    /// The number for this process: the explicit one, or else that of the environment's `OMP_NUM_THREADS`, or else
    /// the configured one, which is reduced to the number of cores.
    #[must_use]
    pub fn resolve(explicit: Option<Self>, configured: Self) -> Self {
        let environment = || std::env::var("OMP_NUM_THREADS").ok()?.parse().ok().map(Self::Fixed);
        match explicit.or_else(environment) {
            Some(Self::Fixed(n)) => Self::Fixed(n.clamp(1, MOST_THREADS)),
            Some(Self::Auto) => Self::Auto,
            None => configured.capped(),
        }
    }

    /// Sets the number of threads for the whole process; for `Auto` to all cores, which holds for work whose threads
    /// are not chosen.
    pub fn set(self) {
        let Self::Fixed(n) = self else { return Self::all().set() };
        tch::set_num_threads(n.clamp(1, MOST_THREADS).cast_signed());
    }

    /// A new chooser of the number of threads; `None` if the number is fixed, or if the device is not the CPU.
    pub fn choice(self, device: Device) -> Option<ThreadChoice> {
        (self == Self::Auto && device == Device::Cpu).then(ThreadChoice::default)
    }

    /// Rejects a number outside 1 to 4096.
    ///
    /// # Errors
    /// [`Error::Refused`] naming the number.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Fixed(n) if !(1..=MOST_THREADS).contains(&n) => {
                refuse(format!("threads must be at least 1 and at most {MOST_THREADS}, found: {n}"))
            }
            _ => Ok(()),
        }
    }

    /// No more than there are cores.
    fn capped(self) -> Self {
        match self {
            Self::Auto => Self::Auto,
            Self::Fixed(n) => Self::Fixed(n.clamp(1, cores())),
        }
    }
}

/// The cores that the process may use.
fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(NonZero::get(n)).unwrap_or(MOST_THREADS))
}

impl From<u32> for Threads {
    fn from(n: u32) -> Self {
        Self::Fixed(n)
    }
}

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(AUTO),
            Self::Fixed(n) => n.fmt(f),
        }
    }
}

impl FromStr for Threads {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown =
            || Error::refused(format!("expected auto or a number from 1 to {MOST_THREADS}, found: {text}"));
        let threads =
            if text == AUTO { Self::Auto } else { Self::Fixed(text.parse().map_err(|_| unknown())?) };
        threads.check().map(|()| threads).map_err(|_| unknown())
    }
}

impl Serialize for Threads {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Fixed(n) => serializer.serialize_u32(*n),
        }
    }
}

impl<'de> Deserialize<'de> for Threads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads what [`Threads`] writes.
struct Written;

impl Visitor<'_> for Written {
    type Value = Threads;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{AUTO}\" or a number of threads")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Threads, E> {
        if text == AUTO { Ok(Threads::Auto) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> std::result::Result<Threads, E> {
        let n = u32::try_from(n).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(n), &self))?;
        Ok(Threads::Fixed(n))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> std::result::Result<Threads, E> {
        let n = u32::try_from(n).map_err(|_| E::invalid_value(de::Unexpected::Signed(n), &self))?;
        Ok(Threads::Fixed(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Config {
        threads: Threads,
    }

    #[test]
    fn a_config_has_a_number_or_auto() {
        for (text, threads) in [("threads = 3\n", Threads::Fixed(3)), ("threads = \"auto\"\n", Threads::Auto)]
        {
            let config: Config = toml::from_str(text).unwrap();
            assert_eq!(config, Config { threads });
            assert_eq!(toml::to_string(&config).unwrap(), text);
        }
        for text in ["threads = -1", "threads = \"fast\"", "threads = 1.5", "threads = 5000000000"] {
            let message = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(message.contains("\"auto\" or a number of threads"), "{message}");
        }
    }

    #[test]
    fn what_is_asked_for_goes_before_what_is_configured() {
        assert_eq!(Threads::resolve(Some(Threads::Fixed(64)), Threads::Auto), Threads::Fixed(64));
        assert_eq!(Threads::resolve(Some(Threads::Auto), Threads::Fixed(1)), Threads::Auto);
        assert!("0".parse::<Threads>().is_err() && "many".parse::<Threads>().is_err());
    }

    #[test]
    fn only_automatic_threads_on_the_cpu_are_chosen() {
        assert!(Threads::Auto.choice(Device::Cpu).is_some());
        assert!(Threads::Auto.choice(Device::Cuda(0)).is_none());
        assert!(Threads::Fixed(2).choice(Device::Cpu).is_none());
    }
}
