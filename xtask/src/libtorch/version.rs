//! Which version a libtorch tree is, read from its files.

use std::{fs, path::Path};

/// Headers that may define `TORCH_VERSION`, the present place first.
const HEADERS: [&str; 2] =
    ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"];

/// The version without its build suffix (`2.11.0` for `2.11.0+cu130`), if the tree says one.
///
/// The archives from PyTorch's site carry it in a file `build-version`; wheels only in a header.
pub(crate) fn of(tree: &Path) -> Option<String> {
    let file = fs::read_to_string(tree.join("build-version")).ok();
    let header =
        || HEADERS.iter().find_map(|header| defined_in(&fs::read_to_string(tree.join(header)).ok()?));
    let full = file.or_else(header)?;
    let version = full.trim().split('+').next()?;
    Some(version.to_owned())
}

/// The string after `#define TORCH_VERSION`, which stands on a line of its own.
fn defined_in(header: &str) -> Option<String> {
    let (_, rest) = header.split_once("#define TORCH_VERSION ")?;
    rest.split('"').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_as_in_the_wheel() {
        let header = "#define TORCH_VERSION_MAJOR 2\n\n#define TORCH_VERSION \\\n  \"2.11.0\"\n";
        assert_eq!(defined_in(header).as_deref(), Some("2.11.0"));
        assert_eq!(defined_in("#include <torch/headeronly/version.h>"), None);
    }

    #[test]
    fn build_suffix_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("build-version"), "2.11.0+cpu\n").unwrap();
        assert_eq!(of(dir.path()).as_deref(), Some("2.11.0"));
    }
}
