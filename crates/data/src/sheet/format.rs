//! The format of a table's text: what a user may say of it, and how the rest is recognised.
//!
//! What is recognised, and by what:
//!
//! - the encoding by a byte order mark, UTF-8 without one;
//! - the separator by a line `sep=;`, or as the one of `,` `;` tab `|` and blanks that makes the most numbers of the
//!   first lines;
//! - the decimal comma by numbers that allow no other reading (`2,5` but not `2,500`), or by `;` between fields; thousands
//!   marks by numbers that allow no other reading (`2,845.00`);
//! - a header by its first line: it holds no number, or text above numbers;
//! - missing values by the marks of [`TextFormat::MISSING_MARKS`].
//!
//! Text with two possible readings is refused, and the error names the option that decides.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The format of a table's text. What is `None` is recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextFormat {
    /// The encoding by its name on the web, such as `utf-16le` or `windows-1252`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The separator between fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<Separator>,
    /// The decimal mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// The mark between groups of three digits in large numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Thousands>,
    /// Whether the first line names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The numbers of lines to leave out, counted from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_rows: Vec<u64>,
    /// Further texts that stand for a missing value, beside [`TextFormat::MISSING_MARKS`], in upper or lower case. A
    /// number stands for all its spellings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_marks: Vec<String>,
}

impl TextFormat {
    /// The texts that always stand for a missing value, in upper or lower case; an empty field does too.
    pub const MISSING_MARKS: [&str; 30] = [
        "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "(null)", "\\n", "none", "nil",
        "nat", "missing", "?", "-", "--", "–", "—", ".", "..", "#div/0!", "#value!", "#ref!", "#num!",
        "#name?", "#null!", "1.#qnan", "-1.#ind",
    ];

    /// Whether everything is to be recognised.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses marks that contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        let same = match (self.decimal, self.thousands) {
            (Some(Decimal::Point), Some(Thousands::Point)) => Some('.'),
            (Some(Decimal::Comma), Some(Thousands::Comma)) => Some(','),
            _ => None,
        };
        match same {
            None => Ok(()),
            Some(mark) => {
                let problem = format!("one mark cannot be the decimal and the thousands mark, found: {mark}");
                Err(Error::Rows { problem })
            }
        }
    }
}

/// A separator between fields: an ASCII character, or any number of blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Separator(u8);

impl Separator {
    /// The comma, `,`.
    pub const COMMA: Self = Self(b',');
    /// The semicolon, `;`.
    pub const SEMICOLON: Self = Self(b';');
    /// The tab.
    pub const TAB: Self = Self(b'\t');
    /// The vertical bar, `|`.
    pub const PIPE: Self = Self(b'|');
    /// One or more blanks or tabs.
    pub const BLANKS: Self = Self(b' ');

    /// The sign's byte.
    pub(super) fn byte(self) -> u8 {
        self.0
    }
}

impl TryFrom<String> for Separator {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        match text.as_str() {
            "tab" | "\\t" => Ok(Self::TAB),
            "blanks" | "space" => Ok(Self::BLANKS),
            "comma" => Ok(Self::COMMA),
            "semicolon" => Ok(Self::SEMICOLON),
            "pipe" => Ok(Self::PIPE),
            other => match other.as_bytes() {
                [sign] if *sign == b'\t' || *sign == b' ' => Ok(Self(*sign)),
                [sign] if sign.is_ascii_punctuation() && !b"\"'.+-#".contains(sign) => Ok(Self(*sign)),
                _ => {
                    Err(format!("a separator is one sign, as `;` or `|`, or tab or blanks, found: {other:?}"))
                }
            },
        }
    }
}

impl From<Separator> for String {
    fn from(separator: Separator) -> Self {
        match separator {
            Separator::TAB => "tab".to_owned(),
            Separator::BLANKS => "blanks".to_owned(),
            Separator(sign) => char::from(sign).to_string(),
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(*self))
    }
}

/// A decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decimal {
    /// The point, `.`.
    #[serde(rename = ".", alias = "point")]
    Point,
    /// The comma, `,`.
    #[serde(rename = ",", alias = "comma")]
    Comma,
}

/// A mark between groups of three digits in large numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Thousands {
    /// The comma, `,`.
    #[serde(rename = ",", alias = "comma")]
    Comma,
    /// The point, `.`.
    #[serde(rename = ".", alias = "point")]
    Point,
    /// The apostrophe, `'`. It is also recognised without being set.
    #[serde(rename = "'", alias = "apostrophe")]
    Apostrophe,
    /// A blank. A no-break space is also recognised without being set.
    #[serde(rename = " ", alias = "blank", alias = "space")]
    Blank,
}

/// Whether the first line names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// The first line names the columns.
    Yes,
    /// The first line is a row like the others.
    No,
}
