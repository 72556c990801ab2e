//! Lines of a text that are to be left out.

use std::io::{self, Read};

/// A text without some of its lines, as it is read. The others keep their numbers.
pub(super) struct Lines<R> {
    text: R,
    /// The line that is read next.
    line: u64,
    /// The lines to leave out that are still to come, the next one last.
    left_out: Vec<u64>,
    /// Whether lines end by a carriage return alone, as those of old Macs.
    end_by_returns: bool,
}

impl<R: Read> Lines<R> {
    /// The text without the lines numbered `left_out`.
    pub(super) fn new(text: R, mut left_out: Vec<u64>, end_by_returns: bool) -> Self {
        left_out.retain(|line| *line > 0);
        left_out.sort_unstable_by_key(|line| std::cmp::Reverse(*line));
        Self { text, line: 1, left_out, end_by_returns }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.text.read(bytes)?;
        let mut rest = &mut bytes[..n];
        if self.end_by_returns {
            rest.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        while let Some(&next) = self.left_out.last() {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (line, after) = rest.split_at_mut(end.unwrap_or(rest.len()));
            if self.line == next {
                // A reader of records passes over returns.
                line.fill(b'\r');
            }
            let Some((_, after)) = after.split_first_mut() else { break };
            rest = after;
            self.line += 1;
            while self.left_out.last().is_some_and(|line| *line < self.line) {
                self.left_out.pop();
            }
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn lines_are_emptied_wherever_a_text_is_cut() {
        let text = "a,\"b\n\nc\r\nlast";
        for n_bytes in 1..=text.len() {
            let mut left = String::new();
            let pieces = BufReader::with_capacity(n_bytes, text.as_bytes());
            Lines::new(Pieces(pieces), vec![3, 0, 1, 9], false).read_to_string(&mut left).unwrap();
            assert_eq!(left, "\r\r\r\r\n\n\r\r\nlast", "{n_bytes} bytes at once");
        }
    }

    #[test]
    fn returns_alone_end_lines() {
        let mut left = String::new();
        Lines::new(&b"a\rb\rc"[..], vec![2], true).read_to_string(&mut left).unwrap();
        assert_eq!(left, "a\n\r\nc");
    }

    /// Reads no more at once than its buffer holds.
    struct Pieces<R>(BufReader<R>);

    impl<R: Read> Read for Pieces<R> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let n = self.0.capacity().min(bytes.len());
            self.0.read(&mut bytes[..n])
        }
    }
}
