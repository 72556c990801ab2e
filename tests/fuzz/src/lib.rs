//! Damaged inputs for all that reads what comes from elsewhere: tables, arrays, pictures, checkpoints, configs.
//!
//! A [`Reader`] has a few whole inputs. Input number i under a seed is one of these, [`damaged`](mutation::damaged) as a
//! function of (seed, reader, i) alone, so that a number found by a long search is enough to look at it again. A reader
//! may refuse an input, and must do nothing else with it: no panic, no abort, no hang, no gigabytes.
//!
//! [`worker`] reads inputs and says how it goes; [`campaign`] watches workers, which may die, in processes of their own.

pub mod campaign;
pub mod mutation;
pub mod reader;
pub mod readers;
pub mod worker;

pub use campaign::{Campaign, Fault, Kind};
pub use reader::Reader;
