//! The rows of a file that names its columns, whatever decoder reads them.

use crate::error::Result;

/// The columns' names, and the rows in their order.
pub(crate) struct Records {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Box<dyn Iterator<Item = Result<Vec<Value>>>>,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "only a decoder makes values"))]
pub(crate) enum Value {
    /// An integer or a truth value, 0 or 1.
    Integer(i64),
    /// Bytes, bare or as the part `bytes` of a group.
    Bytes(Vec<u8>),
    /// Any other value as a table's text; a missing one is empty, and numbers have all their digits.
    Text(String),
}

impl Value {
    /// The value as a table's text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Bytes(bytes) => format!("{bytes:?}"),
            Self::Text(text) => text,
        }
    }
}
