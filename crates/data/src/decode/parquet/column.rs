//! The values of one leaf of a row group, row by row.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;

use super::super::records::Value;
use super::schema::{Leaf, Shape};
use super::value::{Meaning, oldest};

/// A leaf of a row group, not read to its end.
pub(super) struct Cells {
    reader: ColumnReader,
    levels: Levels,
    meaning: Meaning,
}

/// What the levels of a leaf mean.
#[derive(Clone, Copy)]
struct Levels {
    shape: Shape,
    /// The definition level of a value that is there.
    present: i16,
}

impl Cells {
    pub(super) fn new(leaf: &Leaf, reader: ColumnReader) -> Self {
        let levels = Levels { shape: leaf.shape, present: leaf.descriptor.max_def_level() };
        Self { reader, levels, meaning: Meaning::of(&leaf.descriptor) }
    }

    /// The values of the next `n` rows: one each, or those of their lists; what is wrong with the column otherwise.
    pub(super) fn read(&mut self, n: usize) -> Result<Vec<Vec<Value>>, String> {
        let (levels, meaning) = (self.levels, self.meaning);
        match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => {
                levels.read(reader, n, |value| Ok(Value::Integer((*value).into())))
            }
            ColumnReader::Int32ColumnReader(reader) => {
                levels.read(reader, n, |value| Ok(meaning.small(*value)))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                levels.read(reader, n, |value| Ok(meaning.large(*value)))
            }
            ColumnReader::Int96ColumnReader(reader) => {
                levels.read(reader, n, |value| Ok(oldest(value.data())))
            }
            // All digits and no more: others round.
            ColumnReader::FloatColumnReader(reader) => {
                levels.read(reader, n, |value| Ok(Value::Text(value.to_string())))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                levels.read(reader, n, |value| Ok(Value::Text(value.to_string())))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                levels.read(reader, n, |value| meaning.bytes(value.data()))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                levels.read(reader, n, |value| meaning.bytes(value.data()))
            }
        }
    }
}

impl Levels {
    fn read<T: DataType>(
        self,
        reader: &mut ColumnReaderImpl<T>,
        n: usize,
        value: impl Fn(&T::T) -> Result<Value, String>,
    ) -> Result<Vec<Vec<Value>>, String> {
        let (mut definition, mut repetition, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (n_read, ..) = reader
            .read_records(n, Some(&mut definition), Some(&mut repetition), &mut values)
            .map_err(|error| error.to_string())?;
        if n_read != n {
            return Err(format!("a column ends before its group, expected {n} more rows, found: {n_read}"));
        }
        if self.present == 0 {
            definition = vec![0; values.len()];
        }
        let mut values = values.iter();
        let mut rows: Vec<Vec<Value>> = Vec::with_capacity(n);
        for (place, level) in definition.iter().enumerate() {
            let goes_on =
                self.shape != Shape::Scalar && repetition.get(place).is_some_and(|level| *level > 0);
            if !goes_on {
                rows.push(Vec::new());
            }
            let cell = if *level >= self.present {
                value(values.next().ok_or("a column lacks a value")?)?
            } else if matches!(self.shape, Shape::Vector { element, .. } if *level < element) {
                continue;
            } else {
                Value::Text(String::new())
            };
            rows.last_mut().ok_or("a column begins within a list")?.push(cell);
        }
        if rows.len() == n {
            Ok(rows)
        } else {
            Err(format!("expected {n} rows of a column, found: {}", rows.len()))
        }
    }
}
