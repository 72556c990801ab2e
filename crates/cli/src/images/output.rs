//! Where images go: a sheet, an array, or a folder of single pictures.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use interflow_data::atomic::Partial;
use interflow_figure as figure;
use npyz::WriterBuilder as _;
use tch::Tensor;

use super::space::{ImageSpace, levels};

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

    /// How many images are drawn unless one says so.
    pub(crate) fn n_usual(&self) -> u64 {
        if matches!(self, Self::Sheet(_)) { 64 } else { 1000 }
    }

    /// Writes `n` images that come as batches of pixels `[B, C·H·W]`; only a sheet holds them all.
    pub(crate) fn write(
        &self,
        space: &ImageSpace,
        n: u64,
        batches: impl Iterator<Item = Result<Tensor>>,
    ) -> Result<()> {
        match self {
            Self::Sheet(path) => {
                let all = Tensor::cat(&batches.collect::<Result<Vec<_>>>()?, 0);
                Ok(figure::save_png(path, &space.picture(&all, (n as f64).sqrt().ceil() as usize)?)?)
            }
            Self::Npy(path) => {
                let context = || format!("cannot write the array: {}", path.display());
                let mut partial = Partial::create(path).with_context(context)?;
                let shape = [n, space.channels as u64, space.height as u64, space.width as u64];
                let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
                let mut writer =
                    options.writer(BufWriter::new(&mut partial)).begin_nd().with_context(context)?;
                for batch in batches {
                    writer.extend(levels(&batch?)?).with_context(context)?;
                }
                writer.finish().with_context(context)?;
                partial.persist(path).with_context(context)
            }
            Self::Folder(path) => {
                std::fs::create_dir_all(path)
                    .with_context(|| format!("cannot create the folder: {}", path.display()))?;
                let mut number = 0;
                for batch in batches {
                    let levels = levels(&batch?)?;
                    let pictures = space.of_levels(&levels);
                    for index in 0..pictures.n() {
                        figure::save_png(&path.join(format!("{number:06}.png")), &pictures.image(index))?;
                        number += 1;
                    }
                }
                Ok(())
            }
        }
    }
}
