//! Reading a config file, and saying where it is wrong.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;

/// Reads `path` as a config of a kind and applies `overrides` (`key.path=value`).
pub(crate) fn read_as<T: DeserializeOwned>(path: &Path, overrides: &[String]) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the config file: {}", path.display()))?;
    let config: T = toml::from_str(&text)
        .map_err(|error| anyhow!("{}", located(&error, &text, &path.display().to_string())))?;
    if overrides.is_empty() { Ok(config) } else { overridden(&text, overrides) }
}

/// The config with single keys replaced.
pub(super) fn overridden<T: DeserializeOwned>(text: &str, overrides: &[String]) -> Result<T> {
    let mut table: toml::Table = toml::from_str(text)?;
    for assignment in overrides {
        let (key, value) = assignment
            .split_once('=')
            .ok_or_else(|| anyhow!("--set wants KEY=VALUE, found: {assignment}"))?;
        set(&mut table, key.trim(), parse_value(value.trim()))
            .with_context(|| format!("in --set {assignment}"))?;
    }
    let text = toml::to_string(&table)?;
    toml::from_str(&text).map_err(|error| anyhow!("{}", located(&error, &text, "the config after --set")))
}

/// A TOML value, or a bare word as a string.
fn parse_value(text: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn set(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<()> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((head, rest)) => match table.get_mut(head) {
            Some(toml::Value::Table(inner)) => set(inner, rest, value),
            _ => bail!("there is no table [{head}] in the config"),
        },
    }
}

/// A parse error with file, line and, for an unknown name, the nearest known one.
pub(super) fn located(error: &toml::de::Error, text: &str, file: &str) -> String {
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    let names = backticked(&message);
    let unknown = message.starts_with("unknown").then(|| names.first().copied()).flatten();
    let line = unknown
        .and_then(|name| line_of_name(text, name))
        .or_else(|| error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1));
    let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}, line {line}"));
    let hint = unknown
        .and_then(|name| nearest(name, &names[1..]))
        .map(|name| format!("\nhint: did you mean `{name}`?"))
        .unwrap_or_default();
    format!("{place}: {message}{hint}")
}

/// The names between backticks.
fn backticked(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// The first line on which `name` stands as a key, a table or a string.
fn line_of_name(text: &str, name: &str) -> Option<usize> {
    text.lines()
        .position(|line| {
            let code = line.split('#').next().unwrap_or_default();
            code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).any(|word| word == name)
        })
        .map(|index| index + 1)
}

/// The most similar of `known`, if any is similar at all.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|other| (strsim::jaro_winkler(name, other), *other))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ExperimentConfig;

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_name() {
        let text = "name = \"x\"\nseeed = 1\n";
        let error = toml::from_str::<ExperimentConfig>(text).unwrap_err();
        let message = located(&error, text, "x.toml");
        assert!(message.contains("x.toml, line 2"), "{message}");
        assert!(message.contains("did you mean `seed`?"), "{message}");
    }

    #[test]
    fn a_bare_word_in_an_override_is_a_string() {
        assert_eq!(parse_value("linear"), toml::Value::String("linear".into()));
        assert_eq!(parse_value("3"), toml::Value::Integer(3));
        assert_eq!(parse_value("[1, 2]"), toml::Value::Array(vec![1.into(), 2.into()]));
    }
}
