//! The course of training as curves.

use anyhow::Result;
use interflow_figure::{Series, course_image, curve_image};
use interflow_flow::{History, RunFolder};

use crate::drawing::save;

/// Draws the losses of training steps and of held-out checks by step, as `loss.png`: a running mean over the single
/// values. Without any values, as after a very short training, it draws nothing.
///
/// # Errors
/// If the picture cannot be written.
pub fn draw_losses(folder: &RunFolder, history: &History) -> Result<()> {
    let series = [("training", &history.losses), ("held-out, uniform times", &history.held_out)];
    let series: Vec<Series> = series
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| (name.to_owned(), values.clone()))
        .collect();
    if series.is_empty() {
        return Ok(());
    }
    save(folder, "loss.png", &course_image(&series, "step", "objective"))
}

/// Draws transport costs by training step, as `costs.png`, with one line for each named run.
///
/// # Errors
/// If the picture cannot be written.
pub fn draw_costs(folder: &RunFolder, runs: &[Series]) -> Result<()> {
    save(folder, "costs.png", &curve_image(runs, "step", "held-out transport cost"))
}
