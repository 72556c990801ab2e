//! From tensors to the plain numbers of figures, and from figures to a run's folder.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use interflow_core::atomic;
use interflow_figure::{Figure, RgbImage};
use interflow_flow::RunFolder;
use tch::{Device, Kind, Tensor};

/// Writes a figure into the folder of a run's figures: as PNG under this name, as SVG beside it, and as PDF if the run's
/// config wants that.
pub(crate) fn save(folder: &RunFolder, name: &str, figure: &Figure) -> Result<()> {
    let path = folder.figures().join(name);
    write(&path, &figure.png()?)?;
    write(&path.with_extension("svg"), figure.svg()?.as_bytes())?;
    if wants_pdf(folder) { write(&path.with_extension("pdf"), &figure.pdf()) } else { Ok(()) }
}

/// Whether the config in a run's folder, which has one for all kinds of studies, says `evaluation.pdf = true`.
fn wants_pdf(folder: &RunFolder) -> bool {
    let config = std::fs::read_to_string(folder.config_file()).unwrap_or_default();
    let config: toml::Table = toml::from_str(&config).unwrap_or_default();
    let wish = config.get("evaluation").and_then(|evaluation| evaluation.get("pdf"));
    wish.and_then(toml::Value::as_bool).unwrap_or(false)
}

/// Writes an animation into the folder of a run's figures, as an animated PNG file.
pub(crate) fn save_animation(folder: &RunFolder, name: &str, frames: &[Figure], delay: u16) -> Result<()> {
    write(&folder.figures().join(name), &interflow_figure::animation(frames, delay)?)
}

/// Writes a picture as a PNG file, whole or not at all.
pub(crate) fn write_png(path: &Path, picture: &RgbImage) -> Result<()> {
    write(path, &interflow_figure::png(picture)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    atomic::write(path, bytes).with_context(|| format!("cannot write the picture: {}", path.display()))
}

/// The numbers of a tensor in row-major order.
pub(crate) fn numbers(x: &Tensor) -> Result<Vec<f64>> {
    let flat = x.to_kind(Kind::Double).to_device(Device::Cpu).contiguous().view(-1);
    Vec::<f64>::try_from(&flat).context("cannot read a tensor")
}

/// Two-dimensional points `[N, 2]` as pairs.
pub(crate) fn points_2d(x: &Tensor) -> Result<Vec<[f64; 2]>> {
    if x.size().get(1) != Some(&2) {
        bail!("a picture of points needs two dimensions, found: {:?}", x.size());
    }
    Ok(numbers(x)?.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect())
}
