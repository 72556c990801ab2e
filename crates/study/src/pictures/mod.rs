//! Pictures of flows of images: sheets of samples, test images on their way to the base and back, the samples that are
//! drawn while a flow is trained.

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
