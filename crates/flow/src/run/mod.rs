//! What training leaves behind: the run's folder, its records, and where it goes on.

mod environment;
mod events;
mod folder;
mod history;
mod metrics;
mod place;
mod recorder;
pub(crate) mod restart;
mod resume;
mod superseded;

pub use self::folder::RunFolder;
pub use self::history::History;
pub(crate) use self::place::Place;
pub use self::recorder::Recorder;
pub use self::resume::ResumePoint;
