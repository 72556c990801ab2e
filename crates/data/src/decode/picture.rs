//! One encoded picture, JPEG, PNG or WebP, as bytes.
//!
//! For a square, the picture is turned upright, cut to its central square and, unless it has the wanted side already, resized by a
//! cubic filter that is widened with the scale, so that details smaller than a pixel are averaged.

use std::io::Cursor;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Grey;

/// The marks in a JPEG file of its end and of a scan's beginning.
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// The bytes `[3, side, side]` of an encoded picture; what is wrong with it otherwise.
pub(crate) fn square(encoded: &[u8], side: u32) -> Result<Vec<u8>, String> {
    let picture = decoded(encoded)?.to_rgb8();
    let (width, height) = picture.dimensions();
    let edge = width.min(height);
    if edge == 0 {
        return Err(format!("the picture has no pixels: {width}×{height}"));
    }
    let (left, top) = ((width - edge) / 2, (height - edge) / 2);
    let square = image::imageops::crop_imm(&picture, left, top, edge, edge);
    Ok(planes(&if edge == side {
        square.to_image()
    } else {
        image::imageops::resize(&*square, side, side, FilterType::CatmullRom)
    }))
}

/// The luma of a JPEG picture, which is 0.299 R + 0.587 G + 0.114 B; what is wrong with it otherwise.
pub(crate) fn grey(encoded: Vec<u8>) -> Result<Grey, String> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(encoded), options);
    let pixels = decoder.decode().map_err(|error| format!("not a whole JPEG file: {error}"))?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    Ok(Grey { width, height, pixels })
}

/// The picture, upright.
fn decoded(encoded: &[u8]) -> Result<DynamicImage, String> {
    let format = image::guess_format(encoded).map_err(|_| "not a picture in JPEG, PNG or WebP".to_owned())?;
    if format == ImageFormat::Jpeg {
        return jpeg(encoded);
    }
    let damaged = |error: image::ImageError| format!("not a whole picture: {error}");
    let mut decoder =
        ImageReader::with_format(Cursor::new(encoded), format).into_decoder().map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The strict mode of this decoder refuses cut files, which others fill up with grey, unless only the last few pixels
/// are missing. The end's mark is, like the scan's, no part of what a scan encodes.
fn jpeg(encoded: &[u8]) -> Result<DynamicImage, String> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(encoded), options);
    let pixels = decoder.decode().map_err(|error| format!("not a whole JPEG file: {error}"))?;
    let last = |mark| encoded.windows(2).rposition(|bytes| bytes == [0xff, mark]);
    if last(END) < last(SCAN) {
        return Err("not a whole JPEG file: its end is missing".to_owned());
    }
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let picture = RgbImage::from_raw(width as u32, height as u32, pixels);
    let mut picture = DynamicImage::from(picture.ok_or("not a JPEG file of colours or greys")?);
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    picture.apply_orientation(orientation.unwrap_or(Orientation::NoTransforms));
    Ok(picture)
}

/// Channel after channel.
fn planes(picture: &RgbImage) -> Vec<u8> {
    let channel = |c: usize| picture.pixels().map(move |pixel| pixel.0[c]);
    (0..3).flat_map(channel).collect()
}
