//! What training leaves behind, the run folder and its records, and how a run is resumed from it.

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
mod training_time;

pub use self::folder::RunFolder;
pub use self::history::History;
pub(crate) use self::place::Place;
pub(crate) use self::recorder::Recorder;
pub(crate) use self::resume::ResumePoint;
