//! Whoever shows wrong credentials again and again is not answered for a while. Pure: told the time.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::serve::guest;

/// Wrong credentials from one address within [`COUNTED_FOR`] before it is locked out.
pub const MOST_WRONG: u32 = 20;
/// Wrong one-time codes from one address within [`COUNTED_FOR`]: people mistype, and a code is shorter than a credential.
pub const MOST_WRONG_CODES: u32 = 8;
/// How long a wrong one counts.
pub const COUNTED_FOR: Duration = Duration::from_secs(60);
/// How long nobody at a locked address is answered.
pub const LOCKED_FOR: Duration = Duration::from_secs(60);
/// Addresses that are remembered; the one that was wrong the longest ago makes room.
pub const MOST_ADDRESSES: usize = 1024;

/// Wrong ones, by address.
#[derive(Debug)]
pub struct Lockout {
    most_wrong: u32,
    addresses: HashMap<IpAddr, Record>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    wrong: u32,
    since: Instant,
    latest: Instant,
    locked_until: Option<Instant>,
}

impl Lockout {
    /// Nobody was wrong yet.
    #[must_use]
    pub fn new(most_wrong: u32) -> Self {
        Self { most_wrong, addresses: HashMap::new() }
    }

    /// For how long an address is still locked out; `None` if it is not.
    #[must_use]
    pub fn left(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let until = self.addresses.get(&guest(address))?.locked_until?;
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Somebody there was wrong. For how long the address is locked out now, if it is.
    pub fn wrong(&mut self, address: IpAddr, now: Instant) -> Option<Duration> {
        if let Some(left) = self.left(address, now) {
            return Some(left);
        }
        let address = guest(address);
        self.make_room(address, now);
        let fresh = Record { wrong: 0, since: now, latest: now, locked_until: None };
        let record = self.addresses.entry(address).or_insert(fresh);
        if record.locked_until.is_some() || now.saturating_duration_since(record.since) >= COUNTED_FOR {
            *record = fresh;
        }
        record.wrong += 1;
        record.latest = now;
        if record.wrong < self.most_wrong {
            return None;
        }
        record.locked_until = Some(now + LOCKED_FOR);
        tracing::warn!(%address, "wrong credentials again and again: not answered for {LOCKED_FOR:?}");
        Some(LOCKED_FOR)
    }

    fn make_room(&mut self, address: IpAddr, now: Instant) {
        if self.addresses.len() < MOST_ADDRESSES || self.addresses.contains_key(&address) {
            return;
        }
        self.addresses.retain(|_, record| now.saturating_duration_since(record.latest) < COUNTED_FOR + LOCKED_FOR);
        if self.addresses.len() >= MOST_ADDRESSES {
            let oldest = self.addresses.iter().min_by_key(|(_, record)| record.latest).map(|(address, _)| *address);
            oldest.map(|oldest| self.addresses.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_locked_out_after_so_many_and_for_so_long() {
        let (start, phone, other) = (Instant::now(), address("192.168.1.7"), address("192.168.1.8"));
        let mut lockout = Lockout::new(3);
        assert_eq!((lockout.wrong(phone, start), lockout.wrong(phone, start)), (None, None));
        assert_eq!(lockout.wrong(phone, start), Some(LOCKED_FOR));
        assert_eq!(lockout.left(other, start), None, "only that one");
        let later = start + LOCKED_FOR - Duration::from_secs(1);
        assert_eq!(lockout.wrong(phone, later), Some(Duration::from_secs(1)), "trying does not make it longer");
        assert_eq!(lockout.left(phone, start + LOCKED_FOR), None);
        assert_eq!(lockout.wrong(phone, start + LOCKED_FOR), None, "and it counts anew");
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let (start, phone) = (Instant::now(), address("fe80::1:2"));
        let mut lockout = Lockout::new(2);
        assert_eq!(lockout.wrong(phone, start), None);
        assert_eq!(lockout.wrong(phone, start + COUNTED_FOR), None);
        assert_eq!(lockout.wrong(address("fe80::9:9"), start + COUNTED_FOR), Some(LOCKED_FOR), "the same network");
    }

    #[test]
    fn the_table_is_bounded() {
        let start = Instant::now();
        let mut lockout = Lockout::new(2);
        for number in 0..3 * MOST_ADDRESSES as u32 {
            lockout.wrong(IpAddr::V4(number.into()), start + Duration::from_millis(u64::from(number)));
            assert!(lockout.addresses.len() <= MOST_ADDRESSES);
        }
    }
}
