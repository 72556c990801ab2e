//! How the text of a table is written: what a user may say of it, and what is recognised otherwise.
//!
//! What is recognised, and how:
//!
//! - the encoding by a byte order mark, UTF-8 without one;
//! - the separator by a line `sep=;`, or as the one of `,` `;` tab `|` and blanks that makes the most numbers of the
//!   first lines;
//! - the decimal comma by numbers that allow no other reading (`2,5` but not `2,500`), or by `;` between fields; thousands
//!   marks by numbers that allow no other reading (`2,845.00`);
//! - a header by its first line: it holds no number, or text above numbers;
//! - missing values by the marks of [`TextFormat::MISSING_MARKS`].
//!
//! What allows two readings is refused, and the refusal names the option that decides.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the text of a table is read. What is `None` is recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextFormat {
    /// The encoding by its name on the web, as `utf-16le` or `windows-1252`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What stands between fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<Separator>,
    /// The decimal mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// What groups the digits of large numbers by three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Thousands>,
    /// Whether the first line names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The lines of the file that are left out, counted from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_rows: Vec<u64>,
    /// What stands for a missing value beside [`TextFormat::MISSING_MARKS`], in any case of letters; a number stands for
    /// all its spellings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_marks: Vec<String>,
}

impl TextFormat {
    /// What always stands for a missing value, in any case of letters; so does an empty field.
    pub const MISSING_MARKS: [&str; 30] = [
        "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "(null)", "\\n", "none", "nil",
        "nat", "missing", "?", "-", "--", "–", "—", ".", "..", "#div/0!", "#value!", "#ref!", "#num!",
        "#name?", "#null!", "1.#qnan", "-1.#ind",
    ];

    /// Whether everything is recognised.
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

/// What stands between fields: an ASCII sign, or any number of blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Separator(u8);

impl Separator {
    /// `,`
    pub const COMMA: Self = Self(b',');
    /// `;`
    pub const SEMICOLON: Self = Self(b';');
    /// The tab.
    pub const TAB: Self = Self(b'\t');
    /// `|`
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
    /// `.`
    #[serde(rename = ".", alias = "point")]
    Point,
    /// `,`
    #[serde(rename = ",", alias = "comma")]
    Comma,
}

/// A mark between groups of three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Thousands {
    /// `,`
    #[serde(rename = ",", alias = "comma")]
    Comma,
    /// `.`
    #[serde(rename = ".", alias = "point")]
    Point,
    /// `'`; it is recognised.
    #[serde(rename = "'", alias = "apostrophe")]
    Apostrophe,
    /// A blank; one that allows no break is recognised.
    #[serde(rename = " ", alias = "blank", alias = "space")]
    Blank,
}

/// Whether the first line names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// It does.
    Yes,
    /// It is a row like the others.
    No,
}
