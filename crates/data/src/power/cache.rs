//! The parsed rows in binary, beside the source: magic, the source's size, time and number of rows, a SHA-256, the
//! numbers.
//!
//! A cache that does not belong to the source as it is now, or is damaged, counts as absent; one that cannot be
//! written costs the next start a few seconds and nothing else.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use crate::atomic;

const MAGIC: &[u8; 16] = b"interflow-power2";
/// Size, time, number of rows.
const IDENTITY: usize = 8 + 16 + 8;
/// Magic, identity, digest.
const HEADER: usize = MAGIC.len() + IDENTITY + 32;

fn file(source: &Path) -> PathBuf {
    source.with_extension("interflow-cache")
}

/// What tells one state of the source from another.
fn identity(source: &Path, n_rows: usize) -> Option<[u8; IDENTITY]> {
    let metadata = source.metadata().ok()?;
    let time = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let mut identity = [0; IDENTITY];
    identity[..8].copy_from_slice(&metadata.len().to_le_bytes());
    identity[8..24].copy_from_slice(&time.to_le_bytes());
    identity[24..].copy_from_slice(&(n_rows as u64).to_le_bytes());
    Some(identity)
}

/// The complete rows, if there is a whole cache of this source with `n_rows` rows.
pub(super) fn read(source: &Path, n_rows: usize) -> Option<Vec<f32>> {
    let bytes = std::fs::read(file(source)).ok()?;
    let (header, payload) = bytes.split_at_checked(HEADER)?;
    let whole = header[..16] == MAGIC[..]
        && header[16..16 + IDENTITY] == identity(source, n_rows)?
        && header[16 + IDENTITY..] == Sha256::digest(payload)[..];
    if !whole {
        tracing::info!("rebuilding the cache {}", file(source).display());
        return None;
    }
    let (numbers, rest) = payload.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Writes the complete rows of a source with `n_rows` rows, or warns.
pub(super) fn write(source: &Path, n_rows: usize, values: &[f32]) {
    let Some(identity) = identity(source, n_rows) else { return };
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
