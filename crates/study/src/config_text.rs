//! A config's text with what overrides it.

use anyhow::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A config as it was written, so that what is wrong with it can be said by line.
#[derive(Debug, Clone, Copy)]
pub struct ConfigText<'a> {
    /// The TOML text.
    pub text: &'a str,
    /// What errors call the text, such as its file.
    pub place: &'a str,
    /// Single keys that take the place of the text's, as `key.path=value`.
    pub overrides: &'a [String],
}

impl ConfigText<'_> {
    /// The value that the text describes, with single keys overridden.
    ///
    /// # Errors
    /// An [`interflow_flow::Error::Config`] naming line and key, and the nearest name for one that is misspelt.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(interflow_flow::config::parse(self.text, self.place, self.overrides)?)
    }

    /// The kind of the text's study, where it has one.
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
