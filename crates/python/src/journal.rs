//! What the library logs, for Python's `logging.getLogger("interflow")`.
//!
//! Messages are kept until a thread that holds the interpreter lock hands them over: who logs may be waited for by one.

use std::fmt::Debug;
use std::sync::Mutex;

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, registry};

use crate::mutex::lock;

/// Messages with their levels in Python, the oldest first.
static KEPT: Mutex<Vec<(u8, String)>> = Mutex::new(Vec::new());

/// Begins to keep what is logged.
pub(crate) fn keep() {
    // Where another module of the process has a subscriber already, that one hears it.
    let _ = registry().with(Keeper.with_filter(LevelFilter::INFO)).try_init();
}

/// Hands over what was logged.
pub(crate) fn hand_over(py: Python<'_>) -> PyResult<()> {
    let kept = std::mem::take(&mut *lock(&KEPT));
    if kept.is_empty() {
        return Ok(());
    }
    let logger = py.import("logging")?.call_method1("getLogger", ("interflow",))?;
    kept.into_iter()
        .try_for_each(|(level, message)| logger.call_method1("log", (level, "%s", message)).map(drop))
}

struct Keeper;

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => 40,
            Level::WARN => 30,
            Level::INFO => 20,
            _ => 10,
        };
        let mut message = Message(String::new());
        event.record(&mut message);
        lock(&KEPT).push((level, message.0));
    }
}

/// The message among an event's fields.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
