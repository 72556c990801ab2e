//! The experiments' configs: which there are, what they say of themselves, what data they need.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use toml::Table;

use crate::catalogue::{Catalogue, DataSet};

/// The places where a config may ask for a data set.
const SOURCES: [&str; 2] = ["target", "base"];

/// The keys of such a place that may name a data set, or a path whose first folder does.
const NAMES: [&str; 3] = ["kind", "source.kind", "source.path"];

/// The text of one experiment's config.
pub(crate) struct Config {
    text: String,
    table: Table,
}

impl Config {
    /// Reads `NAME.toml` in the folder.
    ///
    /// # Errors
    /// If there's none of this name (the nearest names are given) or it's no TOML.
    pub(crate) fn read(dir: &Path, name: &str) -> Result<Self> {
        let known = names(dir)?;
        if !known.iter().any(|other| other == name) {
            bail!("no such experiment: {name}\nhint: {}, or see --list", suggestion(name, &known));
        }
        let path = dir.join(format!("{name}.toml"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(text).with_context(|| format!("not valid TOML: {}", path.display()))
    }

    /// The config's first comment line.
    pub(crate) fn description(&self) -> &str {
        let comment = self.text.lines().find_map(|line| line.strip_prefix('#'));
        comment.unwrap_or_default().trim_start_matches('#').trim()
    }

    /// The data sets that the config needs, once these `key=value` overrides are applied.
    pub(crate) fn data_sets<'a>(&self, catalogue: &'a Catalogue, overrides: &[String]) -> Vec<&'a DataSet> {
        SOURCES.iter().filter_map(|end| self.data_set(catalogue, end, overrides)).collect()
    }

    /// What the target is.
    pub(crate) fn target(&self) -> Option<String> {
        self.value("target.kind", &[])
    }

    fn parse(text: String) -> Result<Self> {
        let table = text.parse()?;
        Ok(Self { text, table })
    }

    /// The data set that an end of the flow asks for, the first name of which there is a card.
    fn data_set<'a>(&self, catalogue: &'a Catalogue, end: &str, overrides: &[String]) -> Option<&'a DataSet> {
        NAMES.iter().find_map(|key| {
            let value = self.value(&format!("{end}.{key}"), overrides)?;
            catalogue.named(value.split('/').next()?)
        })
    }

    /// The text at a dotted key.
    fn value(&self, key: &str, overrides: &[String]) -> Option<String> {
        let overridden = overrides.iter().rev().find_map(|set| {
            let (other, value) = set.split_once('=')?;
            (other.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
        });
        let written = || {
            let (first, rest) = key.split_once('.')?;
            let start = self.table.get(first)?;
            Some(rest.split('.').try_fold(start, |table, key| table.get(key))?.as_str()?.to_owned())
        };
        overridden.or_else(written)
    }
}

/// The names of all configs in the folder, sorted.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>> {
    let context = || format!("cannot list the experiments in {}", dir.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Words that offer the nearest of the known names.
pub(crate) fn suggestion(name: &str, known: &[String]) -> String {
    match nearest(name, known).as_slice() {
        [] => "there are none yet".to_owned(),
        near => format!("the nearest: {}", near.join(", ")),
    }
}

/// The up to three known names that are most like this one.
fn nearest<'a>(name: &str, known: &'a [String]) -> Vec<&'a str> {
    let mut scored: Vec<_> =
        known.iter().map(|other| (strsim::jaro_winkler(name, other), other.as_str())).collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(3).map(|(_, other)| other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn data_sets(text: &str, overrides: &[&str]) -> Vec<String> {
        let workspace = Workspace::at(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let catalogue = Catalogue::read(&workspace).unwrap();
        let overrides: Vec<_> = overrides.iter().map(ToString::to_string).collect();
        let config = Config::parse(text.to_owned()).unwrap();
        config.data_sets(&catalogue, &overrides).into_iter().map(|set| set.name.clone()).collect()
    }

    #[test]
    fn data_need_is_read_from_target_and_base() {
        assert_eq!(data_sets("[target]\nkind = \"power\"", &[]), ["power"]);
        assert_eq!(data_sets("base = { kind = \"power\" }", &[]), ["power"]);
        assert!(data_sets("[target]\nkind = \"checkerboard\"", &[]).is_empty());
        assert!(data_sets("[schedule]\nkind = \"power\"", &[]).is_empty());
        assert!(data_sets("seed = 1", &[]).is_empty());
    }

    #[test]
    fn images_are_known_by_their_source_or_its_place() {
        let source = |text: &str| format!("[target]\nkind = \"images\"\nsource = {{ {text} }}");
        assert_eq!(data_sets(&source("kind = \"cifar10\""), &[]), ["cifar10"]);
        assert!(data_sets(&source("kind = \"digits\""), &[]).is_empty());
        let folder = source("kind = \"folder\", path = \"flowers128/jpg128\", side = 128");
        assert_eq!(data_sets(&folder, &[]), ["flowers128"]);
        assert!(data_sets(&folder, &["target.source.path=mine"]).is_empty());
        assert_eq!(data_sets(&folder, &["target.source.kind=imagenet32"]), ["imagenet32"]);
    }

    #[test]
    fn the_last_override_wins() {
        let text = "[target]\nkind = \"power\"";
        assert!(data_sets(text, &["target.kind=rings"]).is_empty());
        assert_eq!(data_sets(text, &["target.kind=rings", "target.kind=\"power\""]), ["power"]);
    }

    #[test]
    fn description_is_the_first_comment() {
        let config = |text: &str| Config::parse(text.to_owned()).unwrap();
        assert_eq!(config("# Two moons.\n# More.\nseed = 1").description(), "Two moons.");
        assert_eq!(config("seed = 1").description(), "");
    }

    #[test]
    fn nearest_names_come_first() {
        let known = ["checkerboard", "gaussians", "moons", "power"].map(str::to_owned);
        assert_eq!(nearest("chekerboard", &known)[0], "checkerboard");
        assert_eq!(nearest("powr", &known)[0], "power");
        assert_eq!(suggestion("x", &[]), "there are none yet");
    }

    #[test]
    fn unknown_name_is_an_error_with_suggestions() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("moons.toml"), "").unwrap();
        let error = Config::read(dir.path(), "moon").err().unwrap().to_string();
        assert_eq!(error, "no such experiment: moon\nhint: the nearest: moons, or see --list");
    }
}
