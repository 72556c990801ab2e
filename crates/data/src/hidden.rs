//! Files and folders that other programs hide, which belong to no data set.

use std::path::Path;

/// Whether the name begins with a dot, as those of the hidden halves of files on an Apple's disk.
pub(crate) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
