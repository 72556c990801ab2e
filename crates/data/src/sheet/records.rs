//! The records of a text.

use std::io::{self, BufRead};
use std::path::Path;

use csv::StringRecord;
use csv_core::ReadRecordResult;

use super::format::Separator;
use super::header::Row;
use crate::error::{Error, carried};

/// The text ends within a field in quotes, of the record that begins on this line.
#[derive(Debug, thiserror::Error)]
#[error("a field in quotes does not end")]
struct OpenQuote(u64);

/// Makes an error of why a file's records cannot be read.
pub(super) fn unread(path: &Path) -> impl Fn(io::Error) -> Error {
    |error| match error.downcast() {
        Ok(OpenQuote(line)) => {
            let problem = "a field in quotes begins in this row and ends nowhere\n\
                           hint: end it by a quotation mark; one within a field in quotes is written twice";
            Error::Line { path: path.to_owned(), line, problem: problem.to_owned() }
        }
        Err(error) => carried(path)(error),
    }
}

/// The records of a text as it is read, each with the number of the line that it begins on. Empty lines are passed over.
pub(super) struct Records<R> {
    text: R,
    separator: Separator,
    parser: csv_core::Reader,
    /// The line that comes next.
    line: u64,
    has_quotes: bool,
    /// The fields of a record one behind the other, and where they end.
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: BufRead> Records<R> {
    /// The records of `text`, in UTF-8, with this sign between their fields.
    pub(super) fn new(text: R, separator: Separator) -> Self {
        let parser = csv_core::ReaderBuilder::new().delimiter(separator.byte()).build();
        let (fields, ends) = (vec![0; 1 << 10], vec![0; 1 << 6]);
        Self { text, separator, parser, line: 1, has_quotes: false, fields, ends }
    }

    /// Whether there was a quotation mark so far.
    pub(super) fn has_quotes(&self) -> bool {
        self.has_quotes
    }

    /// The next line that is not empty, cut at its blanks.
    fn of_blanks(&mut self) -> io::Result<Option<Row>> {
        let mut line = String::new();
        while self.text.read_line(&mut line)? > 0 {
            self.line += 1;
            let record: StringRecord = line.split_whitespace().collect();
            if !record.is_empty() {
                return Ok(Some((self.line - 1, record)));
            }
            line.clear();
        }
        Ok(None)
    }

    /// The next record of fields that may stand in quotes, of which the last one has to be closed.
    fn of_fields(&mut self) -> io::Result<Option<Row>> {
        self.pass_over_ends()?;
        let (begin, mut n_bytes, mut n_fields) = (self.line, 0, 0);
        if self.text.fill_buf()?.is_empty() {
            return Ok(None);
        }
        loop {
            let text = self.text.fill_buf()?;
            let is_end = text.is_empty();
            // One more end of a line ends the last record, but no field in quotes.
            let text = if is_end { &b"\n"[..] } else { text };
            let (result, n_read, bytes, fields) =
                self.parser.read_record(text, &mut self.fields[n_bytes..], &mut self.ends[n_fields..]);
            let read = &text[..n_read];
            self.line += memchr::memchr_iter(b'\n', read).count() as u64;
            self.has_quotes |= memchr::memchr(b'"', read).is_some();
            self.text.consume(if is_end { 0 } else { n_read });
            (n_bytes, n_fields) = (n_bytes + bytes, n_fields + fields);
            match result {
                ReadRecordResult::InputEmpty if is_end => return Err(io::Error::other(OpenQuote(begin))),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record => return self.record(begin, n_fields).map(Some),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Passes over the ends of lines, so that the next record begins on the line that is counted.
    fn pass_over_ends(&mut self) -> io::Result<()> {
        loop {
            let text = self.text.fill_buf()?;
            let ends = text.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let (n, n_lines) =
                ends.fold((0, 0), |(n, lines), byte| (n + 1, lines + u64::from(*byte == b'\n')));
            let is_all = n == text.len();
            self.text.consume(n);
            self.line += n_lines;
            if !is_all || n == 0 {
                return Ok(());
            }
        }
    }

    /// The record of the first fields, which begins on a line.
    fn record(&self, line: u64, n_fields: usize) -> io::Result<Row> {
        let ends = &self.ends[..n_fields];
        let text = std::str::from_utf8(&self.fields[..ends.last().copied().unwrap_or(0)]);
        let text = text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut record = StringRecord::with_capacity(text.len(), n_fields);
        let mut start = 0;
        for &end in ends {
            record.push_field(&text[start..end]);
            start = end;
        }
        Ok((line, record))
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.separator == Separator::BLANKS { self.of_blanks() } else { self.of_fields() }.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The records of a text that is read in pieces of so many bytes.
    fn records(text: &str, separator: Separator, n_bytes: usize) -> Vec<(u64, Vec<String>)> {
        let records = Records::new(BufReader::with_capacity(n_bytes, text.as_bytes()), separator);
        records
            .map(|row| row.map(|(line, row)| (line, row.iter().map(str::to_owned).collect())).unwrap())
            .collect()
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
        (line, fields.iter().map(|&field| field.to_owned()).collect())
    }

    #[test]
    fn records_begin_on_their_lines_wherever_a_text_is_cut() {
        let text = "a,b\r\n\r\n\n\"grün\r\nund \"\"so\"\"\",2\r\n3,\n\r\r\rlast,\"4\"";
        let found = [
            row(1, &["a", "b"]),
            row(4, &["grün\r\nund \"so\"", "2"]),
            row(6, &["3", ""]),
            row(7, &["last", "4"]),
        ];
        for n_bytes in 1..=text.len() {
            assert_eq!(records(text, Separator::COMMA, n_bytes), found, "{n_bytes} bytes at once");
        }
        let text = "\n a  b\r\n\r\nlast\t\"4\"";
        for n_bytes in 1..=text.len() {
            let found = [row(2, &["a", "b"]), row(4, &["last", "\"4\""])];
            assert_eq!(records(text, Separator::BLANKS, n_bytes), found, "{n_bytes} bytes at once");
        }
    }

    #[test]
    fn a_field_in_quotes_has_to_end() {
        for text in ["1,2,\"3.5 inch\n4,5,6\n", "1,2,\"3.5 inch", "1,2,\""] {
            for n_bytes in 1..=text.len() {
                let pieces = BufReader::with_capacity(n_bytes, text.as_bytes());
                let mut found = Records::new(pieces, Separator::COMMA);
                let error = unread(Path::new("a.csv"))(found.next().unwrap().unwrap_err()).to_string();
                assert!(error.starts_with("a.csv, line 1: a field in quotes"), "{error}");
                assert!(found.next().is_none());
            }
        }
        for text in ["3.5\" disk,2", "\"3.5\"\" disk\",2", "2,\"\"", "1,\"2\"\r"] {
            assert_eq!(records(text, Separator::COMMA, 1 << 10).len(), 1, "{text}");
        }
    }

    #[test]
    fn fields_and_rows_may_be_long() {
        let (long, wide) = ("x".repeat(5000), vec!["1"; 300]);
        let text = format!("{long},{long}\n{}\n", wide.join(","));
        let found = records(&text, Separator::COMMA, 1 << 13);
        assert_eq!(found, [row(1, &[&long, &long]), row(2, &wide)]);
    }
}
