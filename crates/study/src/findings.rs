//! What a study found.

use interflow_flow::evaluation::Results;

/// What a study found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Numbers, by name.
    pub results: Results,
    /// Sections of the report, as Markdown.
    pub text: String,
}

impl Findings {
    /// Adds a section with a table and, after it, figures by their file names.
    pub fn section(&mut self, title: &str, header: &[&str], rows: &[Vec<String>], figures: &[&str]) {
        let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
        let rule = vec!["---".to_owned(); header.len()];
        let lines = [&header, &rule].into_iter().chain(rows);
        let table: Vec<String> = lines.map(|cells| format!("| {} |", cells.join(" | "))).collect();
        let figures: Vec<String> =
            figures.iter().map(|name| format!("\n![{name}](figures/{name})")).collect();
        self.text += &["\n## ", title, "\n\n", &table.join("\n"), "\n", &figures.join("\n"), "\n"].concat();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_a_table_with_figures_below() {
        let mut findings = Findings::default();
        let rows = [vec!["1".to_owned(), "2".to_owned()]];
        findings.section("Laws", &["t", "p"], &rows, &["laws.png"]);
        let expected = "\n## Laws\n\n| t | p |\n| --- | --- |\n| 1 | 2 |\n\n![laws.png](figures/laws.png)\n";
        assert_eq!(findings.text, expected);
    }
}
