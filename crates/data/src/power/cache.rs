//! The parsed rows in binary, beside the source: magic, the source's size and time, a SHA-256, the numbers.
//!
//! A cache that does not belong to the source as it is now, or is damaged, counts as absent; one that cannot be
//! written costs the next start a few seconds and nothing else.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use crate::atomic;

const MAGIC: &[u8; 16] = b"interflow-power1";
/// Magic, size, time, digest.
const HEADER: usize = 16 + 8 + 16 + 32;

fn file(source: &Path) -> PathBuf {
    source.with_extension("interflow-cache")
}

/// What tells one state of the source from another.
fn identity(source: &Path) -> Option<[u8; 24]> {
    let metadata = source.metadata().ok()?;
    let time = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let mut identity = [0; 24];
    identity[..8].copy_from_slice(&metadata.len().to_le_bytes());
    identity[8..].copy_from_slice(&time.to_le_bytes());
    Some(identity)
}

/// The rows, if there is a whole cache of this source.
pub(super) fn read(source: &Path) -> Option<Vec<f32>> {
    let bytes = std::fs::read(file(source)).ok()?;
    let (header, payload) = bytes.split_at_checked(HEADER)?;
    let whole = header[..16] == MAGIC[..]
        && header[16..40] == identity(source)?
        && header[40..] == Sha256::digest(payload)[..];
    if !whole {
        tracing::info!("rebuilding the cache {}", file(source).display());
        return None;
    }
    let (numbers, rest) = payload.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Writes the rows, or warns.
pub(super) fn write(source: &Path, values: &[f32]) {
    let Some(identity) = identity(source) else { return };
    let payload: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&identity);
    bytes.extend_from_slice(&Sha256::digest(&payload));
    bytes.extend_from_slice(&payload);
    if let Err(error) = atomic::write(&file(source), &bytes) {
        tracing::warn!("cannot write the cache {}: {error}", file(source).display());
    }
}
