//! The two ends of a flow, base and target, as configs name them.

use interflow_core::target::DensityConfig;
use interflow_data::DatasetConfig;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a flow starts, at t = 0.
///
/// ```
/// use interflow_flow::config::BaseConfig;
///
/// let base: BaseConfig = toml::from_str("kind = \"standard-normal\"")?;
/// assert_eq!(base, BaseConfig::StandardNormal {});
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a config is one of a kind")]
pub enum BaseConfig {
    /// N(0, I) in the target's dimension.
    StandardNormal {},
    /// A density of the library, most of them in two dimensions.
    Synthetic(SyntheticConfig),
    /// A data set: a file, or a published set that the library knows how to read.
    Data(DatasetConfig),
}

/// Where a flow ends, at t = 1.
///
/// ```
/// use interflow_flow::config::TargetConfig;
///
/// let target: TargetConfig = toml::from_str("kind = \"table\"\nfile = \"people.csv\"")?;
/// assert!(matches!(target, TargetConfig::Data(_)));
/// let unknown = toml::from_str::<TargetConfig>("kind = \"tabel\"").unwrap_err();
/// assert!(unknown.message().contains("`table`"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a config is one of a kind")]
pub enum TargetConfig {
    /// A density of the library, most of them in two dimensions.
    Synthetic(SyntheticConfig),
    /// A data set: a file, or a published set that the library knows how to read.
    Data(DatasetConfig),
}

/// A density of the library as an end of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticConfig {
    /// The density.
    pub density: DensityConfig,
    /// Whether the flow is not told the closed form of the density, if it has one, and knows it by samples only.
    #[serde(default)]
    pub samples_only: bool,
}

impl From<DensityConfig> for TargetConfig {
    fn from(density: DensityConfig) -> Self {
        Self::Synthetic(SyntheticConfig { density, samples_only: false })
    }
}

impl From<DatasetConfig> for TargetConfig {
    fn from(data: DatasetConfig) -> Self {
        Self::Data(data)
    }
}

impl BaseConfig {
    /// Whether this base and `target` are the same density or the same data set, as the mirror coupling requires.
    pub fn is_law_of(&self, target: &TargetConfig) -> bool {
        match (self, target) {
            (Self::Synthetic(base), TargetConfig::Synthetic(target)) => base == target,
            (Self::Data(base), TargetConfig::Data(target)) => base == target,
            _ => false,
        }
    }
}

const STANDARD_NORMAL: &str = "standard-normal";
const SYNTHETIC: &str = "synthetic";

/// An end's `kind` and its other keys.
struct Tagged {
    kind: String,
    rest: toml::Table,
}

impl Tagged {
    /// Splits a table by its `kind`, which is one of `own` or of a data set.
    fn split<E: serde::de::Error>(mut table: toml::Table, own: &[&str]) -> Result<Self, E> {
        let kind = match table.remove("kind") {
            Some(toml::Value::String(kind)) => kind,
            Some(other) => return Err(E::custom(format!("kind must be a name, found: {other}"))),
            None => return Err(E::missing_field("kind")),
        };
        let known: Vec<&str> = own.iter().copied().chain(DatasetConfig::KINDS.iter().copied()).collect();
        if known.contains(&kind.as_str()) {
            return Ok(Self { kind, rest: table });
        }
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        Err(E::custom(format!("unknown variant `{kind}`, expected one of {}", known.join(", "))))
    }

    /// The keys beside the kind.
    fn rest<T: DeserializeOwned, E: serde::de::Error>(self) -> Result<T, E> {
        self.rest.try_into().map_err(|error: toml::de::Error| E::custom(error.message()))
    }

    /// All keys, the kind among them, as a data set.
    fn dataset<E: serde::de::Error>(mut self) -> Result<DatasetConfig, E> {
        self.rest.insert("kind".to_owned(), toml::Value::String(std::mem::take(&mut self.kind)));
        self.rest()
    }
}

impl<'de> Deserialize<'de> for BaseConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = toml::Table::deserialize(deserializer)?;
        let tagged = Tagged::split::<D::Error>(table, &[STANDARD_NORMAL, SYNTHETIC])?;
        match tagged.kind.as_str() {
            STANDARD_NORMAL => match tagged.rest.keys().next() {
                None => Ok(Self::StandardNormal {}),
                Some(key) => {
                    Err(D::Error::custom(format!("unknown field `{key}`, {STANDARD_NORMAL} has no keys")))
                }
            },
            SYNTHETIC => tagged.rest().map(Self::Synthetic),
            _ => tagged.dataset().map(Self::Data),
        }
    }
}

impl<'de> Deserialize<'de> for TargetConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = toml::Table::deserialize(deserializer)?;
        if table.get("kind").and_then(toml::Value::as_str) == Some(STANDARD_NORMAL) {
            return Err(D::Error::custom(
                "[target] cannot be standard-normal: the target gives the flow its dimension",
            ));
        }
        let tagged = Tagged::split::<D::Error>(std::mem::take(&mut table), &[SYNTHETIC])?;
        match tagged.kind.as_str() {
            SYNTHETIC => tagged.rest().map(Self::Synthetic),
            _ => tagged.dataset().map(Self::Data),
        }
    }
}

/// The keys of a synthetic end with its kind.
#[derive(Serialize)]
struct Synthetic<'a> {
    kind: &'static str,
    #[serde(flatten)]
    config: &'a SyntheticConfig,
}

/// An end that is its kind alone.
#[derive(Serialize)]
struct Kind {
    kind: &'static str,
}

impl Serialize for BaseConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::StandardNormal {} => Kind { kind: STANDARD_NORMAL }.serialize(serializer),
            Self::Synthetic(config) => Synthetic { kind: SYNTHETIC, config }.serialize(serializer),
            Self::Data(config) => config.serialize(serializer),
        }
    }
}

impl Serialize for TargetConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Synthetic(config) => Synthetic { kind: SYNTHETIC, config }.serialize(serializer),
            Self::Data(config) => config.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Result<BaseConfig, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn ends_are_told_apart_by_their_kind_and_survive_a_round_trip() {
        for text in [
            "kind = \"standard-normal\"",
            "kind = \"synthetic\"\nsamples_only = true\ndensity = { kind = \"rings\" }",
            "kind = \"power\"\nfresh_noise = true",
        ] {
            let config = base(text).unwrap();
            assert_eq!(base(&toml::to_string(&config).unwrap()).unwrap(), config, "{text}");
        }
    }

    #[test]
    fn unknown_kinds_and_keys_are_named_with_what_is_known() {
        let message = base("kind = \"powr\"").unwrap_err();
        assert!(message.starts_with("unknown variant `powr`") && message.contains("`power`"), "{message}");
        let message = base("kind = \"standard-normal\"\ndim = 3").unwrap_err();
        assert!(message.contains("unknown field `dim`"), "{message}");
        let target = toml::from_str::<TargetConfig>("kind = \"standard-normal\"").unwrap_err();
        assert!(target.message().contains("gives the flow its dimension"));
    }
}
