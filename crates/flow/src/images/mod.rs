//! Flows of images: pixels and levels, likelihoods beside a Gaussian's, Fréchet distances.

mod levels;

pub use self::levels::Levels;
