//! Sets of images.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use interflow_data::{Folder, Idx, ParquetImages};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{SPLIT, put};
use crate::reader::Reader;

/// A folder with a damaged picture among whole ones, by the picture's format.
pub(crate) const PNG: Reader = Reader {
    name: "png",
    whole: || pictures(ImageFormat::Png),
    read: |input, folder| read(input, folder, "png"),
};

/// As [`PNG`].
pub(crate) const JPEG: Reader = Reader {
    name: "jpeg",
    whole: || pictures(ImageFormat::Jpeg),
    read: |input, folder| read(input, folder, "jpg"),
};

/// As [`PNG`].
pub(crate) const WEBP: Reader = Reader {
    name: "webp",
    whole: || pictures(ImageFormat::WebP),
    read: |input, folder| read(input, folder, "webp"),
};

/// A set in the IDX format, of which the training images are damaged.
pub(crate) const IDX: Reader = Reader { name: "idx", whole: idx, read: read_idx };

/// A set in a Parquet file.
pub(crate) const PARQUET: Reader = Reader { name: "parquet-images", whole: parquets, read: read_parquet };

/// Pictures of one size, in colours and in greys.
fn pictures(format: ImageFormat) -> Result<Vec<Vec<u8>>> {
    let colours = RgbImage::from_fn(12, 9, |x, y| Rgb([20 * x as u8, 25 * y as u8, (x * y) as u8]));
    let greys = DynamicImage::from(colours.clone()).to_luma8();
    [DynamicImage::from(colours), DynamicImage::from(greys)]
        .into_iter()
        .map(|picture| {
            let picture = if format == ImageFormat::WebP { picture.to_rgba8().into() } else { picture };
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format)?;
            Ok(bytes.into_inner())
        })
        .collect()
}

fn read(input: &[u8], folder: &Path, ending: &str) -> Result<()> {
    let whole = pictures(ImageFormat::Png)?;
    for number in 0..12 {
        put(folder, &format!("photos/{number}.png"), &whole[number % 2])?;
    }
    put(folder, &format!("photos/damaged.{ending}"), input)?;
    let set = Folder { path: PathBuf::from("photos"), side: 8, split: SPLIT };
    set.load(folder)?;
    Ok(())
}

/// Twelve images of 3×4 pixels with their labels, as one input: the images' file, then the labels'.
fn idx() -> Result<Vec<Vec<u8>>> {
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 3, 0, 0, 0, 4];
    images.extend((0..144u32).map(|i| (i * 7 % 251) as u8));
    Ok(vec![images])
}

fn read_idx(input: &[u8], folder: &Path) -> Result<()> {
    let mut labels = vec![0, 0, 8, 1, 0, 0, 0, 12];
    labels.extend((0..12).map(|i| i % 3));
    for (part, images) in [("train", input), ("t10k", &idx()?[0])] {
        put(folder, &format!("set/{part}-images-idx3-ubyte"), images)?;
        put(folder, &format!("set/{part}-labels-idx1-ubyte"), &labels)?;
    }
    Idx { path: PathBuf::from("set"), n_validation: 2 }.load(folder)?;
    Ok(())
}

fn parquets() -> Result<Vec<Vec<u8>>> {
    let pictures = pictures(ImageFormat::Png)?;
    let schema = "message rows { optional group image { optional binary bytes; } required int64 label; }";
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer =
        SerializedFileWriter::new(&mut bytes, Arc::new(parse_message_type(schema)?), properties)?;
    let mut group = writer.next_row_group()?;
    if let Some(mut column) = group.next_column()? {
        let values: Vec<ByteArray> = (0..10).map(|i| ByteArray::from(pictures[i % 2].clone())).collect();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&[2; 10]), None)?;
        column.close()?;
    }
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&[0, 1, 2, 0, 1, 2, 0, 1, 2, 0], None, None)?;
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(vec![bytes])
}

fn read_parquet(input: &[u8], folder: &Path) -> Result<()> {
    put(folder, "images.parquet", input)?;
    let set = ParquetImages { path: PathBuf::from("images.parquet"), side: 8, split: SPLIT };
    set.load(folder)?;
    Ok(())
}
