//! How many connections, or WebSockets, there are at once, and who goes when there are too many.
//!
//! A home has a few dozen. Somebody who opens thousands must neither take all memory nor keep the others out, so the
//! newest is always taken, and one of those who have the most goes instead.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Debug,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// Connections at once. Those that became WebSockets are counted by whoever serves them.
pub const MOST_CONNECTIONS: usize = 1024;
/// Addresses that agree in so many leading bits are one guest's: whoever has one IPv6 address has its whole network.
const ONE_GUEST_HAS: u32 = 64;

/// All of one kind that are open at once: a listener's connections, or WebSockets.
#[derive(Clone)]
pub struct Crowd<G> {
    most: usize,
    connections: Arc<Mutex<Connections<G>>>,
}

/// What guests are told apart by: an address, or a device.
pub trait Guest: Clone + Debug + Eq + Hash {}
impl<G: Clone + Debug + Eq + Hash> Guest for G {}

struct Connections<G> {
    /// By the number that each was given when it was taken.
    open: HashMap<u64, Open<G>>,
    /// Each guest's, in the order in which they would go.
    of_guest: HashMap<G, BTreeSet<Standing>>,
    next: u64,
    /// Counts everything that happens: who has the lowest number was silent for longest.
    turn: u64,
}

struct Open<G> {
    from: G,
    standing: Standing,
    leave: CancellationToken,
}

/// The lowest one goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    /// Requests that are not answered yet.
    under_way: usize,
    last_turn: u64,
    number: u64,
}

/// One connection, as long as it is open.
pub struct Place<G: Guest = IpAddr> {
    crowd: Crowd<G>,
    number: u64,
    leave: CancellationToken,
}

/// A request that is not answered yet.
pub(super) struct UnderWay<G: Guest = IpAddr>(Arc<Place<G>>);

impl<G: Guest> Crowd<G> {
    /// At most so many at once.
    #[must_use]
    pub fn of(most: usize) -> Self {
        let connections = Connections { open: HashMap::new(), of_guest: HashMap::new(), next: 0, turn: 0 };
        Self { most, connections: Arc::new(Mutex::new(connections)) }
    }

    /// A place for another connection. If there are too many, one of whoever has the most is told to leave.
    #[must_use]
    pub fn admit(&self, guest: G) -> Arc<Place<G>> {
        let leave = CancellationToken::new();
        let mut connections = self.connections();
        if connections.open.len() >= self.most
            && let Some(open) = connections.leaves().and_then(|number| connections.remove(number))
        {
            tracing::debug!(from = ?open.from, "too many connections: the one that was silent for longest ends");
            open.leave.cancel();
        }
        let number = connections.insert(guest, leave.clone());
        Arc::new(Place { crowd: self.clone(), number, leave })
    }

    fn connections(&self) -> MutexGuard<'_, Connections<G>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G: Guest> Connections<G> {
    fn insert(&mut self, from: G, leave: CancellationToken) -> u64 {
        let number = self.next;
        self.next += 1;
        let standing = Standing { under_way: 0, last_turn: self.turn(), number };
        self.of_guest.entry(from.clone()).or_default().insert(standing);
        self.open.insert(number, Open { from, standing, leave });
        number
    }

    fn remove(&mut self, number: u64) -> Option<Open<G>> {
        let open = self.open.remove(&number)?;
        if let Some(theirs) = self.of_guest.get_mut(&open.from) {
            theirs.remove(&open.standing);
            if theirs.is_empty() {
                self.of_guest.remove(&open.from);
            }
        }
        Some(open)
    }

    fn turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// So many requests more, or fewer, are under way.
    fn count(&mut self, number: u64, requests: isize) {
        let last_turn = self.turn();
        let Some(open) = self.open.get_mut(&number) else { return };
        let under_way = open.standing.under_way.saturating_add_signed(requests);
        let (before, now) = (open.standing, Standing { under_way, last_turn, number });
        open.standing = now;
        let theirs = self.of_guest.entry(open.from.clone()).or_default();
        theirs.remove(&before);
        theirs.insert(now);
    }

    /// Of the guest with the most connections, the one that was silent for longest; one with a request under way only if
    /// there is no other.
    fn leaves(&self) -> Option<u64> {
        let theirs = self.of_guest.values().max_by_key(|theirs| theirs.len())?;
        theirs.first().map(|standing| standing.number)
    }
}

impl<G: Guest> Place<G> {
    /// A request has begun to be answered, until what is returned is dropped.
    pub(super) fn request(self: &Arc<Self>) -> UnderWay<G> {
        self.crowd.connections().count(self.number, 1);
        UnderWay(self.clone())
    }

    /// Somebody else needs the place.
    pub async fn is_needed(&self) {
        self.leave.cancelled().await;
    }
}

impl<G: Guest> Drop for UnderWay<G> {
    fn drop(&mut self) {
        self.0.crowd.connections().count(self.0.number, -1);
    }
}

impl<G: Guest> Drop for Place<G> {
    fn drop(&mut self) {
        self.crowd.connections().remove(self.number);
    }
}

/// Whom an address belongs to: of version 6, whoever has one has its whole network.
#[must_use]
pub fn guest(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> ONE_GUEST_HAS)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn has_left(place: &Place) -> bool {
        place.leave.is_cancelled()
    }

    #[test]
    fn whoever_has_the_most_gives_up_what_was_silent_for_longest() {
        let crowd = Crowd::of(MOST_CONNECTIONS);
        let neighbour = crowd.admit(address("192.168.1.7"));
        let flood: Vec<_> = (1..MOST_CONNECTIONS).map(|_| crowd.admit(address("192.168.1.66"))).collect();
        let _asking = flood[0].request();
        drop(flood[1].request());
        let _newest = crowd.admit(address("192.168.1.8"));
        assert!(has_left(&flood[2]), "the first has a request under way, and the second was heard since");
        assert!(!has_left(&flood[0]) && !has_left(&flood[1]) && !has_left(&neighbour));
        let _more: Vec<_> = (0..MOST_CONNECTIONS).map(|_| crowd.admit(address("192.168.1.66"))).collect();
        assert!(!has_left(&neighbour), "however many others come");
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ended() {
        let crowd = Crowd::of(MOST_CONNECTIONS);
        let first = crowd.admit(address("10.0.0.1"));
        for _ in 0..2 * MOST_CONNECTIONS {
            drop(crowd.admit(address("10.0.0.1")));
        }
        assert!(!has_left(&first));
        let connections = crowd.connections();
        assert_eq!((connections.open.len(), connections.of_guest.len()), (1, 1));
    }

    #[test]
    fn one_with_a_request_under_way_goes_only_if_there_is_no_other() {
        let crowd = Crowd::of(MOST_CONNECTIONS);
        let places: Vec<_> = (0..MOST_CONNECTIONS).map(|_| crowd.admit(address("10.0.0.1"))).collect();
        let _under_way: Vec<_> = places.iter().map(Place::request).collect();
        let _newest = crowd.admit(address("10.0.0.1"));
        assert!(has_left(&places[0]));
    }

    #[test]
    fn whoever_has_an_address_of_version_6_has_its_network() {
        assert_eq!(guest(address("2001:db8:1:2:3::4")), guest(address("2001:db8:1:2:ffff::1")));
        assert_ne!(guest(address("2001:db8:1:2::1")), guest(address("2001:db8:1:3::1")));
        assert_eq!(guest(address("::ffff:10.0.0.1")), address("10.0.0.1"));
        assert_ne!(guest(address("10.0.0.1")), guest(address("10.0.0.2")));
    }
}
