//! The readers, by what they read.

#![allow(clippy::unnecessary_wraps, reason = "what makes inputs has one signature for all readers")]

mod arrays;
mod checkpoints;
mod configs;
mod images;
mod patches;
mod statistics;
mod tables;

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use interflow_data::Split;

use crate::reader::Reader;

/// All readers.
pub const ALL: [Reader; 15] = [
    tables::TEXT,
    tables::PARQUET,
    arrays::NPY,
    arrays::NPZ,
    images::PNG,
    images::JPEG,
    images::WEBP,
    images::IDX,
    images::PARQUET,
    patches::HDF5,
    statistics::NPZ,
    statistics::SAFETENSORS,
    checkpoints::FILE,
    checkpoints::TEXT,
    configs::CONFIG,
];

/// The reader of this name.
///
/// # Errors
/// If there is none.
pub fn named(name: &str) -> Result<Reader> {
    let known = || ALL.map(|reader| reader.name).join(", ");
    ALL.into_iter()
        .find(|reader| reader.name == name)
        .with_context(|| format!("there is no reader of this name, found: {name}\nhint: one of {}", known()))
}

/// Held-out shares for sets of a dozen points.
const SPLIT: Split = Split { validation: 0.25, test: 0.25, seed: 0 };

/// Writes an input into a file of this name below `folder`.
fn put(folder: &Path, name: &str, input: &[u8]) -> Result<PathBuf> {
    let file = folder.join(name);
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&file, input)?;
    Ok(file)
}

/// The bytes of an NPY file of this header.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
    let padded = (header.len() + 11).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = padded - 1).bytes());
    bytes.extend(data);
    bytes
}

/// A zip archive of these members, as they stand.
fn archive(members: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        writer.start_file(*name, stored)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}
