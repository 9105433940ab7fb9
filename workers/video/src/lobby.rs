//! Where connections and rooms meet: a mailbox for each client, and the rules that say what goes into it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use crate::{
    message::{ClientId, Delivery, Message, Refusal},
    rooms::{Event, Rooms, Targeting},
    wire,
};

/// Connections at once; a home needs a handful.
pub const MOST_CLIENTS: usize = 256;
/// How many messages a client may lag behind before it is dropped: it holds nobody else up.
pub const LONGEST_MAILBOX: usize = 64;

/// The one place that knows who is connected.
pub struct Lobby(Mutex<Inner>);

struct Inner {
    rooms: Rooms,
    mailboxes: HashMap<ClientId, mpsc::Sender<String>>,
    next: u64,
}

impl Lobby {
    /// An empty one.
    pub fn new(targeting: Targeting) -> Self {
        Self(Mutex::new(Inner { rooms: Rooms::new(targeting), mailboxes: HashMap::new(), next: 0 }))
    }

    /// A number and a mailbox for a new client; `None` if there are too many. The mailbox ends when the client is
    /// dropped for being slow.
    pub fn enter(&self) -> Option<(ClientId, mpsc::Receiver<String>)> {
        let mut inner = self.inner();
        if inner.mailboxes.len() >= MOST_CLIENTS {
            return None;
        }
        let client = ClientId(inner.next);
        inner.next += 1;
        let (mailbox, messages) = mpsc::channel(LONGEST_MAILBOX);
        inner.mailboxes.insert(client, mailbox);
        Some((client, messages))
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
        self.inner().mailboxes.remove(&client);
    }

    /// A client is gone for good.
    pub fn leave(&self, client: ClientId) {
        self.inner().apply(Event::Closed(client));
    }

    /// How many are connected.
    pub fn clients(&self) -> usize {
        self.inner().mailboxes.len()
    }

    /// How many rooms somebody sits in.
    pub fn rooms(&self) -> usize {
        self.inner().rooms.count()
    }

    fn refuse(&self, client: ClientId, refusal: Refusal) {
        self.inner().deliver_all(vec![Delivery { to: client, message: Message::Refused(refusal) }]);
    }

    /// Nothing in here leaves the rooms half changed, so a panic elsewhere is no reason to stop.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn apply(&mut self, event: Event) {
        if let Event::Closed(client) = event {
            self.mailboxes.remove(&client);
        }
        let deliveries = self.rooms.handle(event);
        self.deliver_all(deliveries);
    }

    fn deliver_all(&mut self, deliveries: Vec<Delivery>) {
        let mut waiting = VecDeque::from(deliveries);
        while let Some(delivery) = waiting.pop_front() {
            if !self.deliver(&delivery) {
                tracing::warn!(client = delivery.to.0, "too slow, dropped");
                self.mailboxes.remove(&delivery.to);
                waiting.extend(self.rooms.handle(Event::Closed(delivery.to)));
            }
        }
    }

    /// `false` if the mailbox is full. A client that has none is leaving already.
    fn deliver(&self, delivery: &Delivery) -> bool {
        let Some(mailbox) = self.mailboxes.get(&delivery.to) else { return true };
        !matches!(mailbox.try_send(wire::print(&delivery.message)), Err(mpsc::error::TrySendError::Full(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_read_is_dropped_and_the_other_is_told() {
        let lobby = Lobby::new(Targeting::Ignored);
        let (alice, mut to_alice) = lobby.enter().unwrap();
        let (bob, mut to_bob) = lobby.enter().unwrap();
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
    fn there_is_room_for_so_many_and_again_when_one_leaves() {
        let lobby = Lobby::new(Targeting::Ignored);
        let clients: Vec<_> = std::iter::from_fn(|| lobby.enter()).collect();
        assert_eq!(clients.len(), MOST_CLIENTS);
        lobby.leave(clients[7].0);
        let (newest, _) = lobby.enter().unwrap();
        assert!(clients.iter().all(|(client, _)| *client != newest), "numbers are not used again");
    }
}
