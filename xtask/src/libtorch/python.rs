//! A torch installed in the Python that `python3` starts.

use std::{path::Path, process::Command};

use super::tree::{Flavour, Tree};

/// Names torch's folder without importing torch, which would take seconds.
const WHERE: &str = "\
import importlib.util
spec = importlib.util.find_spec('torch')
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else '')";

/// The Python torch, if there's one of the right version and flavour.
pub(crate) fn find(flavour: Flavour) -> Option<Tree> {
    let output = Command::new("python3").args(["-c", WHERE]).output().ok()?;
    let stdout = String::from_utf8(output.stdout).ok()?;
    let dir = Path::new(stdout.trim());
    if dir.is_absolute() { Tree::open(dir, flavour).ok() } else { None }
}
