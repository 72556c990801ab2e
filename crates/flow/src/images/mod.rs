//! Flows of images: pixels and levels, Gaussians to compare with, nearest training images, Fréchet distances.

pub mod fid;
pub mod gaussian;
mod levels;
pub mod neighbours;
mod space;

pub use self::levels::Levels;
pub(crate) use self::levels::check_states;
pub use self::neighbours::{Nearest, nearest};
pub use self::space::{ImageSpace, spread, test_noise};
