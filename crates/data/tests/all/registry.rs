//! The registry of data sets: what configs may say, and that published sets have a card.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use interflow_data::{Card, DataFile, DatasetConfig, Error, ImageSetConfig, catalogue};

/// The least that a config of this kind says.
fn least(kind: &str) -> String {
    let rest = match kind {
        "power" => "fresh_noise = true",
        "table" => "file = \"mine.csv\"",
        "images" => "source = { kind = \"digits\" }",
        "folder" | "parquet" => "path = \"mine\"\nside = 8",
        "idx" => "path = \"mine\"",
        _ => "",
    };
    format!("kind = \"{kind}\"\n{rest}")
}

/// Fails if a set asks for published files of which there is no card by the set's name.
fn check<T>(kind: &str, loaded: &Result<T, Error>) {
    if let Err(Error::Missing { name, .. }) = loaded {
        assert_eq!(*name, kind);
        assert!(catalogue().unwrap().iter().any(|card| card.name == *name), "no card of {name}");
    }
}

#[test]
fn every_set_of_published_files_has_a_card() {
    let empty = tempfile::tempdir().unwrap();
    for kind in DatasetConfig::KINDS {
        let config: DatasetConfig = toml::from_str(&least(kind)).unwrap();
        assert_eq!(config.kind(), *kind);
        check(kind, &config.load(empty.path()));
    }
    for kind in ImageSetConfig::KINDS {
        let config: ImageSetConfig = toml::from_str(&least(kind)).unwrap();
        assert_eq!(config.kind(), *kind);
        check(kind, &config.load(empty.path()));
    }
}

#[test]
fn the_catalogue_holds_the_cards_of_its_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue");
    let stem = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let files: BTreeSet<String> =
        folder.read_dir().unwrap().map(|entry| stem(&entry.unwrap().path())).collect();
    let cards = catalogue().unwrap();
    assert_eq!(cards.len(), files.len());
    assert_eq!(cards.into_iter().map(|card| card.name).collect::<BTreeSet<_>>(), files);
}

#[test]
fn cards_are_well_formed() {
    for card in catalogue().unwrap() {
        for text in [&card.title, &card.source, &card.licence, &card.advice] {
            assert!(!text.is_empty(), "{}", card.name);
        }
        assert!(!card.layouts.is_empty() && card.layouts.iter().all(|layout| !layout.files.is_empty()));
        for DataFile { path, bytes, sha256, n_files, ending } in
            card.layouts.iter().flat_map(|layout| &layout.files)
        {
            assert!(Path::new(path).is_relative(), "{path}");
            assert_eq!(bytes.is_some(), sha256.is_some(), "{path}");
            assert_eq!(n_files.is_some(), ending.is_some(), "{path}");
            assert!(bytes.is_none() || n_files.is_none(), "{path}");
            let digits =
                |text: &String| text.len() == 64 && text.chars().all(|digit| digit.is_ascii_hexdigit());
            assert!(sha256.as_ref().is_none_or(digits), "{path}");
        }
    }
}

#[test]
fn a_card_with_another_key_is_refused() {
    let message = Card::parse("name = \"a\"\ncolour = \"red\"").unwrap_err().to_string();
    assert!(message.starts_with("cannot read a card") && message.contains("`colour`"), "{message}");
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let message = toml::from_str::<DatasetConfig>(text).unwrap_err().to_string();
    assert!(message.contains(expected), "no {expected:?} in: {message}");
}

/// Whoever reads a config makes hints of these.
#[test]
fn unknown_names_come_with_the_known_ones() {
    refused(
        "kind = \"powr\"",
        "unknown variant `powr`, expected one of `power`, `gas`, `hepmass`, `miniboone`, `miniboone-reduced`, \
         `bsds300`, `table`, `images`",
    );
    refused("kind = \"gas\"\nwhitn = true", "unknown field `whitn`, expected `whiten`");
    refused("kind = \"power\"\nfresh_noise = true\nn_rows = 3", "unknown field `n_rows`");
    refused("kind = \"power\"", "missing field `fresh_noise`");
    refused(
        "kind = \"images\"\nflipp = true\nsource = { kind = \"digits\" }",
        "unknown field `flipp`, expected one of `source`, `flip`, `dequantise`, `class_conditional`",
    );
    refused(
        "kind = \"images\"\nsource = { kind = \"cifar\" }",
        "unknown variant `cifar`, expected one of `cifar10`, `imagenet32`, `folder`",
    );
    refused("kind = \"images\"\nsource = { kind = \"cifar10\", n_batch = 3 }", "unknown field `n_batch`");
    refused("kind = \"table\"\nfile = \"a.csv\"\ncolums = [\"b\"]", "unknown field `colums`");
    refused("kind = \"table\"\nfile = \"a.csv\"\nsplit = { tset = 0.1 }", "unknown field `tset`");
    refused("whiten = true", "missing field `kind`");
}

#[test]
fn what_is_written_is_read_again() {
    for text in [
        "kind = \"power\"\nfresh_noise = false",
        "kind = \"hepmass\"\nwhiten = true",
        "kind = \"bsds300\"",
        "kind = \"table\"\nfile = \"a.csv\"\ngiven = [\"b\"]\nmissing = \"drop\"\nsplit = { seed = 3 }",
        "kind = \"images\"\nsource = { kind = \"cifar10\" }\nflip = true\nclass_conditional = { dropout = 0.2 }",
        "kind = \"images\"\nsource = { kind = \"folder\", path = \"pets\", side = 8 }",
    ] {
        let config: DatasetConfig = toml::from_str(text).unwrap();
        let again = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(config, again);
    }
}

#[test]
fn an_impossible_side_or_dropout_is_refused() {
    let refused = |text: &str, expected: &str| {
        let config: DatasetConfig = toml::from_str(text).unwrap();
        let message = config.load(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    let digits = "kind = \"images\"\nsource = { kind = \"digits\" }";
    let share = "class_conditional.dropout must be in 0..1, found: 1";
    refused(&format!("{digits}\nclass_conditional = {{ dropout = 1.0 }}"), share);
    for kind in ["folder", "parquet"] {
        let source = format!("{{ kind = \"{kind}\", path = \"x\", side = 0 }}");
        refused(&format!("kind = \"images\"\nsource = {source}"), "side must be in 1..=4096, found: 0");
    }
}
