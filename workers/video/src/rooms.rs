//! The rules of rooms: who sits where, and who is told what. No sockets and no clock: events in, deliveries out.
//!
//! * A room has two seats, and a client sits in one room: joining a second leaves the first.
//! * A seat belongs to a user and is held by one connection. The same user's newest connection takes the seat over; the
//!   old connection is then in no room, so its close changes nothing.
//! * A connection that breaks keeps its seat for a moment (`client.rs` says how long), so that whoever comes back finds it
//!   and the other one is not told that they left.
//! * Only those who sit in a room hear what is said in it, and the hub says who said it.

use std::collections::HashMap;

use serde_json::Value;

use crate::message::{ClientId, Delivery, Message, Refusal, Request, Signal};

/// Seats of a room.
pub const SEATS: usize = 2;
/// Rooms at once of a resident; a home needs one.
pub const MOST_ROOMS: usize = 128;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A client asked for something.
    Asked(ClientId, Request),
    /// A client is gone for good.
    Closed(ClientId),
}

/// Whom a signal reaches that names a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targeting {
    /// The other one in the room: the name is a field like any other.
    Ignored,
    /// That user only, and nobody if they are not in the room.
    Honoured,
}

/// All rooms of a resident.
#[derive(Debug)]
pub struct Rooms {
    targeting: Targeting,
    /// Never an empty room.
    rooms: HashMap<String, Vec<Seat>>,
    /// The room in which each client sits.
    places: HashMap<ClientId, String>,
}

#[derive(Debug)]
struct Seat {
    user: String,
    holder: ClientId,
}

impl Rooms {
    /// No rooms yet.
    pub fn new(targeting: Targeting) -> Self {
        Self { targeting, rooms: HashMap::new(), places: HashMap::new() }
    }

    /// How many rooms somebody sits in.
    pub fn count(&self) -> usize {
        self.rooms.len()
    }

    /// Applies an event.
    pub fn handle(&mut self, event: Event) -> Vec<Delivery> {
        match event {
            Event::Asked(client, Request::Join { room, user }) => self.join(client, room, user),
            Event::Asked(client, Request::Relay(signal)) => self.relay(client, signal),
            Event::Asked(client, Request::Leave) | Event::Closed(client) => self.leave(client),
        }
    }

    fn join(&mut self, client: ClientId, room: String, user: String) -> Vec<Delivery> {
        if let Some(refusal) = self.refusal(client, &room, &user) {
            return vec![Delivery { to: client, message: Message::Refused(refusal) }];
        }
        // The seat is emptied before the client leaves its old room: whoever joins again as the same user keeps the
        // seat, so nobody hears that they left.
        self.vacate(&room, &user);
        let mut told = self.leave(client);
        let seats = self.rooms.entry(room.clone()).or_default();
        let participants = seats.iter().map(|seat| seat.user.clone()).collect();
        let news =
            seats.iter().map(|seat| (seat.holder, Message::UserJoined { user: user.clone() })).collect::<Vec<_>>();
        seats.push(Seat { user: user.clone(), holder: client });
        self.places.insert(client, room.clone());
        told.push(Delivery { to: client, message: Message::Joined { room, user, participants } });
        told.extend(news.into_iter().map(|(to, message)| Delivery { to, message }));
        told
    }

    fn refusal(&self, client: ClientId, room: &str, user: &str) -> Option<Refusal> {
        let Some(seats) = self.rooms.get(room) else {
            return (self.rooms.len() >= MOST_ROOMS).then_some(Refusal::TooManyRooms);
        };
        let taken = seats.iter().filter(|seat| seat.user != user && seat.holder != client).count();
        (taken >= SEATS).then_some(Refusal::RoomIsFull)
    }

    /// Ends the hold on this user's seat, without a word: somebody is about to sit down there as the same user.
    fn vacate(&mut self, room: &str, user: &str) {
        let Some(seats) = self.rooms.get_mut(room) else { return };
        for seat in seats.extract_if(.., |seat| seat.user == user) {
            self.places.remove(&seat.holder);
        }
        self.forget_if_empty(room);
    }

    /// A client without a seat leaves nothing: that is how an old connection's close does no harm.
    fn leave(&mut self, client: ClientId) -> Vec<Delivery> {
        let Some(room) = self.places.remove(&client) else { return Vec::new() };
        let Some(seats) = self.rooms.get_mut(&room) else { return Vec::new() };
        let left: Vec<_> = seats.extract_if(.., |seat| seat.holder == client).map(|seat| seat.user).collect();
        let told = seats
            .iter()
            .flat_map(|seat| left.iter().map(|user| (seat.holder, Message::UserLeft { user: user.clone() })))
            .map(|(to, message)| Delivery { to, message })
            .collect();
        self.forget_if_empty(&room);
        told
    }

    fn forget_if_empty(&mut self, room: &str) {
        if self.rooms.get(room).is_some_and(Vec::is_empty) {
            self.rooms.remove(room);
        }
    }

    fn relay(&self, client: ClientId, signal: Signal) -> Vec<Delivery> {
        let Some((seats, from)) = self.seat_of(client, signal.room.as_deref()) else {
            return vec![Delivery { to: client, message: Message::Refused(Refusal::InvalidRoom) }];
        };
        seats
            .iter()
            .filter(|seat| seat.holder != client && self.is_meant(&signal, seat))
            .map(|seat| Delivery {
                to: seat.holder,
                message: Message::Relayed { fields: signal.fields.clone(), from: from.to_owned() },
            })
            .collect()
    }

    /// The room's seats and the client's user, if the client sits in the room that it names.
    fn seat_of(&self, client: ClientId, room: Option<&str>) -> Option<(&[Seat], &str)> {
        let place = self.places.get(&client).filter(|place| room == Some(place.as_str()))?;
        let seats = self.rooms.get(place)?;
        let own = seats.iter().find(|seat| seat.holder == client)?;
        Some((seats, &own.user))
    }

    fn is_meant(&self, signal: &Signal, seat: &Seat) -> bool {
        match (self.targeting, &signal.target) {
            (Targeting::Ignored, _) | (Targeting::Honoured, None) => true,
            (Targeting::Honoured, Some(Value::String(user))) => *user == seat.user,
            (Targeting::Honoured, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests;
