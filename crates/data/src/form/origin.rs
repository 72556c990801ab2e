//! A whole number of any size in formats that have only those of 64 bits: one beyond them is written as text.

use serde::{Deserialize, Deserializer, Serialize as _, Serializer, de};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Text(String),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn serialize<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    match i64::try_from(*number) {
        Ok(number) => number.serialize(serializer),
        Err(_) => number.to_string().serialize(serializer),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Number(number) => Ok(number.into()),
        Written::Text(text) => text.parse().map_err(de::Error::custom),
    }
}
