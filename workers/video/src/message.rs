//! What clients ask, what they are told, and why they are refused: the words of signaling, without their spelling on the
//! wire.

use serde_json::Value;

/// One connection. Its number is never used again, so it also tells one holder of a seat from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// A message's fields, in the order in which they were sent.
pub type Fields = Vec<(String, Value)>;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// A seat in a room.
    Join { room: String, user: String },
    /// To pass something on to the other one in the room.
    Relay(Signal),
    /// To be in no room.
    Leave,
}

/// An offer, an answer or a candidate. What is in it is between the two browsers.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The room that it is meant for, if it says so.
    pub room: Option<String>,
    /// The user that it is meant for, if it says so.
    pub target: Option<Value>,
    /// All of it, to be passed on as it is.
    pub fields: Fields,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// You sit in this room, with these.
    Joined { room: String, user: String, participants: Vec<String> },
    /// Somebody sat down. If you already talk with them, they begin anew.
    UserJoined { user: String },
    /// Somebody left.
    UserLeft { user: String },
    /// Somebody's signal.
    Relayed { fields: Fields, from: String },
    /// What you asked for is not done.
    Refused(Refusal),
}

/// Why not. Existing clients compare these texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Room ID and User ID required")]
    RoomAndUserRequired,
    #[error("Room is full")]
    RoomIsFull,
    #[error("Invalid room")]
    InvalidRoom,
    #[error("Invalid message format")]
    InvalidFormat,
    #[error("Too many rooms")]
    TooManyRooms,
    #[error("Room ID or User ID too long")]
    NameTooLong,
}

/// A message on its way to one client.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub to: ClientId,
    pub message: Message,
}
