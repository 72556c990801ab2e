//! Archives of arrays: images with labels.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

use zip::ZipArchive;

use crate::error::{Result, content, unreadable};
use crate::table::npy_values;

/// Images that are read at once.
const BLOCK: usize = 256;

/// Tells `each` of every image of an archive: its number, its bytes and its label. The archive holds `data`, bytes
/// `[N, dim]`, and `labels`, numbers `[N]`.
pub(crate) fn labelled_images(
    path: &Path,
    dim: usize,
    mut each: impl FnMut(usize, &[u8], f64) -> Result<()>,
) -> Result<()> {
    let file = BufReader::new(File::open(path).map_err(unreadable(path))?);
    let damaged = |problem: String| content(path, format!("not a whole npz archive: {problem}"));
    let mut archive = ZipArchive::new(file).map_err(|error| damaged(error.to_string()))?;
    let labels = {
        let member = archive.by_name("labels.npy").map_err(|error| damaged(format!("labels: {error}")))?;
        let npy = npyz::NpyFile::new(member).map_err(|error| damaged(format!("labels: {error}")))?;
        npy_values(npy, path)?
    };
    let mut member = archive.by_name("data.npy").map_err(|error| damaged(format!("data: {error}")))?;
    let failed = |error: io::Error| damaged(format!("data: {error}"));
    let header = npyz::NpyHeader::from_reader(&mut member).map_err(failed)?;
    let kind = header.dtype().descr();
    let plain = header.order() == npyz::Order::C && kind.trim_matches('\'') == "|u1";
    let (expected, found) = ([labels.len() as u64, dim as u64], header.shape());
    if !plain || found != expected {
        let problem = format!("expected data of bytes {expected:?} like the labels, found: {kind} {found:?}");
        return Err(content(path, problem));
    }
    let mut block = vec![0; BLOCK * dim];
    for (number, labels) in labels.chunks(BLOCK).enumerate() {
        let block = &mut block[..labels.len() * dim];
        member.read_exact(block).map_err(failed)?;
        for (offset, (image, label)) in block.chunks_exact(dim).zip(labels).enumerate() {
            each(number * BLOCK + offset, image, *label)?;
        }
    }
    // The archive's checksum is compared at the member's end only.
    match member.read(&mut [0]).map_err(failed)? {
        0 => Ok(()),
        _ => Err(damaged("data goes on after its last image".to_owned())),
    }
}
