//! The readers, by what they read.

#![allow(clippy::unnecessary_wraps, reason = "what makes inputs has one signature for all readers")]

pub(crate) mod arrays;
pub(crate) mod checkpoints;
pub(crate) mod configs;
pub(crate) mod images;
pub(crate) mod patches;
pub(crate) mod statistics;
pub(crate) mod tables;

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use interflow_data::Split;

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
