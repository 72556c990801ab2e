//! Checksums of a body, one for each block.

use std::io::{self, Read};

/// Bytes of a block.
const BLOCK: usize = 1 << 20;
/// Bytes of a checksum.
const WIDTH: usize = size_of::<u32>();

/// The CRC-32C of each block of what is added. A processor computes it faster than a disk reads.
#[derive(Debug, Default)]
pub(super) struct Checksums {
    /// Those of whole blocks.
    whole: Vec<u8>,
    /// That of the block which is not whole yet, and how much of it there is.
    last: u32,
    n_last: usize,
}

impl Checksums {
    /// How many bytes the checksums of a body of `n_body` bytes take.
    pub(super) fn n_bytes(n_body: u64) -> Option<usize> {
        usize::try_from(n_body.div_ceil(BLOCK as u64)).ok()?.checked_mul(WIDTH)
    }

    /// The checksums of all that a reader has.
    pub(super) fn of(mut body: impl Read) -> io::Result<Vec<u8>> {
        let mut checksums = Self::default();
        let mut block = vec![0; BLOCK];
        loop {
            match body.read(&mut block)? {
                0 => return Ok(checksums.finish()),
                n => checksums.add(&block[..n]),
            }
        }
    }

    /// Takes in what follows.
    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (first, rest) = bytes.split_at(bytes.len().min(BLOCK - self.n_last));
            self.last = crc32c::crc32c_append(self.last, first);
            self.n_last += first.len();
            if self.n_last == BLOCK {
                self.end_block();
            }
            bytes = rest;
        }
    }

    /// The checksums, one after the other.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.n_last > 0 {
            self.end_block();
        }
        self.whole
    }

    fn end_block(&mut self) {
        self.whole.extend_from_slice(&self.last.to_le_bytes());
        (self.last, self.n_last) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_do_not_depend_on_how_the_body_is_cut() {
        let body: Vec<u8> = (0..2 * BLOCK + 7).map(|place| (place % 251) as u8).collect();
        let whole = Checksums::of(&body[..]).unwrap();
        assert_eq!(whole.len(), Checksums::n_bytes(body.len() as u64).unwrap());
        assert_eq!(whole[..WIDTH], crc32c::crc32c(&body[..BLOCK]).to_le_bytes());
        let mut parts = Checksums::default();
        body.chunks(777_777).for_each(|part| parts.add(part));
        assert_eq!(parts.finish(), whole);
        assert!(Checksums::default().finish().is_empty());
    }
}
