//! Where images go: a sheet, an array, or a folder of single pictures.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use interflow_core::atomic::Partial;
use interflow_figure::{Pixels, image_grid};
use interflow_flow::manifest::ImageManifest;
use npyz::WriterBuilder as _;
use tch::{Kind, Tensor};

use crate::output::write_png;

/// Where images go, batch by batch.
pub(crate) enum ImageOutput {
    /// A .png file with all of them in a grid.
    Sheet(PathBuf),
    /// A .npy file of levels, `[N, C, H, W]` of kind `u8`.
    Npy(PathBuf),
    /// A folder with a .png file for each.
    Folder(PathBuf),
}

impl ImageOutput {
    /// The output that `name` means; a name without an ending is a folder's.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        let path = Path::new(name);
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("png") => Ok(Self::Sheet(path.to_owned())),
            Some("npy") => Ok(Self::Npy(path.to_owned())),
            None if name != "-" => Ok(Self::Folder(path.to_owned())),
            _ => bail!("images go to a .png sheet, a .npy array or a folder, found: {name}"),
        }
    }

    /// Whether all images are in memory before any is written.
    pub(crate) fn holds_all(&self) -> bool {
        matches!(self, Self::Sheet(_))
    }

    /// How many images are drawn unless one says so.
    pub(crate) fn n_usual(&self) -> u64 {
        if matches!(self, Self::Sheet(_)) { 64 } else { 1000 }
    }

    /// Writes `n` images that come as batches of levels `[B, C·H·W]`; only a sheet holds them all.
    pub(crate) fn write(
        &self,
        images: &ImageManifest,
        n: u64,
        batches: impl Iterator<Item = Result<Tensor>>,
    ) -> Result<()> {
        match self {
            Self::Sheet(_) if n == 0 => bail!("a sheet needs at least one image\nhint: -n 16"),
            Self::Sheet(path) => {
                let all = Tensor::cat(&batches.collect::<Result<Vec<_>>>()?, 0);
                let levels = levels(&all)?;
                write_png(path, &image_grid(&pixels(images, &levels), (n as f64).sqrt().ceil() as usize))
            }
            Self::Npy(path) => write_npy(path, images, n, batches),
            Self::Folder(path) => write_folder(path, images, batches),
        }
    }
}

fn write_npy(
    path: &Path,
    images: &ImageManifest,
    n: u64,
    batches: impl Iterator<Item = Result<Tensor>>,
) -> Result<()> {
    let failed = || format!("cannot write the array: {}", path.display());
    let mut partial = Partial::create(path).with_context(failed)?;
    let [channels, height, width] = images.sides().map(i64::unsigned_abs);
    let shape = [n, channels, height, width];
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(BufWriter::new(&mut partial)).begin_nd().with_context(failed)?;
    for batch in batches {
        writer.extend(levels(&batch?)?).with_context(failed)?;
    }
    writer.finish().with_context(failed)?;
    partial.persist(path).with_context(failed)
}

fn write_folder(
    path: &Path,
    images: &ImageManifest,
    batches: impl Iterator<Item = Result<Tensor>>,
) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot create the folder: {}", path.display()))?;
    let mut number = 0;
    for batch in batches {
        let levels = levels(&batch?)?;
        let pictures = pixels(images, &levels);
        for index in 0..pictures.n() {
            write_png(&path.join(format!("{number:06}.png")), &pictures.image(index))?;
            number += 1;
        }
    }
    Ok(())
}

/// The images of these levels.
fn pixels<'a>(images: &ImageManifest, levels: &'a [u8]) -> Pixels<'a> {
    let shape = images.sides().map(|side| side as u32);
    Pixels { levels, shape, n_levels: images.n_levels as u32 }
}

/// The levels of a tensor in row-major order.
fn levels(images: &Tensor) -> Result<Vec<u8>> {
    let flat = images.to_kind(Kind::Uint8).contiguous().view(-1);
    Vec::<u8>::try_from(&flat).context("cannot read pixels")
}
