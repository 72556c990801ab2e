//! Documents as one HTML file with everything inside.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Block, Document, FigureFile, Table};

/// How the page looks.
const STYLE: &str = include_str!("page.css");

/// The document as a page, with the figures of a folder.
pub(super) fn write(document: &Document, figures: &Path) -> Result<String> {
    let (title, body) = (escaped(&document.title), Page { figures, n_figures: 0 }.all(&document.blocks)?);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    ))
}

/// The page that blocks are written for.
struct Page<'a> {
    /// The folder of figures.
    figures: &'a Path,
    /// Figures so far: names within one are kept apart from those within others.
    n_figures: usize,
}

impl Page<'_> {
    fn all(&mut self, blocks: &[Block]) -> Result<String> {
        blocks.iter().map(|block| self.block(block)).collect()
    }

    fn block(&mut self, block: &Block) -> Result<String> {
        Ok(match block {
            Block::Heading(text) => format!("<h2>{}</h2>\n", escaped(text)),
            Block::Paragraph(text) => format!("<p>{}</p>\n", escaped(text)),
            Block::Table(table) => lines(table),
            Block::Figure(figure) => self.figure(figure)?,
            Block::Code { text, .. } => format!("<pre><code>{}</code></pre>\n", escaped(text.trim_end())),
            Block::Folded { summary, blocks } => {
                let summary = escaped(summary);
                format!("<details>\n<summary>{summary}</summary>\n{}</details>\n", self.all(blocks)?)
            }
        })
    }

    /// A figure: the drawing where there is one, or else the picture.
    fn figure(&mut self, figure: &FigureFile) -> Result<String> {
        self.n_figures += 1;
        let file = self.figures.join(&figure.name);
        let drawing = file.with_extension("svg");
        let read =
            |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let caption = escaped(&figure.caption);
        let inside = if drawing.is_file() {
            let text = String::from_utf8_lossy(&read(&drawing)?).into_owned();
            interflow_figure::inlined(&text, &format!("f{}-", self.n_figures))
        } else {
            let data = BASE64.encode(read(&file)?);
            format!("<img alt=\"{caption}\" src=\"data:image/png;base64,{data}\">\n")
        };
        Ok(format!("<figure>\n{inside}<figcaption>{caption}</figcaption>\n</figure>\n"))
    }
}

/// A table, without a header if all its columns are nameless.
fn lines(table: &Table) -> String {
    let line = |tag: &str, cells: &[String]| {
        let cell = |(column, text): (usize, &String)| {
            let class = if table.is_of_numbers(column) { " class=\"number\"" } else { "" };
            [&format!("<{tag}{class}>"), escaped(text).as_str(), "</", tag, ">"].concat()
        };
        let cells: Vec<String> = cells.iter().enumerate().map(cell).collect();
        format!("<tr>{}</tr>\n", cells.concat())
    };
    let header = match &table.header {
        names if names.iter().all(String::is_empty) => String::new(),
        names => format!("<thead>\n{}</thead>\n", line("th", names)),
    };
    let body: Vec<String> = table.rows.iter().map(|cells| line("td", cells)).collect();
    format!("<div class=\"table\"><table>\n{header}<tbody>\n{}</tbody>\n</table></div>\n", body.concat())
}

/// The text with what would be markup as entities, and without letters that HTML forbids.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_block_is_written_and_escaped() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [vec!["<b>".to_owned(), "1.5".to_owned()], vec!["Größe °C".to_owned(), String::new()]];
        let figure = interflow_figure::Figure::from(interflow_figure::RgbImage::new(3, 2));
        std::fs::write(folder.path().join("drawn.png"), figure.png().unwrap()).unwrap();
        std::fs::write(folder.path().join("drawn.svg"), figure.svg().unwrap()).unwrap();
        std::fs::write(folder.path().join("picture.png"), figure.png().unwrap()).unwrap();
        let text = "a < \"b\"\n".to_owned();
        let document = Document {
            title: "a & b".to_owned(),
            blocks: vec![
                Block::table(&["name", "p"], &rows),
                Block::figure("drawn.png", "Drawn"),
                Block::figure("picture.png", "\"Picture\""),
                Block::Folded {
                    summary: "Config".to_owned(),
                    blocks: vec![Block::Code { language: "toml".to_owned(), text }],
                },
            ],
        };
        let page = write(&document, folder.path()).unwrap();
        for part in [
            "<h1>a &amp; b</h1>",
            "<td>&lt;b&gt;</td><td class=\"number\">1.5</td>",
            "<td>Größe °C</td>",
            "<figure>\n<svg xmlns=",
            "<img alt=\"&quot;Picture&quot;\" src=\"data:image/png;base64,",
            "<summary>Config</summary>\n<pre><code>a &lt; &quot;b&quot;</code></pre>\n</details>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn a_figure_that_cannot_be_read_is_named() {
        let document = Document { title: String::new(), blocks: vec![Block::figure("none.png", "")] };
        let error = write(&document, Path::new("nowhere")).unwrap_err();
        assert!(error.to_string().contains("none.png"), "{error}");
    }
}
