//! Files of arrays as tables.

use std::path::Path;

use anyhow::Result;
use interflow_data::{Sheet, Table};

use super::{archive, npy, put};
use crate::reader::Reader;

/// Tables in NPY files.
pub(crate) const NPY: Reader = Reader { name: "npy", whole: npys, read: read_npy };

/// Tables in archives of NPY files; each is damaged inside of a whole archive.
pub(crate) const NPZ: Reader = Reader { name: "npz", whole: npys, read: read_npz };

fn npys() -> Result<Vec<Vec<u8>>> {
    let doubles: Vec<u8> = (0..12).flat_map(|i| f64::from(i * i % 5).to_le_bytes()).collect();
    let integers: Vec<u8> = (0..8).flat_map(|i: i32| (i - 3).to_le_bytes()).collect();
    Ok(vec![
        npy("'<f8'", "(6, 2)", &doubles),
        npy("'<i4'", "(8,)", &integers),
        npy("'|u1'", "(4, 2)", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ])
}

fn read_npy(input: &[u8], folder: &Path) -> Result<()> {
    let file = put(folder, "array.npy", input)?;
    Sheet::read(&file)?;
    Table::read(&file)?;
    Ok(())
}

fn read_npz(input: &[u8], folder: &Path) -> Result<()> {
    Sheet::read(&put(folder, "array.npz", &archive(&[("arr_0.npy", input)])?)?)?;
    Ok(())
}
