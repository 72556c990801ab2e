//! Whole experiments: from the text of a config to a run folder with a trained flow, its numbers, its figures and its
//! report.
//!
//! [`Runner`] is the entry point. It trains the flow that a config describes, evaluates, studies and draws it, and
//! writes everything into a run folder. It also compares the variants of an experiment, studies a flow that was
//! trained before, and runs the experiments that need no training.
//!
//! ```no_run
//! use interflow_study::{ConfigText, Ended, Runner};
//! use interflow_train::Silent;
//!
//! # fn main() -> anyhow::Result<()> {
//! let text = std::fs::read_to_string("configs/checkerboard.toml")?;
//! let config = ConfigText { text: &text, place: "configs/checkerboard.toml", overrides: &[] };
//! if let Ended::Finished(finished) = Runner::default().experiment(&config, &mut Silent)? {
//!     println!("{}", finished.folder.path().display());
//!     for (name, value) in interflow_study::report::rows(&finished.results) {
//!         println!("{name}: {value}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **A study** is what the table `[study]` of a config asks for beyond the evaluation of a trained flow:
//! [`StudyConfig`], with a module for each kind in [`study`]. It gets a [`Subject`] and returns [`Findings`]: numbers
//! for the result, sections for the report, and figures that it has drawn. The studies in [`untrained`] train no
//! flow, or only flows of their own.
//!
//! **The report** of a run is a [`Document`], written as `report.md` and as `report.html`, which contains its
//! figures.
//!
//! **Figures** of a flow are drawn by [`report`], and those of a flow of images by [`pictures`].

#![deny(missing_docs)]

mod calls;
pub mod config_text;
pub mod document;
mod drawing;
pub mod findings;
pub mod pictures;
pub mod report;
pub mod runner;
mod scheme_name;
pub mod study;
pub mod subject;
pub mod untrained;

pub use config_text::ConfigText;
pub use document::{Block, Document};
pub use findings::Findings;
pub use runner::{Ended, Finished, Runner};
pub use study::StudyConfig;
pub use subject::Subject;
