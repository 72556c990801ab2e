//! The findings of a study.

use interflow_flow::evaluation::Results;

use crate::document::Block;

/// The findings of a study.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// The measured numbers, by name.
    pub results: Results,
    /// The sections of the report.
    pub blocks: Vec<Block>,
}

impl Findings {
    /// Adds a section with a table and then figures, each given by the name of its PNG file and a caption. Figures
    /// that were not drawn are left out of the report.
    pub fn section(&mut self, title: &str, header: &[&str], rows: &[Vec<String>], figures: &[(&str, &str)]) {
        self.blocks.extend([Block::heading(title), Block::table(header, rows)]);
        self.blocks.extend(figures.iter().map(|&(name, caption)| Block::figure(name, caption)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_a_table_with_figures_below() {
        let mut findings = Findings::default();
        let rows = [vec!["1".to_owned(), "2".to_owned()]];
        findings.section("Laws", &["t", "p"], &rows, &[("laws.png", "The laws")]);
        let expected =
            [Block::heading("Laws"), Block::table(&["t", "p"], &rows), Block::figure("laws.png", "The laws")];
        assert_eq!(findings.blocks, expected);
    }
}
