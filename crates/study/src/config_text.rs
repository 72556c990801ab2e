//! The text of a config, with keys that override it.

use anyhow::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A config as it was written, so that errors can name lines.
#[derive(Debug, Clone, Copy)]
pub struct ConfigText<'a> {
    /// The TOML text.
    pub text: &'a str,
    /// How errors call the text, for example by the name of its file.
    pub place: &'a str,
    /// Single keys that replace those of the text, each as `key.path=value`.
    pub overrides: &'a [String],
}

impl ConfigText<'_> {
    /// Reads the value that the text describes, with the overrides.
    ///
    /// # Errors
    /// An [`interflow_flow::Error::Config`] naming line and key, and the nearest known name for a misspelt one.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(interflow_flow::config::parse(self.text, self.place, self.overrides)?)
    }

    /// The `kind` of the text's study, if it has one.
    pub fn study_kind(&self) -> Option<String> {
        /// The table `[study]` of any config.
        #[derive(Deserialize)]
        struct Document {
            study: toml::Table,
        }
        let document: Document = toml::from_str(self.text).ok()?;
        document.study.get("kind")?.as_str().map(str::to_owned)
    }
}
