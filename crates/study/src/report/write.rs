//! The two files of the report, and the result beside them.

use std::path::Path;

use anyhow::Result;
use interflow_flow::evaluation::Results;
use interflow_flow::{ExperimentConfig, RunFolder};
use serde_json::Value;

use super::about::About;
use super::compared;
use super::meaning::meaning;
use super::rows::rows;
use crate::document::{Block, Document};
use crate::findings::Findings;

/// Writes the report of a trained flow, `report.md` and `report.html`, and then `result.json`. The report has the
/// likelihoods beside those that they are compared with, the figures, the findings, all numbers, and how the run was
/// made.
///
/// # Errors
/// If the folder cannot be read or written.
pub fn write(folder: &RunFolder, config: &ExperimentConfig, findings: &Findings) -> Result<()> {
    let mut blocks = compared::section(config, &findings.results);
    blocks.extend(figures(folder)?);
    blocks.extend(findings.blocks.iter().cloned());
    finish(folder, &config.name, blocks, &findings.results)
}

/// Writes the report and the result of a study that trains no flow, or several.
///
/// # Errors
/// As [`write()`].
pub fn conclude(folder: &RunFolder, title: &str, findings: &Findings) -> Result<()> {
    finish(folder, title, findings.blocks.clone(), &findings.results)
}

/// Writes the report of a run that is not finished, whose `state` stands at its top.
///
/// # Errors
/// As [`write()`].
pub(super) fn unfinished(folder: &RunFolder, title: &str, state: Block) -> Result<()> {
    let mut blocks = vec![state];
    if let Some(resumption) = About::of(folder)?.resumption() {
        blocks.extend([Block::paragraph("If it was stopped, it goes on by:"), resumption]);
    }
    blocks.extend(figures(folder)?);
    report(folder, title, (blocks, None))
}

/// Writes the report, and then the result: a folder with a result is complete.
fn finish(folder: &RunFolder, title: &str, mut sections: Vec<Block>, results: &Results) -> Result<()> {
    sections.extend(numbers(results));
    let taken = results.get("steps").and_then(Value::as_i64);
    report(folder, title, (sections, taken))?;
    Ok(folder.write_json("result.json", &Value::Object(results.clone()))?)
}

/// Writes the report's two files, with what is known of the run, and of the steps that it took, around the sections.
fn report(folder: &RunFolder, title: &str, (sections, taken): (Vec<Block>, Option<i64>)) -> Result<()> {
    let about = About::of(folder)?;
    let mut blocks = vec![about.line(taken)];
    blocks.extend(sections);
    blocks.extend(about.sections());
    let figures = folder.figures();
    let document = Document { title: title.to_owned(), blocks }.of_drawn(&figures);
    folder.write("report.md", document.markdown().as_bytes())?;
    Ok(folder.write("report.html", document.html(&figures)?.as_bytes())?)
}

/// The figures of a flow, whether they are drawn or not.
fn figures(folder: &RunFolder) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> =
        FIGURES.iter().map(|&(name, caption)| Block::figure(name, caption)).collect();
    blocks.extend(image_sheets(&folder.figures())?);
    Ok(blocks)
}

/// All numbers but lists, which have sections of their own.
fn numbers(results: &Results) -> Vec<Block> {
    let is_single = |value: &Value| !value.is_array() && !value.is_null();
    let single: Results =
        results.iter().filter(|(_, value)| is_single(value)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let row = |(name, value): (String, String)| {
        let meaning = meaning(&name).to_owned();
        vec![name, value, meaning]
    };
    let rows: Vec<Vec<String>> = rows(&single).into_iter().map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![Block::heading("All numbers"), Block::table(&["in result.json", "value", "what it is"], &rows)]
}

/// The figures of any flow.
const FIGURES: [(&str, &str); 6] = [
    ("flow.png", "The data, samples, the flow's density along its path, and trajectories"),
    ("flow-in-time.png", "Samples on their way from the base to the target (an animation)"),
    ("marginals.png", "Each column by itself: data and samples"),
    ("pairs.png", "Columns in pairs, at most five of them: data and samples"),
    (
        "loss.png",
        "The objective in training and on held-out data; of many values a running mean is drawn over the single ones",
    ),
    ("costs.png", "The held-out transport cost in training"),
];

/// The sheets of a flow of images, and what they show.
const IMAGE_SHEETS: [(&str, &str); 6] = [
    ("samples.png", "Samples"),
    ("solvers.png", "The same samples by Euler's method and the flow's solver, at growing cost"),
    ("path.png", "The same samples along the path"),
    ("neighbours.png", "Samples, each with the training images nearest to it"),
    ("interpolation.png", "Samples between two base points, along the great circle"),
    ("reconstruction.png", "Test images, encoded and decoded again"),
];
/// How many of the sheets drawn in training the report shows.
const N_PROGRESS: usize = 3;

/// The figures of sheets, none where there are none.
fn image_sheets(figures: &Path) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    if figures.join(IMAGE_SHEETS[0].0).is_file() {
        blocks.extend(IMAGE_SHEETS.iter().map(|&(name, caption)| Block::figure(name, caption)));
    }
    let mut sheets: Vec<(u64, String)> = std::fs::read_dir(figures)?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let step = name.strip_prefix("samples-")?.strip_suffix(".png")?;
            Some((step.parse().ok()?, name))
        })
        .collect();
    sheets.sort();
    for index in spread(sheets.len(), N_PROGRESS) {
        let (step, name) = &sheets[index];
        blocks.push(Block::figure(name, format!("Samples at step {step}")));
    }
    Ok(blocks)
}

/// `n` of the numbers 0..`of`, the first and the last among them.
fn spread(of: usize, n: usize) -> Vec<usize> {
    if of <= n { (0..of).collect() } else { (0..n).map(|index| index * (of - 1) / (n - 1)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_sheet_are_shown() {
        assert_eq!(spread(7, 3), [0, 3, 6]);
        assert_eq!(spread(2, 3), [0, 1]);
    }
}
