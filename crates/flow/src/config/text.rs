//! Reading configs from TOML text, with errors that say where the text is wrong.

use serde::de::DeserializeOwned;

use crate::error::{During as _, Error, Result, refuse};

/// Reads a value from the TOML text `text`, with `overrides` of single keys as `key.path=value`. Errors call the text
/// `place`, which may be its file name.
///
/// # Errors
/// [`Error::Config`] naming line and key, and the nearest known name for a misspelt one.
pub fn parse<T: DeserializeOwned>(text: &str, place: &str, overrides: &[String]) -> Result<T> {
    let config: T = toml::from_str(text).map_err(|error| located(&error, text, place))?;
    if overrides.is_empty() { Ok(config) } else { overridden(text, overrides) }
}

/// The value with single keys replaced.
fn overridden<T: DeserializeOwned>(text: &str, overrides: &[String]) -> Result<T> {
    let mut table: toml::Table = toml::from_str(text).map_err(|error| located(&error, text, "the config"))?;
    for assignment in overrides {
        let Some((key, value)) = assignment.split_once('=') else {
            return refuse(format!("--set needs KEY=VALUE, found: {assignment}"));
        };
        set(&mut table, key.trim(), parse_value(value.trim())).during(format!("in --set {assignment}"))?;
    }
    let text = table.to_string();
    toml::from_str(&text).map_err(|error| {
        let mut error = located(&error, &text, "the config after --set");
        if let Error::Config { problem, .. } = &mut error
            && problem.starts_with("unknown field")
            && let Some(hint) = overrides.iter().find_map(|assignment| other_kind(assignment))
        {
            problem.push_str(&hint);
        }
        error
    })
}

/// What to do where a table's other keys may not go with the kind that an override gave it.
fn other_kind(assignment: &str) -> Option<String> {
    let (table, kind) =
        assignment.split_once('=').and_then(|(key, kind)| Some((key.trim().strip_suffix(".kind")?, kind)))?;
    let kind = kind.trim().trim_matches('"');
    Some(format!(
        "\nhint: another kind has other keys: set the whole table, --set '{table}={{ kind = \"{kind}\" }}'"
    ))
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
        // A table that the text does not have is made: whether there may be one is seen when all is read.
        Some((head, rest)) => {
            match table.entry(head).or_insert_with(|| toml::Value::Table(toml::Table::new())) {
                toml::Value::Table(inner) => set(inner, rest, value),
                _ => refuse(format!("{head} is not a table in the config")),
            }
        }
    }
}

/// The error of parsing `text`, with the name `file` of its source, the line and, for an unknown name, the nearest
/// known one.
pub fn located(error: &toml::de::Error, text: &str, file: &str) -> Error {
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    let names = backticked(&message);
    let unknown = message.starts_with("unknown").then(|| names.first().copied()).flatten();
    let line = unknown
        .and_then(|name| line_of_name(text, name))
        .or_else(|| error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1));
    let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}, line {line}"));
    let hint = unknown.and_then(|name| hint(name, &names[1..])).unwrap_or_default();
    Error::Config { place, problem: format!("{message}{hint}") }
}

/// Keys of earlier versions, and what took their place.
const MOVED: [(&str, &str); 7] = [
    (
        "objective",
        "the objective is a table of its own: [objective] kind = \"velocity\" (beside a [denoiser] \"velocity-with-denoiser\"), form = \"g\"",
    ),
    ("likelihood", "maximum likelihood is an objective: [objective] kind = \"likelihood\""),
    ("n_classes", "the data say how many classes there are: leave it out"),
    ("dim", FILLED_IN),
    ("whitening", FILLED_IN),
    ("units", FILLED_IN),
    ("images", FILLED_IN),
];

/// What to do about a key that earlier versions filled in by training.
const FILLED_IN: &str = "an earlier version filled this in by training: leave it out. A run of that version cannot be \
                         resumed; its flow can be used as it is";

/// What to write instead of an unknown name, if that can be guessed.
fn hint(name: &str, known: &[&str]) -> Option<String> {
    if let Some((_, advice)) = MOVED.iter().find(|(old, _)| *old == name) {
        return Some(format!("\nhint: {advice}"));
    }
    nearest(name, known).map(|name| format!("\nhint: did you mean `{name}`?"))
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
        let message = located(&error, text, "x.toml").to_string();
        assert!(message.contains("x.toml, line 2"), "{message}");
        assert!(message.contains("did you mean `seed`?"), "{message}");
    }

    #[test]
    fn a_key_of_earlier_versions_says_where_it_went() {
        let text = "steps = 3\nobjective = \"g\"\n";
        let error = toml::from_str::<interflow_train::TrainConfig>(text).unwrap_err();
        let message = located(&error, text, "x.toml").to_string();
        assert!(message.contains("x.toml, line 2") && message.contains("[objective] kind"), "{message}");
    }

    #[test]
    fn a_bare_word_in_an_override_is_a_string() {
        assert_eq!(parse_value("linear"), toml::Value::String("linear".into()));
        assert_eq!(parse_value("3"), toml::Value::Integer(3));
        assert_eq!(parse_value("[1, 2]"), toml::Value::Array(vec![1.into(), 2.into()]));
    }
}
