//! Documents as Markdown, of the kind that GitHub shows.

use super::{Block, Document, Table};

/// The document as Markdown.
pub(super) fn write(document: &Document) -> String {
    let mut parts = vec![format!("# {}\n", escaped(&document.title))];
    parts.extend(document.blocks.iter().map(block));
    parts.join("\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(text) => format!("## {}\n", escaped(text)),
        Block::Paragraph(text) => format!("{}\n", escaped(text)),
        Block::Table(table) => lines(table),
        Block::Figure(figure) => {
            let (caption, name) = (escaped(&figure.caption), figure.name.replace(' ', "%20"));
            format!("![{caption}](figures/{name})\n")
        }
        Block::Code { language, text } => {
            let fence = fence(text);
            format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
        }
        Block::Folded { summary, blocks } => {
            let inside: Vec<String> = blocks.iter().map(self::block).collect();
            format!(
                "<details>\n<summary>{}</summary>\n\n{}\n</details>\n",
                escaped(summary),
                inside.join("\n")
            )
        }
    }
}

fn lines(table: &Table) -> String {
    let rule = |column| if table.is_of_numbers(column) { "---:".to_owned() } else { "---".to_owned() };
    let cells = |row: &[String]| row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>();
    let header = [cells(&table.header), (0..table.header.len()).map(rule).collect()];
    let rows = header.into_iter().chain(table.rows.iter().map(|row| cells(row)));
    rows.map(|cells| format!("| {} |\n", cells.join(" | "))).collect::<Vec<_>>().concat()
}

/// More backticks than stand in a row anywhere in the text, and at least three.
fn fence(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(3.max(longest + 1))
}

/// The text with a backslash before what would be markup, on one line.
fn escaped(text: &str) -> String {
    let letters: Vec<char> =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let is_word = |place: Option<usize>| {
        place.and_then(|place| letters.get(place)).is_some_and(|letter| letter.is_alphanumeric())
    };
    let mut escaped = String::with_capacity(text.len());
    for (place, &letter) in letters.iter().enumerate() {
        let is_markup = match letter {
            '\\' | '|' | '<' | '*' | '`' | '[' | ']' | '&' | '~' => true,
            // Between letters it is one of them, as in `test_nll`.
            '_' => !(is_word(place.checked_sub(1)) && is_word(Some(place + 1))),
            '#' => place == 0,
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_block_is_written() {
        let rows = [vec!["a|b".to_owned(), "1.5".to_owned()]];
        let folded = vec![Block::Code { language: "toml".to_owned(), text: "a = \"```\"\n".to_owned() }];
        let document = Document {
            title: "<b>".to_owned(),
            blocks: vec![
                Block::heading("Laws"),
                Block::table(&["name", "p"], &rows),
                Block::figure("laws.png", "The laws"),
                Block::Folded { summary: "Config".to_owned(), blocks: folded },
            ],
        };
        let expected = "# \\<b>\n\n## Laws\n\n| name | p |\n| --- | ---: |\n| a\\|b | 1.5 |\n\n\
                        ![The laws](figures/laws.png)\n\n<details>\n<summary>Config</summary>\n\n\
                        ````toml\na = \"```\"\n````\n\n</details>\n";
        assert_eq!(write(&document), expected);
    }

    #[test]
    fn names_stay_readable() {
        assert_eq!(escaped("test_nll of Größe °C"), "test_nll of Größe °C");
        assert_eq!(escaped("_id\n*"), "\\_id \\*");
    }
}
