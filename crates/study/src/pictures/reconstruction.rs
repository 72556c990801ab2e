//! Test images carried to the base and back.

use anyhow::Result;
use interflow_core::Points;
use interflow_data::ImageParts;
use interflow_figure as figure;
use interflow_flow::evaluation::Results;
use interflow_flow::images::{ImageSpace, spread, test_noise};
use serde_json::json;
use tch::{Kind, Tensor};

use super::picture::picture;
use crate::subject::Subject;

/// Images that make the way.
const N_IMAGES: i64 = 10;
/// Standard deviations of a base point that are shown between black and white.
const SHOWN_DEVIATIONS: f64 = 3.0;

/// Draws test images, their base points, and the images to which these are carried back, as `reconstruction.png`. The
/// numbers are the differences between the first and the last, in levels of a pixel.
///
/// # Errors
/// If the flow is not one of images, a solver fails, the work is cancelled, or the picture cannot be written.
pub fn reconstruct(subject: &Subject<'_>, images: &ImageParts) -> Result<Results> {
    let (engine, space) = (subject.engine, ImageSpace::of(subject.engine.manifest())?);
    let chosen = spread(images.test.n(), N_IMAGES);
    let sent = space.points(&images.test, &chosen, 0, &test_noise(subject.seed()));
    let task = engine.work().quietly();
    let encoded = engine.carry(&sent, 1.0, 0.0, &task)?;
    let start = Points { x: encoded.rows, given: sent.given.shallow_clone() };
    let decoded = engine.carry(&start, 0.0, 1.0, &task)?;
    let row = |x: &Tensor| -> Result<figure::Figure> {
        Ok(picture(&space, &space.pixels(x), chosen.len())?.into())
    };
    let panels = [
        ("test images".to_owned(), row(&sent.x)?),
        ("encoded".to_owned(), row(&(&start.x / SHOWN_DEVIATIONS))?),
        ("decoded".to_owned(), row(&decoded.rows)?),
    ];
    subject.save("reconstruction.png", &figure::sheet(&panels, 1))?;
    // The range [−1, 1] of a pixel has all its levels.
    let scale = space.n_levels() as f64 / 2.0;
    let error = (decoded.rows.to_device(sent.x.device()) - &sent.x).to_kind(Kind::Double) * scale;
    let account = json!({
        "rms_levels": error.square().mean(Kind::Double).sqrt().double_value(&[]),
        "max_levels": error.abs().max().double_value(&[]),
        "nfe": encoded.nfe + decoded.nfe,
        "n": chosen.len(),
    });
    Ok(Results::from_iter([("reconstruction".to_owned(), account)]))
}
