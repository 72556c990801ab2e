//! The library's errors as exceptions of the package.

use std::error::Error as StdError;
use std::io::ErrorKind;

use interflow::{Error, flow};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

/// The exception of an error: with its text, its reasons and its hints, as the program writes them.
pub(crate) fn raised(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let outermost: &(dyn StdError + 'static) = &error;
    exception(class(&error), flow::explanation(std::iter::successors(Some(outermost), cause)))
}

/// What an error was caused by.
fn cause<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    (*error).source()
}

/// The exception of the package that refuses an argument.
pub(crate) fn refused(problem: impl Into<String>) -> PyErr {
    exception("Error", problem.into())
}

/// The exception of this class.
fn exception(class: &str, message: String) -> PyErr {
    if class == "KeyboardInterrupt" {
        return PyKeyboardInterrupt::new_err(message);
    }
    Python::attach(|py| {
        let found = py.import("interflow._errors").and_then(|module| module.getattr(class));
        match found.and_then(|class| class.call1((message,))) {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        }
    })
}

/// The name of the class that an error is.
fn class(error: &Error) -> &'static str {
    match error {
        Error::Cancelled => "KeyboardInterrupt",
        Error::During { source, .. } => class(source),
        Error::Config { .. } => "ConfigError",
        Error::NoCheckpoint { .. } => "NotFoundError",
        Error::Io { source, .. } if source.kind() == ErrorKind::NotFound => "NotFoundError",
        Error::Data(_) => "DataError",
        Error::Solver(_) => "SolverError",
        Error::Train(_) | Error::Transport(_) => "TrainingError",
        _ => "Error",
    }
}
