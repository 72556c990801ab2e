//! Parquet files of a few columns.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// The values of a column, and the levels at which they are defined.
pub(crate) enum Values {
    Doubles(Vec<f64>, Vec<i16>),
    Integers(Vec<i64>),
    Bytes(Vec<Vec<u8>>, Vec<i16>),
    Small(Vec<i32>),
    /// Lists of numbers, with their levels of definition and of repetition.
    Lists(Vec<f64>, Vec<i16>, Vec<i16>),
    Truths(Vec<bool>),
}

pub(crate) fn write(path: &Path, schema: &str, compression: Compression, columns: &[Values]) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for values in columns {
        let mut column = group.next_column().unwrap().unwrap();
        match values {
            Values::Doubles(values, levels) => {
                column.typed::<DoubleType>().write_batch(values, Some(levels), None).unwrap();
            }
            Values::Integers(values) => {
                column.typed::<Int64Type>().write_batch(values, None, None).unwrap();
            }
            Values::Small(values) => {
                column.typed::<Int32Type>().write_batch(values, None, None).unwrap();
            }
            Values::Lists(values, levels, repetition) => {
                let column = column.typed::<DoubleType>();
                column.write_batch(values, Some(levels), Some(repetition)).unwrap();
            }
            Values::Truths(values) => {
                column.typed::<BoolType>().write_batch(values, None, None).unwrap();
            }
            Values::Bytes(values, levels) => {
                let values: Vec<ByteArray> =
                    values.iter().map(|value| ByteArray::from(value.clone())).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(levels), None).unwrap();
            }
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}
