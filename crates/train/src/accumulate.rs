//! Into how many parts the batch of a training step is divided.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// The word for [`Accumulate::Auto`].
const AUTO: &str = "auto";

/// The number of equal parts of a step's batch, which go through the network one after the other, as written in a
/// config: a number or `"auto"`.
///
/// ```
/// use interflow_train::Accumulate;
///
/// assert_eq!(serde_json::from_str::<Accumulate>("4").unwrap(), Accumulate::Parts(4));
/// assert_eq!(serde_json::from_str::<Accumulate>("\"auto\"").unwrap(), Accumulate::Auto);
/// assert!(serde_json::from_str::<Accumulate>("\"many\"").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulate {
    /// The fewest parts that fit into a GPU's free memory, as estimated before the first step from what a few rows
    /// need. On the CPU it is one part, because memory is not counted there and seldom limits a batch.
    ///
    /// The number of parts changes the order of sums, and so last digits. A run's checkpoints hold it, and a resumed
    /// run keeps it.
    Auto,
    /// This number of parts, a divisor of the batch size.
    Parts(i64),
}

/// The whole batch at once.
impl Default for Accumulate {
    fn default() -> Self {
        Self::Parts(1)
    }
}

impl From<i64> for Accumulate {
    fn from(parts: i64) -> Self {
        Self::Parts(parts)
    }
}

impl Accumulate {
    /// The number of parts; 1 if it is not chosen yet.
    pub fn parts(self) -> i64 {
        match self {
            Self::Auto => 1,
            Self::Parts(parts) => parts,
        }
    }
}

impl fmt::Display for Accumulate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(AUTO),
            Self::Parts(parts) => parts.fmt(f),
        }
    }
}

impl Serialize for Accumulate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Parts(parts) => serializer.serialize_i64(*parts),
        }
    }
}

impl<'de> Deserialize<'de> for Accumulate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads what [`Accumulate`] writes.
struct Written;

impl Visitor<'_> for Written {
    type Value = Accumulate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{AUTO}\" or a number of parts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Accumulate, E> {
        if text == AUTO {
            Ok(Accumulate::Auto)
        } else {
            Err(E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    fn visit_i64<E: de::Error>(self, parts: i64) -> Result<Accumulate, E> {
        Ok(Accumulate::Parts(parts))
    }

    fn visit_u64<E: de::Error>(self, parts: u64) -> Result<Accumulate, E> {
        let unexpected = de::Unexpected::Unsigned(parts);
        i64::try_from(parts).map(Accumulate::Parts).map_err(|_| E::invalid_value(unexpected, &self))
    }
}
