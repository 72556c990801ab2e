//! The rows of a Parquet file.

use std::fs::File;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};

use super::records::{Records, Value};
use crate::error::{Error, Result, content, unreadable};

/// Opens the file and reads its schema; a column that has parts counts as one.
pub(crate) fn records(path: &Path) -> Result<Records> {
    let file = File::open(path).map_err(unreadable(path))?;
    let reader = SerializedFileReader::new(file).map_err(damaged(path))?;
    let schema = reader.metadata().file_metadata().schema();
    let columns = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let path = path.to_owned();
    let rows = RowIter::from_file_into(Box::new(reader))
        .map(move |row| row.map(|row| values(&row)).map_err(damaged(&path)));
    Ok(Records { columns, rows: Box::new(rows) })
}

fn damaged(path: &Path) -> impl Fn(ParquetError) -> Error {
    move |error| content(path, format!("not a whole Parquet file: {error}"))
}

fn values(row: &Row) -> Vec<Value> {
    row.get_column_iter().map(|(_, field)| value(field)).collect()
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Text(String::new()),
        Field::Bool(value) => Value::Integer((*value).into()),
        Field::Byte(value) => Value::Integer((*value).into()),
        Field::Short(value) => Value::Integer((*value).into()),
        Field::Int(value) => Value::Integer((*value).into()),
        Field::Long(value) => Value::Integer(*value),
        Field::UByte(value) => Value::Integer((*value).into()),
        Field::UShort(value) => Value::Integer((*value).into()),
        Field::UInt(value) => Value::Integer((*value).into()),
        Field::Bytes(bytes) => Value::Bytes(bytes.data().to_vec()),
        Field::Str(value) => Value::Text(value.clone()),
        // All digits and no more: others round.
        Field::Float(value) => Value::Text(value.to_string()),
        Field::Double(value) => Value::Text(value.to_string()),
        Field::Group(parts) => bytes_of(parts).unwrap_or_else(|| Value::Text(field.to_string())),
        other => Value::Text(other.to_string()),
    }
}

/// The part `bytes` of a group.
fn bytes_of(parts: &Row) -> Option<Value> {
    parts.get_column_iter().find_map(|(name, part)| match part {
        Field::Bytes(bytes) if name == "bytes" => Some(Value::Bytes(bytes.data().to_vec())),
        _ => None,
    })
}
