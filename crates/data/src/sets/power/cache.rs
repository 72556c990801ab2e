//! The parsed rows in binary, beside the source.
//!
//! A cache that cannot be written costs the next start a few seconds and nothing else.

use std::path::Path;

use crate::cache::Cache;

fn cache(source: &Path, n_rows: usize) -> Option<Cache> {
    let file = source.with_extension("interflow-cache");
    Cache::new(&file, &[source.to_owned()], &format!("power, {n_rows} rows")).ok()
}

/// The complete rows, if there is a whole cache of this source with `n_rows` rows.
pub(super) fn read(source: &Path, n_rows: usize) -> Option<Vec<f32>> {
    let head = cache(source, n_rows)?.find()?.head;
    let (numbers, rest) = head.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Writes the complete rows of a source with `n_rows` rows, or warns.
pub(super) fn write(source: &Path, n_rows: usize, values: &[f32]) {
    let Some(cache) = cache(source, n_rows) else { return };
    // In the head, which is read; the body would be mapped.
    let head = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    if let Err(error) = cache.create().and_then(|writer| writer.finish(head)) {
        tracing::warn!("cannot write the cache of {}: {error}", source.display());
    }
}
