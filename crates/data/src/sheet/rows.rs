//! The fields of a text's rows, one behind the other.

/// Rows of fields in one text. A million rows of ten fields take 90 bytes a row beside the fields' own, where a record for each
/// row takes 300.
#[derive(Debug, Default)]
pub(super) struct TextRows {
    text: String,
    /// Where each field ends in the text.
    ends: Vec<usize>,
    /// How many fields there are up to the end of each row.
    fields: Vec<usize>,
    /// The line of each row in its file, or its number there.
    lines: Vec<u64>,
}

impl TextRows {
    /// No rows yet, with room for fields of so many bytes.
    pub(super) fn with_room(n_bytes: usize) -> Self {
        Self { text: String::with_capacity(n_bytes), ..Self::default() }
    }

    /// Appends a row that begins at `line`.
    pub(super) fn push<'a>(&mut self, line: u64, fields: impl IntoIterator<Item = &'a str>) {
        for field in fields {
            self.text.push_str(field);
            self.ends.push(self.text.len());
        }
        self.fields.push(self.ends.len());
        self.lines.push(line);
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
        self.text.len()
    }

    /// The line of a row.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// How many fields a row has.
    pub(super) fn width(&self, row: usize) -> usize {
        self.fields[row] - self.first(row)
    }

    /// How many fields each row has.
    pub(super) fn widths(&self) -> impl Iterator<Item = usize> + Clone {
        (0..self.len()).map(|row| self.width(row))
    }

    /// A field of a row, if it has so many.
    pub(super) fn get(&self, row: usize, place: usize) -> Option<&str> {
        let number = self.first(row) + place;
        (number < self.fields[row]).then(|| {
            let start = if number == 0 { 0 } else { self.ends[number - 1] };
            &self.text[start..self.ends[number]]
        })
    }

    /// The fields at `place` of all rows, nothing where a row has not so many.
    pub(super) fn column(&self, place: usize) -> impl Iterator<Item = &str> + Clone {
        (0..self.len()).map(move |row| self.get(row, place).unwrap_or_default())
    }

    /// Forgets the fields, but not where rows are in their file.
    pub(super) fn forget_fields(&mut self) {
        (self.text, self.ends) = (String::new(), Vec::new());
        self.fields = vec![0; self.lines.len()];
    }

    /// The number of a row's first field.
    fn first(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.fields[row - 1] }
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
}
