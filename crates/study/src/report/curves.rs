//! The course of training in curves.

use anyhow::Result;
use interflow_figure::{Series, course_image, curve_image};
use interflow_flow::{History, RunFolder};

use crate::drawing::save;

/// Draws the losses of training and of held-out checks by step, `loss.png`: a running mean over the single values.
///
/// # Errors
/// If the picture cannot be written.
pub fn draw_losses(folder: &RunFolder, history: &History) -> Result<()> {
    let series = [
        ("training".to_owned(), history.losses.clone()),
        ("held-out, uniform times".to_owned(), history.held_out.clone()),
    ];
    save(folder, "loss.png", &course_image(&series, "step", "objective"))
}

/// Draws transport costs by step of training, `costs.png`, one line for each named run.
///
/// # Errors
/// If the picture cannot be written.
pub fn draw_costs(folder: &RunFolder, runs: &[Series]) -> Result<()> {
    save(folder, "costs.png", &curve_image(runs, "step", "held-out transport cost"))
}
