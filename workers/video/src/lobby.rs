//! Where connections and rooms meet: a mailbox for each client, and the rules that say what goes into it.

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
    rooms: Rooms,
    mailboxes: HashMap<ClientId, mpsc::Sender<String>>,
    next: u64,
}

impl Lobby {
    /// An empty one.
    pub fn new(targeting: Targeting) -> Self {
        let inner = Inner { rooms: Rooms::new(targeting), mailboxes: HashMap::new(), next: 0 };
        Self { inner: Mutex::new(inner), crowd: Crowd::of(MOST_CLIENTS) }
    }

    /// A number, a mailbox and a place for a new client of this device; `None` if too many come at once.
    pub fn enter(&self, device: Option<String>) -> Option<Seat> {
        let mut inner = self.inner();
        if inner.mailboxes.len() >= MOST_WITH_ENDING {
            return None;
        }
        let client = ClientId(inner.next);
        inner.next += 1;
        let (sender, mailbox) = mpsc::channel(LONGEST_MAILBOX);
        inner.mailboxes.insert(client, sender);
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
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_client_that_does_not_read_is_dropped_and_the_other_is_told() {
        let lobby = Lobby::new(Targeting::Ignored);
        let Seat { client: alice, mailbox: mut to_alice, .. } = lobby.enter(None).unwrap();
        let Seat { client: bob, mailbox: mut to_bob, .. } = lobby.enter(None).unwrap();
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

    #[tokio::test]
    async fn one_device_takes_nobody_elses_place() {
        let lobby = Lobby::new(Targeting::Ignored);
        let grandson = lobby.enter(Some("grandson".into())).unwrap();
        let flood: Vec<_> = (1..MOST_CLIENTS).map(|_| lobby.enter(Some("flood".into())).unwrap()).collect();
        let newest = lobby.enter(Some("daughter".into())).unwrap();
        flood[0].place.is_needed().await;
        for stays in [&grandson, &flood[1], &newest] {
            assert_eq!(stays.place.is_needed().now_or_never(), None);
        }
        lobby.leave(grandson.client);
        let again = lobby.enter(Some("grandson".into())).unwrap();
        assert_ne!(again.client, grandson.client, "numbers are not used again");
        let more: Vec<_> = std::iter::from_fn(|| lobby.enter(Some("flood".into()))).collect();
        assert_eq!(lobby.clients(), MOST_WITH_ENDING, "{} more", more.len());
    }
}
