//! Signaling as JSON text: what a frame asks, and how a message is written.
//!
//! Fields are passed on in the order in which they were sent, and what is in them is not looked at.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::Value;

use crate::message::{Fields, Message, Refusal, Request, Signal};

/// The longest room or user id, in bytes; clients use some tens.
pub const LONGEST_ID: usize = 256;
/// The most fields of one message; clients use some four.
const MOST_FIELDS: usize = 64;
/// The field that the hub alone writes.
const FROM: &str = "fromUserId";

/// What a frame asks; `None` if it is of a type that nobody here knows, which is ignored.
///
/// # Errors
/// What to answer if it makes no sense.
pub fn parse(frame: &[u8]) -> Result<Option<Request>, Refusal> {
    // Browsers send text; a binary frame counts as text, whatever is in it.
    let text = String::from_utf8_lossy(frame);
    let fields = match serde_json::from_str(&text).map_err(|_| Refusal::InvalidFormat)? {
        Frame::Null => return Err(Refusal::InvalidFormat),
        Frame::Other => return Ok(None),
        Frame::Object(fields) => fields,
    };
    match text_at(&fields, "type") {
        Some("join-room") => join(&fields).map(Some),
        Some("offer" | "answer" | "ice-candidate") => Ok(Some(Request::Relay(signal(fields)))),
        Some("leave-room") => Ok(Some(Request::Leave)),
        Some(_) | None => Ok(None),
    }
}

/// The frame's text.
pub fn print(message: &Message) -> String {
    serde_json::to_string(&Printed(message)).expect("a message has text for keys and nothing that JSON lacks")
}

fn join(fields: &Fields) -> Result<Request, Refusal> {
    let id = |name| text_at(fields, name).filter(|id| !id.is_empty());
    let (Some(room), Some(user)) = (id("roomId"), id("userId")) else { return Err(Refusal::RoomAndUserRequired) };
    if room.len() > LONGEST_ID || user.len() > LONGEST_ID {
        return Err(Refusal::NameTooLong);
    }
    Ok(Request::Join { room: room.to_owned(), user: user.to_owned() })
}

fn signal(fields: Fields) -> Signal {
    let room = text_at(&fields, "roomId").map(str::to_owned);
    let target = value_at(&fields, "targetUserId").filter(|value| says_something(value)).cloned();
    Signal { room, target, fields }
}

/// What JavaScript calls truthy: existing clients send `null` or an empty text when they mean everybody.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => true,
    }
}

fn value_at<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

fn text_at<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    value_at(fields, name)?.as_str()
}

struct Printed<'a>(&'a Message);

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Message::Joined { room, user, participants } => {
                map.serialize_entry("type", "joined-room")?;
                map.serialize_entry("roomId", room)?;
                map.serialize_entry("userId", user)?;
                map.serialize_entry("participants", participants)?;
            }
            Message::UserJoined { user } => {
                map.serialize_entry("type", "user-joined")?;
                map.serialize_entry("userId", user)?;
            }
            Message::UserLeft { user } => {
                map.serialize_entry("type", "user-left")?;
                map.serialize_entry("userId", user)?;
            }
            Message::Relayed { fields, from } => {
                // A sender that names itself is not believed.
                for (name, value) in fields.iter().filter(|(name, _)| name != FROM) {
                    map.serialize_entry(name, value)?;
                }
                map.serialize_entry(FROM, from)?;
            }
            Message::Refused(refusal) => {
                map.serialize_entry("type", "error")?;
                map.serialize_entry("message", &refusal.to_string())?;
            }
        }
        map.end()
    }
}

/// Any JSON value, looked at as closely as signaling needs.
enum Frame {
    Null,
    Object(Fields),
    Other,
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FrameVisitor)
    }
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Frame;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Frame, A::Error> {
        let mut fields = Fields::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            // As in JavaScript, the last of several values counts, in the place of the first.
            match fields.iter().position(|(known, _)| *known == name) {
                Some(at) => fields[at].1 = value,
                None if fields.len() == MOST_FIELDS => return Err(A::Error::custom("too many fields")),
                None => fields.push((name, value)),
            }
        }
        Ok(Frame::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Frame, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Frame::Other)
    }

    fn visit_unit<E>(self) -> Result<Frame, E> {
        Ok(Frame::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Frame, E> {
        Ok(Frame::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Frame, E> {
        Ok(Frame::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Frame, E> {
        Ok(Frame::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Frame, E> {
        Ok(Frame::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Frame, E> {
        Ok(Frame::Other)
    }
}

#[cfg(test)]
mod tests;
