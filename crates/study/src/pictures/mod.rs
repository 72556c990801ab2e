//! Pictures for flows of images: sheets of samples, test images carried to the base and back, and the samples that
//! are drawn during training.

mod fid;
mod picture;
mod progress;
mod reconstruction;
mod sheets;

pub(crate) use self::fid::section;
pub use self::picture::picture;
pub use self::progress::ProgressSheet;
pub use self::reconstruction::reconstruct;
pub use self::sheets::draw_sheets;
