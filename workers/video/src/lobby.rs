//! Where connections and rooms meet: a mailbox for each client, and the rules that say what goes into it. Each resident has
//! rooms of their own, whatever these are called: who was granted the calls of one hears nothing of another's.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kit::serve::{Crowd, Place};
use tokio::sync::mpsc;

use crate::{
    message::{ClientId, Delivery, Message, Refusal},
    rooms::{Event, Rooms, Targeting},
    wire,
};

/// Connections at once; a home needs a handful. For another one, the oldest of whichever device has the most ends.
pub const MOST_CLIENTS: usize = 256;
/// Connections at once, with those that are told to end: more are refused, should they come faster than others can end.
const MOST_WITH_ENDING: usize = 2 * MOST_CLIENTS;
/// How many messages a client may lag behind before it is dropped: it holds nobody else up.
pub const LONGEST_MAILBOX: usize = 64;

/// The one place that knows who is connected.
pub struct Lobby {
    inner: Mutex<Inner>,
    /// By device.
    crowd: Crowd<Option<String>>,
}

/// What a client has here while it is connected.
pub struct Seat {
    pub client: ClientId,
    /// Ends when the client is dropped for being slow.
    pub mailbox: mpsc::Receiver<String>,
    pub place: Arc<Place<Option<String>>>,
}

struct Inner {
    targeting: Targeting,
    /// By resident; never without a room.
    rooms: HashMap<i64, Rooms>,
    clients: HashMap<ClientId, Client>,
    next: u64,
}

struct Client {
    /// Whose calls it is let in to.
    resident: i64,
    /// `None` once its connection is lost.
    mailbox: Option<mpsc::Sender<String>>,
}

impl Lobby {
    /// An empty one.
    pub fn new(targeting: Targeting) -> Self {
        let inner = Inner { targeting, rooms: HashMap::new(), clients: HashMap::new(), next: 0 };
        Self { inner: Mutex::new(inner), crowd: Crowd::of(MOST_CLIENTS) }
    }

    /// A number, a mailbox and a place for a new client of this device, for the calls of this resident; `None` if too many come at
    /// once.
    pub fn enter(&self, device: Option<String>, resident: i64) -> Option<Seat> {
        let mut inner = self.inner();
        if inner.connected() >= MOST_WITH_ENDING {
            return None;
        }
        let client = ClientId(inner.next);
        inner.next += 1;
        let (sender, mailbox) = mpsc::channel(LONGEST_MAILBOX);
        inner.clients.insert(client, Client { resident, mailbox: Some(sender) });
        Some(Seat { client, mailbox, place: self.crowd.admit(device) })
    }

    /// A client said something.
    pub fn hear(&self, client: ClientId, frame: &[u8]) {
        match wire::parse(frame) {
            Ok(Some(request)) => self.inner().apply(Event::Asked(client, request)),
            Ok(None) => {}
            Err(refusal) => self.refuse(client, refusal),
        }
    }

    /// A client's connection broke. Its seat is kept until it [leaves](Self::leave), or the same user takes it over.
    pub fn lose(&self, client: ClientId) {
        self.inner().lose(client);
    }

    /// A client is gone for good.
    pub fn leave(&self, client: ClientId) {
        self.inner().apply(Event::Closed(client));
    }

    /// How many are connected.
    pub fn clients(&self) -> usize {
        self.inner().connected()
    }

    /// How many rooms somebody sits in.
    pub fn rooms(&self) -> usize {
        self.inner().rooms.values().map(Rooms::count).sum()
    }

    fn refuse(&self, client: ClientId, refusal: Refusal) {
        self.inner().deliver_all(vec![Delivery { to: client, message: Message::Refused(refusal) }]);
    }

