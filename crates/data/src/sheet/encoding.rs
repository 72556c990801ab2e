//! From a file's bytes to text in UTF-8.

use std::io::{self, Read};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::{Error, Result, carried, content};

/// How many bytes are decoded at once.
const BLOCK: u64 = 1 << 16;

/// The text in UTF-8 of bytes in another encoding, as it is read.
///
/// A block with bytes that are not in the encoding is an error, also of making this if it is the first.
pub(super) struct Decoded<'a, R> {
    path: &'a Path,
    bytes: R,
    /// What is decoded next.
    block: Vec<u8>,
    encoding: &'static Encoding,
    decoder: Decoder,
    /// What was decoded last, and how much of it was read.
    text: Vec<u8>,
    n_read: usize,
    /// How many lines end in the text so far.
    n_lines: u64,
    has_ended: bool,
}

impl<'a, R: Read> Decoded<'a, R> {
    /// The text of `bytes`. A byte order mark decides on the encoding; without one it is that called `label`, or UTF-8.
    ///
    /// # Errors
    /// [`Error::Content`] for an encoding that does not exist or cannot be read, [`Error::Line`] if the beginning is no text.
    pub(super) fn new(path: &'a Path, mut bytes: R, label: Option<&str>) -> Result<Self> {
        let stated = label.map(|label| {
            let unknown = || content(path, format!("there is no encoding of this name, found: {label}"));
            Encoding::for_label(label.as_bytes()).ok_or_else(unknown)
        });
        let stated = stated.transpose()?;
        let mut block = Vec::new();
        bytes.by_ref().take(BLOCK).read_to_end(&mut block).map_err(carried(path))?;
        if block.starts_with(&[0xff, 0xfe, 0, 0]) || block.starts_with(&[0, 0, 0xfe, 0xff]) {
            let problem = "UTF-32 cannot be read\nhint: save the file as UTF-8".to_owned();
            return Err(content(path, problem));
        }
        let (encoding, mark) = Encoding::for_bom(&block).unwrap_or((stated.unwrap_or(UTF_8), 0));
        // No text holds a NUL, but UTF-16 without its mark is half of them, and may be UTF-8 by chance.
        if encoding == UTF_8
            && let Some(nul) = block.iter().position(|byte| *byte == 0)
        {
            let broken = std::str::from_utf8(&block).err().filter(|error| error.error_len().is_some());
            let at = broken.map_or(nul, |error| error.valid_up_to().min(nul));
            return Err(not_utf8(path, n_feeds(&block[..at]) + 1, &block, at));
        }
        let has_ended = (block.len() as u64) < BLOCK;
        block.drain(..mark);
        let decoder = encoding.new_decoder_without_bom_handling();
        let (text, n_read, n_lines) = (Vec::new(), 0, 0);
        let mut decoded =
            Self { path, bytes, block, encoding, decoder, text, n_read, n_lines, has_ended: false };
        decoded.decode(has_ended).map_err(carried(path))?;
        Ok(decoded)
    }

    /// The name of the encoding where it is not UTF-8.
    pub(super) fn encoding(&self) -> Option<&'static str> {
        (self.encoding != UTF_8).then(|| self.encoding.name())
    }

    /// Decodes the block, which is the last one if `is_last`.
    fn decode(&mut self, is_last: bool) -> io::Result<()> {
        let most = self.decoder.max_utf8_buffer_length_without_replacement(self.block.len());
        self.text.resize(most.unwrap_or(0), 0);
        let (result, n_decoded, n_text) =
            self.decoder.decode_to_utf8_without_replacement(&self.block, &mut self.text, is_last);
        self.text.truncate(n_text);
        self.n_read = 0;
        self.n_lines += n_feeds(&self.text);
        self.has_ended = is_last;
        match result {
            DecoderResult::InputEmpty => {
                self.block.clear();
                Ok(())
            }
            DecoderResult::Malformed(n_broken, n_after) => {
                self.fail(n_decoded.saturating_sub(usize::from(n_broken + n_after)))
            }
            DecoderResult::OutputFull => self.fail(n_decoded),
        }
    }

    /// Fails at the byte `at` of the block.
    fn fail(&mut self, at: usize) -> io::Result<()> {
        /// As many bytes more tell the encoding.
        const TOLD_BY: u64 = 1 << 20;
        self.bytes.by_ref().take(TOLD_BY).read_to_end(&mut self.block)?;
        let name = self.encoding.name().to_ascii_lowercase();
        Err(io::Error::other(if self.encoding == UTF_8 {
            not_utf8(self.path, self.n_lines + 1, &self.block, at.min(self.block.len().saturating_sub(1)))
        } else {
            content(self.path, format!("the text is not in the encoding {name}"))
        }))
    }
}

impl<R: Read> Read for Decoded<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // A block may hold nothing but the first part of a character.
        while self.n_read == self.text.len() && !self.has_ended {
            self.bytes.by_ref().take(BLOCK).read_to_end(&mut self.block)?;
            self.decode((self.block.len() as u64) < BLOCK)?;
        }
        let n = (&self.text[self.n_read..]).read(bytes)?;
        self.n_read += n;
        Ok(n)
    }
}

/// How many line feeds there are.
fn n_feeds(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Why bytes that are no UTF-8 at `at`, in this line, cannot be read.
fn not_utf8(path: &Path, line: u64, bytes: &[u8], at: usize) -> Error {
    let problem = match guess(bytes, at) {
        Some(guess) => {
            let name = guess.name().to_ascii_lowercase();
            format!("the text is not in UTF-8, but perhaps in {name}\nhint: --encoding {name}")
        }
        None => format!("the file is not text, found: byte 0x{:02x}", bytes[at]),
    };
    Error::Line { path: path.to_owned(), line, problem }
}

/// The encoding that the bytes, which are no UTF-8 from `at` on, are most likely in; `None` if they are no text.
fn guess(bytes: &[u8], at: usize) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(BLOCK as usize)];
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
