//! The shape of an image.

use std::fmt;

use crate::error::{Error, Result};

/// The numbers of channels, rows and columns of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageShape {
    /// The number of colour channels.
    pub channels: i64,
    /// The number of rows.
    pub height: i64,
    /// The number of columns.
    pub width: i64,
}

impl ImageShape {
    /// The number D of values: channels × height × width.
    pub const fn dim(&self) -> i64 {
        self.channels * self.height * self.width
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// Checks the side of the squares that pictures become.
pub(super) fn check_side(side: u32) -> Result<()> {
    let problem = format!("side must be in 1..=4096, found: {side}");
    if (1..=4096).contains(&side) { Ok(()) } else { Err(Error::Images { problem }) }
}
