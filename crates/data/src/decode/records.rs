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
    /// The value as a table's text. Bytes may be letters of which the file does not say it.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Bytes(bytes) => match String::from_utf8(bytes) {
                Ok(text) if !text.contains(is_no_letter) => text,
                Ok(text) => format!("{:?}", text.into_bytes()),
                Err(error) => format!("{:?}", error.into_bytes()),
            },
            Self::Text(text) => text,
        }
    }
}

/// Whether a sign has no place in a text.
fn is_no_letter(sign: char) -> bool {
    sign.is_control() && !sign.is_whitespace()
}
