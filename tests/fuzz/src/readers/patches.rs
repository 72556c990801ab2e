//! The archive of BSDS300.

use std::path::Path;

use anyhow::Result;
use interflow_data::{Bsds300, Bsds300Extent, Sizes};

use super::put;
use crate::reader::Reader;

/// BSDS300's archive of patches.
pub(crate) const HDF5: Reader = Reader { name: "hdf5", whole, read };

fn whole() -> Result<Vec<Vec<u8>>> {
    let mut builder = hdf5_pure::FileBuilder::new();
    for (part, n) in [("train", 7), ("validation", 3), ("test", 5)] {
        let values: Vec<f64> = (0..n * 63).map(|i| i as f64).collect();
        builder.create_dataset(part).with_f64_data(&values).with_shape(&[n, 63]);
    }
    Ok(vec![builder.finish()?])
}

fn read(input: &[u8], folder: &Path) -> Result<()> {
    put(folder, "bsds300/BSDS300.hdf5", input)?;
    let sizes = Sizes { train: 7, validation: 3, test: 5, dim: 63 };
    let set = Bsds300 { extent: Bsds300Extent { sizes, n_images: [3, 2] }, ..Bsds300::PUBLISHED };
    set.parts(folder)?;
    Ok(())
}
