//! Whole experiments: from a config's text to a run's folder with a trained flow, its numbers, its figures and its report.
//!
//! [`Runner`] is the way in. It trains the flow that a config describes, evaluates it, studies it, draws it and writes all
//! of it down; it also compares the variants of an experiment, studies a flow that was trained before, and runs the
//! experiments that need no training.
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
//! **A study** is what a config's table `[study]` asks for beyond the usual numbers of a trained flow: [`StudyConfig`],
//! with a module of its own for each kind in [`study`]. It is given a [`Subject`] and answers with [`Findings`]: numbers for
//! the result, sections of the report, and figures that it has drawn. [`untrained`] holds the studies that train no flow of
//! theirs or none at all.
//!
//! **The report** of a run is a [`Document`], written as `report.md` and as `report.html`, which holds its figures.
//!
//! **Figures** of a flow are drawn by [`report`], those of flows of images by [`pictures`].

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
