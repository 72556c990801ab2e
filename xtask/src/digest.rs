//! SHA-256 of files.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a file, in lower-case hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut file =
        File::open(path).with_context(|| format!("cannot open for hashing: {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read =
            file.read(&mut buffer).with_context(|| format!("cannot read for hashing: {}", path.display()))?;
        if read == 0 {
            return Ok(hexadecimal(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// Fails if the file's SHA-256 is not the expected one.
pub(crate) fn require(path: &Path, expected: &str) -> Result<()> {
    let found = sha256(path)?;
    if found != expected {
        bail!("wrong SHA-256 of {}: expected {expected}, found {found}", path.display());
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn known_digest() {
        assert_eq!(sha256(file(b"abc").path()).unwrap(), ABC);
    }

    #[test]
    fn mismatch_names_both_digests() {
        let error = require(file(b"abd").path(), ABC).unwrap_err().to_string();
        assert!(
            error.contains(&format!("expected {ABC}, found a52d159f262b2c6ddb724a61840befc3")),
            "{error}"
        );
    }
}
