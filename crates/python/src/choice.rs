//! Arguments that are choices by the names that configs use.

use std::fmt::Display;
use std::str::FromStr;

use pyo3::prelude::*;
use serde::de::DeserializeOwned;

use crate::error::refused;

/// What `name` means for the argument `argument`.
pub(crate) fn choice<T: DeserializeOwned>(argument: &str, name: &str) -> PyResult<T> {
    let found = toml::Value::String(name.to_owned()).try_into();
    found.map_err(|error: toml::de::Error| refused(format!("in {argument}: {}", error.message())))
}

/// What `text` means for the argument `argument`.
pub(crate) fn parsed<T: FromStr<Err: Display>>(argument: &str, text: &str) -> PyResult<T> {
    text.parse().map_err(|error: T::Err| refused(format!("in {argument}: {error}")))
}
