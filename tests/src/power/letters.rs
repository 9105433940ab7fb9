//! Bytes in a recording: a text in which every byte is the letter of that number (Latin-1), so that text can be read and
//! everything else be kept.

use serde::{Deserialize, Deserializer, Serializer};

pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>())
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let byte = |letter| u8::try_from(letter).map_err(|_| serde::de::Error::custom(format!("{letter:?} is no byte")));
    text.chars().map(byte).collect()
}
