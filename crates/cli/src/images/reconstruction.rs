//! Test images carried to the base and back.

use anyhow::Result;
use interflow_data::ImageParts;
use interflow_figure as figure;
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use super::space::{spread, test_noise};

use crate::flow::Flow;
use crate::run_folder::RunFolder;

/// Images that make the way.
const N_IMAGES: i64 = 10;
/// Standard deviations of a base point that are shown between black and white.
const SHOWN_DEVIATIONS: f64 = 3.0;

/// Draws test images, their base points and what comes back of them; the numbers say how far that is from what was
/// sent, in levels of a pixel.
pub(crate) fn reconstruct(
    folder: &RunFolder,
    flow: &Flow,
    images: &ImageParts,
) -> Result<Map<String, Value>> {
    let space = flow.image_space()?;
    let chosen = spread(images.test.n(), N_IMAGES);
    let x = space.points(&images.test, &chosen, 0, &test_noise(flow.config.seed));
    let (encoded, nfe_encode) = flow.carry(&x, 1.0, 0.0, |_| {})?;
    let (decoded, nfe_decode) = flow.carry(&encoded, 0.0, 1.0, |_| {})?;
    let n_given = space.n_given();
    let given = encoded.narrow(1, 0, n_given);
    let base = encoded.narrow(1, n_given, space.shape().dim()) / SHOWN_DEVIATIONS;
    let row = |x: &Tensor| space.picture(&space.pixels(x), chosen.len());
    let panels = [
        ("test images".to_owned(), row(&x)?),
        ("encoded".to_owned(), row(&Tensor::cat(&[given, base], 1))?),
        ("decoded".to_owned(), row(&decoded)?),
    ];
    figure::save_png(&folder.figures().join("reconstruction.png"), &figure::sheet(&panels, 1))?;
    // The range [−1, 1] of a pixel has all its levels.
    let error = (decoded.to_device(x.device()) - &x).to_kind(Kind::Double) * (space.n_levels as f64 / 2.0);
    let account = json!({
        "rms_levels": error.square().mean(Kind::Double).sqrt().double_value(&[]),
        "max_levels": error.abs().max().double_value(&[]),
        "nfe": nfe_encode + nfe_decode,
        "n": chosen.len(),
    });
    Ok(Map::from_iter([("reconstruction".to_owned(), account)]))
}
