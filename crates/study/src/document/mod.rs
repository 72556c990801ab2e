//! A report as a document, from which both its files are written, Markdown and HTML.
//!
//! Studies add [`Block`]s of plain text, and the writers escape what their format would interpret as markup, so that
//! a column may be called `<b>` or `a|b`. Figures are named by their files; Markdown refers to them, HTML contains
//! them.

mod html;
mod markdown;

use std::path::Path;

use anyhow::Result;

/// A document: a title, and the blocks below it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// The title.
    pub title: String,
    /// The blocks below the title, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a document. All texts are plain and may contain any characters.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// The heading of a section.
    Heading(String),
    /// A paragraph.
    Paragraph(String),
    /// A table with column names.
    Table(Table),
    /// A picture in the run folder, with its caption.
    Figure(FigureFile),
    /// Preformatted text, such as commands or a config.
    Code {
        /// The language of the text, as Markdown names it: `sh`, `toml`.
        language: String,
        /// The text.
        text: String,
    },
    /// Blocks that are hidden until the reader opens them.
    Folded {
        /// The line that is always shown.
        summary: String,
        /// The hidden blocks.
        blocks: Vec<Block>,
    },
}

/// A table of texts with column names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The cells, row by row, each row as long as the header.
    pub rows: Vec<Vec<String>>,
}

/// A figure by its file.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureFile {
    /// The name of its PNG file in the run folder's folder of figures. There may be an SVG file of the same name
    /// beside it.
    pub name: String,
    /// A caption of a few words.
    pub caption: String,
}

impl Block {
    /// A heading with this text.
    pub fn heading(text: impl Into<String>) -> Self {
        Self::Heading(text.into())
    }

    /// A paragraph with this text.
    pub fn paragraph(text: impl Into<String>) -> Self {
        Self::Paragraph(text.into())
    }

    /// A table with these column names and rows.
    pub fn table(header: &[&str], rows: &[Vec<String>]) -> Self {
        let header = header.iter().map(|&name| name.to_owned()).collect();
        Self::Table(Table { header, rows: rows.to_vec() })
    }

    /// A figure, the PNG file `name`, with a caption.
    pub fn figure(name: impl Into<String>, caption: impl Into<String>) -> Self {
        Self::Figure(FigureFile { name: name.into(), caption: caption.into() })
    }

    /// Whether there is all that the block shows: a figure may not have been drawn.
    fn is_there(&self, figures: &Path) -> bool {
        !matches!(self, Self::Figure(figure) if !figures.join(&figure.name).is_file())
    }
}

impl Table {
    /// Whether a column has numbers and nothing else, which stand below each other at their ends.
    fn is_of_numbers(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
        let is_number = |cell: &String| {
            let digits = cell.trim_start_matches(['-', '−', '+']);
            digits.starts_with(|letter: char| letter.is_ascii_digit()) && !cell.contains(", ")
        };
        cells.clone().next().is_some() && cells.all(is_number)
    }
}

impl Document {
    /// The document without figures whose files are missing in the folder `figures`.
    #[must_use]
    pub fn of_drawn(mut self, figures: &Path) -> Self {
        self.blocks.retain(|block| block.is_there(figures));
        self
    }

    /// The document as Markdown, which refers to its figures as `figures/NAME`.
    pub fn markdown(&self) -> String {
        markdown::write(self)
    }

    /// The document as one HTML file that needs no other. Figures are read from the folder `figures` and embedded, as
    /// SVG if there is one. It has no scripts, and follows the reader's preference for dark or light.
    ///
    /// # Errors
    /// If a figure cannot be read.
    pub fn html(&self, figures: &Path) -> Result<String> {
        html::write(self, figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_are_told() {
        let rows = [vec!["a".to_owned(), "−1.5 ± 0.2".to_owned()], vec!["2".to_owned(), String::new()]];
        let Block::Table(table) = Block::table(&["name", "value"], &rows) else { unreachable!() };
        assert_eq!([table.is_of_numbers(0), table.is_of_numbers(1)], [false, true]);
    }

    #[test]
    fn figures_that_were_not_drawn_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("drawn.png"), "").unwrap();
        let figure = |name: &str| Block::figure(name, "");
        let blocks = vec![figure("drawn.png"), figure("missing.png"), Block::heading("End")];
        let kept = Document { title: String::new(), blocks }.of_drawn(folder.path());
        assert_eq!(kept.blocks, [figure("drawn.png"), Block::heading("End")]);
    }
}
