//! The fields of a text's rows, one behind the other.

use std::ops::Range;

/// Rows of fields in few texts. A million rows of ten fields take 90 bytes a row beside the fields' own, where a record for
/// each row takes 300.
#[derive(Debug, Default)]
pub(super) struct TextRows {
    /// [`Block::ROWS`] rows each but for the last: texts that grow for long would leave holes in the memory.
    blocks: Vec<Block>,
    /// The line of each row in its file, or its number there.
    lines: Vec<u64>,
    n_bytes: usize,
}

/// Some rows, one behind the other.
#[derive(Debug, Default)]
struct Block {
    text: String,
    /// Where each field ends in the text.
    ends: Vec<usize>,
    /// How many fields there are up to the end of each row.
    fields: Vec<usize>,
}

impl TextRows {
    /// Appends a row that begins at `line`.
    pub(super) fn push<'a>(&mut self, line: u64, fields: impl IntoIterator<Item = &'a str>) {
        if self.len().is_multiple_of(Block::ROWS) {
            if let Some(full) = self.blocks.last_mut() {
                full.shrink();
            }
            self.blocks.push(Block::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            let before = block.text.len();
            block.push(fields);
            self.n_bytes += block.text.len() - before;
            self.lines.push(line);
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many bytes all fields have.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Whether a field has this sign.
    pub(super) fn contain(&self, sign: char) -> bool {
        self.blocks.iter().any(|block| block.text.contains(sign))
    }

    /// The line of a row.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// How many fields a row has.
    pub(super) fn width(&self, row: usize) -> usize {
        self.blocks.get(row / Block::ROWS).map_or(0, |block| block.numbers(row % Block::ROWS).len())
    }

    /// How many fields each row has.
    pub(super) fn widths(&self) -> impl Iterator<Item = usize> + Clone {
        (0..self.len()).map(|row| self.width(row))
    }

    /// A field of a row, if it has so many.
    pub(super) fn get(&self, row: usize, place: usize) -> Option<&str> {
        self.blocks.get(row / Block::ROWS)?.get(row % Block::ROWS, place)
    }

    /// The fields at `place` of all rows, nothing where a row has not so many.
    pub(super) fn column(&self, place: usize) -> impl Iterator<Item = &str> + Clone {
        (0..self.len()).map(move |row| self.get(row, place).unwrap_or_default())
    }

    /// Forgets the fields, but not where rows are in their file.
    pub(super) fn forget_fields(&mut self) {
        (self.blocks, self.n_bytes) = (Vec::new(), 0);
    }
}

impl Block {
    /// How many rows a block holds.
    const ROWS: usize = 1 << 15;

    fn push<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) {
        for field in fields {
            self.text.push_str(field);
            self.ends.push(self.text.len());
        }
        self.fields.push(self.ends.len());
    }

    /// The numbers of a row's fields among those of the block.
    fn numbers(&self, row: usize) -> Range<usize> {
        let first = if row == 0 { 0 } else { self.fields[row - 1] };
        first..self.fields[row]
    }

    fn get(&self, row: usize, place: usize) -> Option<&str> {
        let number = self.numbers(row).nth(place)?;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        Some(&self.text[start..self.ends[number]])
    }

    /// Gives back the room for more rows.
    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.fields.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_width_are_found_by_place() {
        let mut rows = TextRows::default();
        rows.push(3, ["a", "", "grün"]);
        rows.push(5, []);
        rows.push(6, ["b"]);
        assert_eq!((rows.len(), rows.n_bytes(), rows.line(2)), (3, 7, 6));
        assert_eq!(rows.widths().collect::<Vec<_>>(), [3, 0, 1]);
        assert_eq!(rows.column(0).collect::<Vec<_>>(), ["a", "", "b"]);
        assert_eq!((rows.get(0, 2), rows.get(0, 3), rows.get(1, 0)), (Some("grün"), None, None));
        rows.forget_fields();
        assert_eq!((rows.len(), rows.line(1), rows.get(0, 0)), (3, 5, None));
    }

    #[test]
    fn rows_of_several_blocks_are_found_by_place() {
        let mut rows = TextRows::default();
        let n = 2 * Block::ROWS + 3;
        for row in 0..n {
            let field = row.to_string();
            rows.push(2 * row as u64, std::iter::repeat_n(field.as_str(), row % 3));
        }
        for row in [0, 1, Block::ROWS - 1, Block::ROWS, Block::ROWS + 1, n - 1] {
            assert_eq!((rows.line(row), rows.width(row)), (2 * row as u64, row % 3));
            assert_eq!(rows.get(row, 1), (row % 3 == 2).then(|| row.to_string()).as_deref());
        }
        assert_eq!(
            (rows.len(), rows.column(0).filter(|field| !field.is_empty()).count()),
            (n, n - n.div_ceil(3))
        );
    }
}