    /// Nothing in here leaves the rooms half changed, so a panic elsewhere is no reason to stop.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn connected(&self) -> usize {
        self.clients.values().filter(|client| client.mailbox.is_some()).count()
    }

    fn lose(&mut self, client: ClientId) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.mailbox = None;
        }
    }

    fn apply(&mut self, event: Event) {
        let deliveries = self.handle(event);
        self.deliver_all(deliveries);
    }

    /// In the rooms of whom the client is let in to.
    fn handle(&mut self, event: Event) -> Vec<Delivery> {
        let resident = match &event {
            Event::Asked(client, _) => self.clients.get(client).map(|client| client.resident),
            Event::Closed(client) => self.clients.remove(client).map(|client| client.resident),
        };
        let Some(resident) = resident else { return Vec::new() };
        let rooms = self.rooms.entry(resident).or_insert_with(|| Rooms::new(self.targeting));
        let deliveries = rooms.handle(event);
        if rooms.count() == 0 {
            self.rooms.remove(&resident);
        }
        deliveries
    }

    fn deliver_all(&mut self, deliveries: Vec<Delivery>) {
        let mut waiting = VecDeque::from(deliveries);
        while let Some(delivery) = waiting.pop_front() {
            if !self.deliver(&delivery) {
                tracing::warn!(client = delivery.to.0, "too slow, dropped");
                waiting.extend(self.handle(Event::Closed(delivery.to)));
            }
        }
    }

    /// `false` if the mailbox is full. A client that has none is leaving already.
    fn deliver(&self, delivery: &Delivery) -> bool {
        let client = self.clients.get(&delivery.to);
        let Some(mailbox) = client.and_then(|client| client.mailbox.as_ref()) else { return true };
        !matches!(mailbox.try_send(wire::print(&delivery.message)), Err(mpsc::error::TrySendError::Full(_)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_client_that_does_not_read_is_dropped_and_the_other_is_told() {
        let lobby = Lobby::new(Targeting::Ignored);
        let Seat { client: alice, mailbox: mut to_alice, .. } = lobby.enter(None, 1).unwrap();
        let Seat { client: bob, mailbox: mut to_bob, .. } = lobby.enter(None, 1).unwrap();
        lobby.hear(alice, br#"{"type":"join-room","roomId":"r","userId":"alice"}"#);
        lobby.hear(bob, br#"{"type":"join-room","roomId":"r","userId":"bob"}"#);
        for _ in 0..=LONGEST_MAILBOX {
            lobby.hear(alice, br#"{"type":"offer","roomId":"r"}"#);
        }
        assert_eq!(lobby.clients(), 1);
        while to_bob.try_recv().is_ok() {}
        assert_eq!(to_bob.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
        let told: Vec<_> = std::iter::from_fn(|| to_alice.try_recv().ok()).collect();
        assert_eq!(told.last().map(String::as_str), Some(r#"{"type":"user-left","userId":"bob"}"#));
    }

    #[test]
    fn a_room_of_the_same_name_is_another_one_for_another_resident() {
        let lobby = Lobby::new(Targeting::Ignored);
        let mut seats = [1, 1, 2].map(|resident| lobby.enter(None, resident).unwrap());
        // The third names the second's room and user, which would take over that seat.
        for (seat, user) in seats.iter().zip(["alice", "bob", "bob"]) {
            lobby.hear(seat.client, format!(r#"{{"type":"join-room","roomId":"r","userId":"{user}"}}"#).as_bytes());
        }
        lobby.hear(seats[2].client, br#"{"type":"offer","roomId":"r"}"#);
        lobby.hear(seats[1].client, br#"{"type":"offer","roomId":"r"}"#);
        assert_eq!(lobby.rooms(), 2);
        lobby.leave(seats[2].client);
        assert_eq!((lobby.rooms(), lobby.clients()), (1, 2));
        let told = seats.each_mut().map(|seat| std::iter::from_fn(|| seat.mailbox.try_recv().ok()).count());
        assert_eq!(told, [3, 1, 1], "alice: joined, bob came, bob's offer");
        lobby.leave(seats[0].client);
        lobby.leave(seats[1].client);
        assert_eq!(lobby.inner().rooms.len(), 0, "nothing is left of whom nobody calls");
    }

    #[tokio::test]
    async fn one_device_takes_nobody_elses_place() {
        let lobby = Lobby::new(Targeting::Ignored);
        let grandson = lobby.enter(Some("grandson".into()), 1).unwrap();
        let flood: Vec<_> = (1..MOST_CLIENTS).map(|_| lobby.enter(Some("flood".into()), 1).unwrap()).collect();
        let newest = lobby.enter(Some("daughter".into()), 1).unwrap();
        flood[0].place.is_needed().await;
        for stays in [&grandson, &flood[1], &newest] {
            assert_eq!(stays.place.is_needed().now_or_never(), None);
        }
        lobby.leave(grandson.client);
        let again = lobby.enter(Some("grandson".into()), 1).unwrap();
        assert_ne!(again.client, grandson.client, "numbers are not used again");
        let more: Vec<_> = std::iter::from_fn(|| lobby.enter(Some("flood".into()), 1)).collect();
        assert_eq!(lobby.clients(), MOST_WITH_ENDING, "{} more", more.len());
    }
}
