//! What was recognised in a file, for whoever reads it.

use std::path::{Path, PathBuf};

use super::format::{Decimal, Separator, TextFormat, Thousands};
use super::numerals::Numerals;

/// What is said of one file.
#[derive(Debug)]
pub(super) struct Notes {
    path: PathBuf,
    recognised: Vec<String>,
    warnings: Vec<String>,
}

impl Notes {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), recognised: Vec::new(), warnings: Vec::new() }
    }

    /// Says what may be wrong.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Says how the text is written where that is not the usual way and was not stated.
    pub(super) fn recognised(
        &mut self,
        encoding: Option<&str>,
        separator: Option<Separator>,
        numerals: Numerals,
        format: &TextFormat,
    ) {
        let encoding = encoding.filter(|_| format.encoding.is_none());
        self.recognised.extend(encoding.map(|name| format!("encoding {}", name.to_ascii_lowercase())));
        let separator = separator.filter(|separator| *separator != Separator::COMMA);
        self.recognised.extend(separator.map(|separator| match separator {
            Separator::TAB | Separator::BLANKS => format!("separator {separator}"),
            _ => format!("separator `{separator}`"),
        }));
        if numerals.decimal == Decimal::Comma && format.decimal.is_none() {
            self.recognised.push("decimal comma".to_owned());
        }
        match numerals.thousands.filter(|_| format.thousands.is_none()) {
            Some(Thousands::Comma) => self.recognised.push("commas between thousands".to_owned()),
            Some(Thousands::Point) => self.recognised.push("points between thousands".to_owned()),
            _ => {}
        }
    }

    /// All in one line each.
    pub(super) fn all(&self) -> Vec<String> {
        self.summary().into_iter().chain(self.warnings.iter().cloned()).collect()
    }

    /// Writes them to the log.
    pub(super) fn log(&self) {
        let path = self.path.display();
        if let Some(summary) = self.summary() {
            tracing::info!("{path}: {summary}");
        }
        self.warnings.iter().for_each(|warning| tracing::warn!("{path}: {warning}"));
    }

    fn summary(&self) -> Option<String> {
        (!self.recognised.is_empty()).then(|| self.recognised.join(", "))
    }
}
