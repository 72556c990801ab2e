//! Several figures as an animated PNG file.
//!
//! An animated PNG file is a PNG file: programs that know no animations show its first frame. Browsers and chat
//! programs play it.

use image::{Rgb, RgbImage, imageops};
use png::{BitDepth, ColorType, Compression, Encoder};

use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::raster;

/// Pixels to a point: a file of many frames wants fewer than one picture.
const SHARPNESS: f64 = 1.25;

/// The figures as the bytes of an animated PNG file that plays forever. Each figure is shown for `delay` hundredths
/// of a second, the last ten times as long. The animation has the size of the first figure; larger ones are cut,
/// smaller ones stand on white.
///
/// ```
/// use interflow_figure::{animation, trajectories_image};
///
/// # fn main() -> interflow_figure::Result<()> {
/// let frames: Vec<_> = (1..4).map(|n| trajectories_image(&[vec![[0.1 * f64::from(n); 2]]], 1.0)).collect();
/// assert!(animation(&frames, 10)?.starts_with(b"\x89PNG"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Empty`] if there are no figures or one has no area; [`Error::Animate`] if the file cannot be encoded.
pub fn animation(frames: &[Figure], delay: u16) -> Result<Vec<u8>> {
    let (Some(first), Some(last)) = (frames.first(), frames.len().checked_sub(1)) else {
        return Err(Error::Empty);
    };
    let (width, height) = image_of(first)?.dimensions();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    encoder.set_animated(u32::try_from(frames.len()).unwrap_or(u32::MAX), 0)?;
    encoder.set_frame_delay(delay, 100)?;
    let mut writer = encoder.write_header()?;
    for (number, frame) in frames.iter().enumerate() {
        if number == last {
            writer.set_frame_delay(delay.saturating_mul(10), 100)?;
        }
        let mut page = RgbImage::from_pixel(width, height, Rgb([255; 3]));
        imageops::replace(&mut page, &image_of(frame)?, 0, 0);
        writer.write_image_data(&page)?;
    }
    writer.finish()?;
    Ok(bytes)
}

fn image_of(frame: &Figure) -> Result<RgbImage> {
    raster::render(&frame.scene, SHARPNESS).ok_or(Error::Empty)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::trajectory::trajectories_image;

    fn frame(n: usize) -> Figure {
        trajectories_image(&[(0..=n).map(|k| [0.1 * k as f64; 2]).collect()], 1.0)
    }

    #[test]
    fn a_reader_finds_all_frames() {
        let frames = [frame(1), frame(2), frame(3)];
        let bytes = animation(&frames, 8).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
        assert_eq!(reader.info().animation_control().map(|control| control.num_frames), Some(3));
        let mut page = vec![0; reader.output_buffer_size().unwrap()];
        for frame in frames {
            reader.next_frame(&mut page).unwrap();
            assert_eq!(page, image_of(&frame).unwrap().into_raw());
        }
        assert_eq!(animation(&[frame(1), frame(2), frame(3)], 8).unwrap(), bytes);
    }

    #[test]
    fn nothing_cannot_be_animated() {
        assert!(matches!(animation(&[], 5), Err(Error::Empty)));
    }
}
