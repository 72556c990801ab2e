//! The values of a TOML document by dotted key.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};

/// A document's values by dotted key.
///
/// # Errors
/// [`Error::Config`] for what cannot be written as TOML.
pub(crate) fn leaves(document: &impl Serialize) -> Result<BTreeMap<String, toml::Value>> {
    let table = toml::Table::try_from(document).map_err(|error| Error::Config {
        place: "cannot compare the configs".to_owned(),
        problem: error.to_string(),
    })?;
    let mut found = BTreeMap::new();
    collect("", table, &mut found);
    Ok(found)
}

fn collect(prefix: &str, table: toml::Table, found: &mut BTreeMap<String, toml::Value>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => collect(&format!("{prefix}{key}."), inner, found),
            value => {
                found.insert(format!("{prefix}{key}"), value);
            }
        }
    }
}
