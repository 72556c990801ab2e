//! Tables: what `fit` does with a file before it trains.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use interflow_data::{Sheet, TableConfig, Unfit};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{SPLIT, put};
use crate::reader::Reader;

/// Tables in text files.
pub(crate) const TEXT: Reader = Reader { name: "text-table", whole: texts, read: text };

/// Tables in Parquet files.
pub(crate) const PARQUET: Reader = Reader { name: "parquet-table", whole: parquets, read: parquet };

fn texts() -> Result<Vec<Vec<u8>>> {
    let plain = "age,income\n31,1.5\n45,2e3\n27,NA\n52,-0.25\n40,7\n33,8\n41,9.5\n39,1\n28,2\n";
    let semicolon = "name;height;weight\n\"a;b\";1,75;70\nc;1,60;55,5\nd;1,8;\ne;1,9;80\nf;1,7;66\ng;1,72;71\nh;1,63;58\ni;1,81;77\n";
    let savetxt = "# a b\n1.0 2.0\n3.0 4.0\n5.0 7.0\n9.0 1.0\n6.5 3.5\n2.0 2.0\n7.5 0.5\n8.0 8.5\n";
    let utf16: Vec<u8> = "\u{feff}x\ty\n1\t2\n3\t4\n5\t7\n8\t1\n2\t2\n9\t9\n4\t6\n6\t5\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let long = (0..60).map(|row| format!("{row},{}", row * row % 7)).collect::<Vec<_>>().join("\n");
    Ok([plain, semicolon, savetxt, &long]
        .map(|text| text.as_bytes().to_vec())
        .into_iter()
        .chain([utf16])
        .collect())
}

fn text(input: &[u8], folder: &Path) -> Result<()> {
    table(&put(folder, "table.csv", input)?)
}

fn parquet(input: &[u8], folder: &Path) -> Result<()> {
    table(&put(folder, "table.parquet", input)?)
}

/// Reads a table whole, and prepares it.
fn table(file: &Path) -> Result<()> {
    let sheet = Sheet::read(file)?;
    let names = Some(numbers(&sheet)).filter(|names| !names.is_empty());
    let config = TableConfig {
        columns: names,
        missing: Unfit::Drop,
        constant: Unfit::Drop,
        dequantise: vec![TableConfig::ALL_INTEGERS.to_owned()],
        split: SPLIT,
        ..TableConfig::new(file.to_owned())
    };
    config.prepare(sheet)?;
    Ok(())
}

fn parquets() -> Result<Vec<Vec<u8>>> {
    [Compression::UNCOMPRESSED, Compression::SNAPPY].map(people).into_iter().collect()
}

/// The names of the columns that hold numbers.
fn numbers(sheet: &Sheet) -> Vec<String> {
    let places = (0..sheet.names().len()).filter(|place| sheet.numbers(&[*place]).is_ok());
    places.map(|place| sheet.names()[place].clone()).collect()
}

/// Nine rows of an integer, a number of which one is missing, and text.
fn people(compression: Compression) -> Result<Vec<u8>> {
    let schema = "message rows { required int64 age; optional double income; optional binary name (UTF8); }";
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, Arc::new(parse_message_type(schema)?), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&[31, 45, 27, 52, 40, 33, 41, 39, 28], None, None)?;
        column.close()?;
    }
    if let Some(mut column) = group.next_column()? {
        let levels = [1, 0, 1, 1, 1, 1, 1, 1, 1];
        column.typed::<DoubleType>().write_batch(
            &[0.1, 1e9, 3.5, -2.0, 1.0, 4.0, 0.5, 2.5],
            Some(&levels),
            None,
        )?;
        column.close()?;
    }
    if let Some(mut column) = group.next_column()? {
        let names = ["ann", "bob", "cy", "dot", "ed", "flo", "guy", "hal", "ida"].map(ByteArray::from);
        column.typed::<ByteArrayType>().write_batch(&names, Some(&[1; 9]), None)?;
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}
