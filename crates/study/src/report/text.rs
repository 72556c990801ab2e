//! The report's text, and a result as a table.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use interflow_flow::evaluation::Results;
use interflow_flow::{ExperimentConfig, RunFolder};
use serde_json::Value;

/// Writes `report.md`: the numbers beside the reference, the figures embedded, and `sections` of Markdown at the end.
///
/// # Errors
/// If the folder cannot be read or written.
pub fn write(folder: &RunFolder, config: &ExperimentConfig, results: &Results, sections: &str) -> Result<()> {
    let mut text = format!("# {}\n\n| quantity | value |\n|---|---|\n", config.name);
    for (name, value) in rows(results) {
        writeln!(text, "| {name} | {value} |")?;
    }
    if !config.evaluation.reference_nll.is_empty() {
        text.push_str("\n## Reference, test NLL (nats)\n\n| model | NLL |\n|---|---|\n");
        for (name, nll) in &config.evaluation.reference_nll {
            writeln!(text, "| {name} | {nll} |")?;
        }
    }
    for figure in ["marginals", "pairs", "flow", "loss", "costs"] {
        if folder.figures().join(format!("{figure}.png")).is_file() {
            writeln!(text, "\n![{figure}](figures/{figure}.png)")?;
        }
    }
    text.push_str(&image_sheets(&folder.figures())?);
    text.push_str(sections);
    Ok(folder.write("report.md", text.as_bytes())?)
}

/// The sheets of a flow of images, and what they show.
const IMAGE_SHEETS: [(&str, &str); 6] = [
    ("samples", "Samples"),
    ("solvers", "The same samples by Euler's method and the flow's solver, at growing cost"),
    ("path", "The same samples along the path"),
    ("neighbours", "Samples, each with the training images nearest to it"),
    ("interpolation", "Samples between two base points, along the great circle"),
    ("reconstruction", "Test images, encoded and decoded again"),
];
/// How many of the sheets drawn in training the report shows.
const N_PROGRESS: usize = 3;

/// The report's section of sheets, empty where there are none.
fn image_sheets(figures: &Path) -> Result<String> {
    let mut text = String::new();
    let mut show = |name: &str, title: &str| -> Result<()> {
        if figures.join(format!("{name}.png")).is_file() {
            writeln!(text, "\n## {title}\n\n![{name}](figures/{name}.png)")?;
        }
        Ok(())
    };
    for (name, title) in IMAGE_SHEETS {
        show(name, title)?;
    }
    let mut sheets: Vec<(u64, String)> = std::fs::read_dir(figures)?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let step = name.strip_prefix("samples-")?.strip_suffix(".png")?;
            Some((step.parse().ok()?, name.strip_suffix(".png")?.to_owned()))
        })
        .collect();
    sheets.sort();
    for index in spread(sheets.len(), N_PROGRESS) {
        let (step, name) = &sheets[index];
        show(name, &format!("Samples at step {step}"))?;
    }
    Ok(text)
}

/// `n` of the numbers 0..`of`, the first and the last among them.
fn spread(of: usize, n: usize) -> Vec<usize> {
    if of <= n { (0..of).collect() } else { (0..n).map(|index| index * (of - 1) / (n - 1)).collect() }
}

/// A result as names and texts, estimates as mean ± standard error. The quality of samples, which is a table by itself, is left
/// to its own section.
pub fn rows(results: &Results) -> Vec<(String, String)> {
    results
        .iter()
        .filter(|(name, _)| *name != "quality")
        .map(|(name, value)| (name.clone(), readable(value)))
        .collect()
}

fn readable(value: &Value) -> String {
    match (value["mean"].as_f64(), value["standard_error"].as_f64()) {
        (Some(mean), Some(error)) => format!("{mean:.4} ± {error:.4}"),
        _ => match value {
            Value::Number(number) if number.is_f64() => format!("{:.4}", number.as_f64().unwrap_or_default()),
            Value::String(text) => text.clone(),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                format!("{} entries in result.json", items.len())
            }
            Value::Object(fields) => fields
                .iter()
                .map(|(name, field)| format!("{name} {}", readable(field)))
                .collect::<Vec<_>>()
                .join(", "),
            other => other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_readable() {
        let results: Results = [
            ("nll", json!({ "mean": 1.5, "standard_error": 0.25 })),
            ("p", json!({ "forward": 0.5, "n": 3 })),
            ("list", json!([{ "a": 1 }, { "a": 2 }])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        let texts: Vec<String> = rows(&results).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["1.5000 ± 0.2500", "forward 0.5000, n 3", "2 entries in result.json"]);
    }

    #[test]
    fn the_first_and_the_last_sheet_are_shown() {
        assert_eq!(spread(7, 3), [0, 3, 6]);
        assert_eq!(spread(2, 3), [0, 1]);
    }
}
