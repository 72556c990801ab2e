//! From a file's bytes to text in UTF-8.

use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::{Error, Result, content};

/// The text of `bytes`, and the encoding where it is not UTF-8. A byte order mark decides; without one the text is in
/// the encoding called `label`, or in UTF-8.
pub(super) fn decode(
    path: &Path,
    mut bytes: Vec<u8>,
    label: Option<&str>,
) -> Result<(Vec<u8>, Option<&'static str>)> {
    let stated = label.map(|label| {
        let unknown = || content(path, format!("there is no encoding of this name, found: {label}"));
        Encoding::for_label(label.as_bytes()).ok_or_else(unknown)
    });
    let stated = stated.transpose()?;
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        let problem = "UTF-32 cannot be read\nhint: save the file as UTF-8".to_owned();
        return Err(content(path, problem));
    }
    let (encoding, mark) = Encoding::for_bom(&bytes).unwrap_or((stated.unwrap_or(UTF_8), 0));
    bytes.drain(..mark);
    if encoding == UTF_8 {
        check_utf8(path, &bytes)?;
        return Ok((bytes, None));
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes).ok_or_else(|| {
        content(path, format!("the text is not in the encoding {}", encoding.name().to_ascii_lowercase()))
    })?;
    Ok((text.into_owned().into_bytes(), Some(encoding.name())))
}

fn check_utf8(path: &Path, bytes: &[u8]) -> Result<()> {
    let broken = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
    // No text holds a NUL, but UTF-16 without its mark is half of them, and may be UTF-8 by chance.
    let head = &bytes[..bytes.len().min(1 << 16)];
    let Some(at) = broken.or_else(|| head.iter().position(|byte| *byte == 0)) else { return Ok(()) };
    let line = bytes[..at].split(|byte| *byte == b'\n').count() as u64;
    let problem = match guess(bytes, at) {
        Some(guess) => {
            let name = guess.name().to_ascii_lowercase();
            format!("the text is not in UTF-8, but perhaps in {name}\nhint: --encoding {name}")
        }
        None => format!("the file is no text, found: byte 0x{:02x}", bytes[at]),
    };
    Err(Error::Line { path: path.to_owned(), line, problem })
}

/// The encoding that the bytes, which are no UTF-8 from `at` on, are most likely in; `None` if they are no text.
fn guess(bytes: &[u8], at: usize) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(1 << 16)];
    let nuls = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    if even + odd == 0 {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(&bytes[at..bytes.len().min(at + (1 << 20))], true);
        return Some(detector.guess(None, Utf8Detection::Deny));
    }
    let mostly = |some: usize, others: usize| some > head.len() / 4 && others < head.len() / 100 + 1;
    match (mostly(odd, even), mostly(even, odd)) {
        (true, _) => Some(UTF_16LE),
        (_, true) => Some(UTF_16BE),
        _ => None,
    }
}
