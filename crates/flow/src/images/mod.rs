//! Flows of images: levels of pixels, Gaussians to compare with, nearest training images and Fréchet distances.

pub mod fid;
pub mod gaussian;
mod levels;
pub mod neighbours;
mod space;

pub use self::levels::Levels;
pub(crate) use self::levels::check_states;
pub use self::neighbours::{Nearest, nearest};
pub use self::space::{ImageSpace, spread, test_noise};
