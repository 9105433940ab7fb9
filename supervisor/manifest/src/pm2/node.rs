//! JSON and YAML as one kind of tree, with keys in their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::file::LONGEST_FILE;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// Each key once.
    Table(Vec<(String, Node)>),
}

/// Why nothing of a file can be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// It is not JSON or YAML.
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is longer than [`LONGEST_FILE`](crate::LONGEST_FILE), or what is made of it would be.
    TooLong,
    /// It holds no app, or none that can be taken over; with the reasons.
    NoApps(String),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column, message } => write!(f, "{line}:{column}: {message}"),
            Self::TooLong => write!(f, "the file is longer than {LONGEST_FILE} bytes, or would be"),
            Self::NoApps(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ImportError {}

pub(super) fn from_json(text: &str) -> Result<Node, ImportError> {
    let text = checked(text)?;
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        // Its own words end with the place, which is told apart.
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        syntax(error.line(), error.column(), message)
    })
}

pub(super) fn from_yaml(text: &str) -> Result<Node, ImportError> {
    let text = checked(text)?;
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map(|place| (place.line(), place.column())).unwrap_or_default();
        let number = |number: u64| usize::try_from(number).unwrap_or_default();
        syntax(number(place.0), number(place.1), error.to_string().lines().next().unwrap_or_default())
    })
}

fn checked(text: &str) -> Result<&str, ImportError> {
    match text.len() > LONGEST_FILE {
        true => Err(ImportError::TooLong),
        false => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
    }
}

fn syntax(line: usize, column: usize, message: &str) -> ImportError {
    ImportError::Syntax { line: line.max(1), column: column.max(1), message: crate::diagnostic::printable(message) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or_else(|_| Node::Text(value.to_string()), Node::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(whole(value).map_or(Node::Float(value), Node::Integer))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut table: Vec<(String, Node)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        while let Some((key, value)) = entries.next_entry::<String, Node>()? {
            // As in JavaScript: the last one is meant.
            match places.get(&key) {
                Some(&place) => table[place] = (key, value),
                None => {
                    places.insert(key.clone(), table.len());
                    table.push((key, value));
                }
            }
        }
        Ok(Node::Table(table))
    }
}

/// JavaScript has one kind of number: 1e3 is as whole as 1000.
fn whole(value: f64) -> Option<i64> {
    /// Beyond this not every whole number is one of JavaScript's.
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    (value.fract() == 0.0 && value.abs() <= LARGEST).then_some(value as i64)
}
