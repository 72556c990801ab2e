//! One encoded picture, in JPEG, PNG, WebP, GIF, BMP or TIFF, as bytes; of several in a file, the first.
//!
//! For a square, the picture is turned upright, cut to its central square and, unless it has the wanted side already, resized by a
//! cubic filter that is widened with the scale, so that details smaller than a pixel are averaged.

use std::io::Cursor;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Grey;
use super::guard::caught;

/// The marks in a JPEG file of its end and of a scan's beginning.
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// A decoder of bytes in memory.
type Jpeg<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

/// Every file may hold so many pixels, one of a single colour too.
const FLOOR: u64 = 1 << 24;
/// Larger files may hold so many for each of their bytes, and none may hold more than the last of these numbers.
const PER_BYTE: u64 = 256;
const CEILING: u64 = 1 << 27;
/// A byte of a JPEG file stands for no more pixels: each block of 64 takes one bit at least.
const PER_JPEG_BYTE: u64 = 512;
/// Memory that a decoder of another format may take, in bytes.
const MAX_MEMORY: u64 = 1 << 30;

/// The bytes `[3, side, side]` of an encoded picture; what is wrong with it otherwise.
pub(crate) fn square(encoded: &[u8], side: u32) -> Result<Vec<u8>, String> {
    let picture = guarded(|| Ok(decoded(encoded)?.to_rgb8()))?;
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
pub(crate) fn grey(encoded: &[u8]) -> Result<Grey, String> {
    guarded(|| {
        let (pixels, decoder) = pixels(encoded, ColorSpace::Luma)?;
        let (width, height) = decoder.dimensions().unwrap_or_default();
        Ok(Grey { width, height, pixels })
    })
}

/// What `decode` gives, or that the picture is damaged if it panics.
fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    caught(decode).unwrap_or_else(|| Err("not a whole picture: its decoder gave up".to_owned()))
}

/// Refuses a picture of more pixels than `n_bytes` can be believed to hold.
fn check_size((width, height): (u64, u64), n_bytes: usize) -> Result<(), String> {
    let allowed = CEILING.min(FLOOR.max(PER_BYTE.saturating_mul(n_bytes as u64)));
    if width.checked_mul(height).is_some_and(|n| n <= allowed) {
        return Ok(());
    }
    Err(format!(
        "a picture of {width}×{height} pixels in {n_bytes} bytes is not read, at most {allowed} pixels are\n\
         hint: its header is damaged, or it is made to fill the memory; if it is neither, make it smaller first"
    ))
}

/// The picture, upright.
fn decoded(encoded: &[u8]) -> Result<DynamicImage, String> {
    let format = image::guess_format(encoded)
        .map_err(|_| "not a picture in JPEG, PNG, WebP, GIF, BMP or TIFF".to_owned())?;
    if format == ImageFormat::Jpeg {
        return jpeg(encoded);
    }
    let damaged = |error: image::ImageError| format!("not a whole picture: {error}");
    let mut decoder =
        ImageReader::with_format(Cursor::new(encoded), format).into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check_size((width.into(), height.into()), encoded.len())?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    decoder.set_limits(limits).map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The strict mode of this decoder refuses cut files, which others fill up with grey, unless only the last few pixels
/// are missing. The end's mark is, like the scan's, no part of what a scan encodes.
fn jpeg(encoded: &[u8]) -> Result<DynamicImage, String> {
    let (pixels, decoder) = pixels(encoded, ColorSpace::RGB)?;
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

/// The pixels of a JPEG picture, and the decoder that knows the rest.
fn pixels(encoded: &[u8], colours: ColorSpace) -> Result<(Vec<u8>, Jpeg<'_>), String> {
    let damaged = |error| format!("not a whole JPEG file: {error}");
    let options = DecoderOptions::default().jpeg_set_out_colorspace(colours).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(encoded), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let size = (width as u64, height as u64);
    check_size(size, encoded.len())?;
    if size.0 * size.1 > PER_JPEG_BYTE * encoded.len() as u64 {
        return Err(format!(
            "not a whole JPEG file: {} bytes cannot hold {width}×{height} pixels",
            encoded.len()
        ));
    }
    let pixels = decoder.decode().map_err(damaged)?;
    Ok((pixels, decoder))
}

/// Channel after channel.
fn planes(picture: &RgbImage) -> Vec<u8> {
    let channel = |c: usize| picture.pixels().map(move |pixel| pixel.0[c]);
    (0..3).flat_map(channel).collect()
}
