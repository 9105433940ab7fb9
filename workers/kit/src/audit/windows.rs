//! Which reads are one entry: those of the same device, area and resident within [`WINDOW`], so that a page that polls does not fill
//! the disk; of who may see what, those of the same route, so that taking a copy of everything hides behind no look. Pure.
//!
//! The first of them is written at once, so that a crash hides nobody; when the window ends, an entry about all of them takes its
//! place. Refusals are written one by one until there are too many of the same.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::entry::{Entry, Seen, What, Who};
use crate::Area;

/// How long reads are taken together, from the first one on.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Refusals of the same caller that are written one by one within a window: whoever goes on trying fills no disk.
pub const MOST_REFUSALS_APART: u32 = 20;
/// Windows at once; then the oldest ends early.
const MOST_OPEN: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    who: Who,
    address: Option<String>,
    area: Option<Area>,
    /// Only where routes are told apart.
    route: Option<String>,
    what: What,
    resident: i64,
    status: u16,
}

struct Window {
    number: u64,
    opened: Timestamp,
    /// How many were written by themselves.
    apart: u32,
    /// What is to be written when it ends.
    together: Option<Entry>,
}

/// An entry that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub entry: Entry,
    /// The window that it begins.
    pub begins: Option<u64>,
    /// The window that it ends: it takes the place of what began it.
    pub ends: Option<u64>,
}

/// The windows that are open.
#[derive(Default)]
pub struct Windows {
    open: HashMap<Key, Window>,
    last_number: u64,
}

impl Windows {
    /// What is to be written now that this was seen.
    pub fn take(&mut self, seen: Seen) -> Vec<Due> {
        let most_apart = match seen.what {
            What::Read => 1,
            What::Refused => MOST_REFUSALS_APART,
            What::Change | What::Opened | What::Closed | What::Lost => return vec![apart(Entry::of(seen))],
        };
        let is_told_apart = seen.what == What::Read && seen.area == Some(Area::Sharing);
        let key = Key {
            who: seen.who.clone(),
            address: seen.address.clone(),
            area: seen.area,
            route: is_told_apart.then(|| seen.route.clone()),
            what: seen.what,
            resident: seen.resident,
            status: seen.status,
        };
        let mut due = Vec::new();
        if self.open.get(&key).is_some_and(|window| window.is_over(seen.at)) {
            due.extend(self.open.remove(&key).and_then(Window::end));
        }
        if let Some(window) = self.open.get_mut(&key) {
            if window.apart < most_apart {
                window.apart += 1;
                due.push(apart(Entry::of(seen)));
            } else if let Some(together) = &mut window.together {
                together.add(seen);
            } else {
                window.together = Some(Entry::of(seen));
            }
            return due;
        }
        if self.open.len() >= MOST_OPEN {
            due.extend(self.end_oldest());
        }
        self.last_number += 1;
        let (number, opened, is_read) = (self.last_number, seen.at, seen.what == What::Read);
        let entry = Entry::of(seen);
        let together = is_read.then(|| entry.clone());
        due.push(Due { entry, begins: is_read.then_some(number), ends: None });
        self.open.insert(key, Window { number, opened, apart: 1, together });
        due
    }

    /// What is to be written of windows that are over.
    pub fn end(&mut self, now: Timestamp) -> Vec<Due> {
        self.open.extract_if(|_, window| window.is_over(now)).filter_map(|(_, window)| window.end()).collect()
    }

    /// What is to be written of all of them, when nothing more will be seen.
    pub fn end_all(&mut self) -> Vec<Due> {
        self.open.drain().filter_map(|(_, window)| window.end()).collect()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn end_oldest(&mut self) -> Option<Due> {
        let oldest = self.open.iter().min_by_key(|(_, window)| window.number).map(|(key, _)| key.clone())?;
        self.open.remove(&oldest)?.end()
    }
}

impl Window {
    /// A clock that was set back ends it too.
    fn is_over(&self, now: Timestamp) -> bool {
        !(SignedDuration::ZERO..WINDOW).contains(&now.duration_since(self.opened))
    }

    fn end(self) -> Option<Due> {
        let entry = self.together?;
        let is_written = entry.what == What::Read && entry.times == 1;
        (!is_written).then(|| Due { ends: (entry.what == What::Read).then_some(self.number), entry, begins: None })
    }
}

fn apart(entry: Entry) -> Due {
    Due { entry, begins: None, ends: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(minute: i64, device: &str, what: What, thing: &str) -> Seen {
        Seen {
            at: Timestamp::from_second(minute * 60).unwrap(),
            who: Who { device: Some(device.into()), role: "carer" },
            address: None,
            area: Some(Area::Vitals),
            what,
            resident: 1,
            route: "GET /api/vitals/{type}".into(),
            thing: Some(thing.into()),
            status: 200,
        }
    }

    /// What is written: after which one was seen (99: at the end), how often, its thing.
    fn written(all: &[(i64, &str, What, &str)]) -> Vec<(usize, i64, Option<String>)> {
        let mut windows = Windows::default();
        let mut found = Vec::new();
        let mut keep = |place, due: Vec<Due>| {
            found.extend(due.into_iter().map(|due| (place, due.entry.times, due.entry.thing)));
        };
        for (place, (minute, device, what, thing)) in all.iter().enumerate() {
            keep(place, windows.take(seen(*minute, device, *what, thing)));
        }
        keep(99, windows.end_all());
        assert!(windows.is_empty());
        found
    }

    #[test]
    fn reads_are_taken_together_and_the_first_is_written_at_once() {
        let (pulse, none) = (Some("pulse".to_owned()), None);
        let read = What::Read;
        assert_eq!(written(&[(0, "a", read, "pulse")]), [(0, 1, pulse.clone())]);
        let three = [(0, "a", read, "pulse"), (5, "a", read, "pulse"), (14, "a", read, "pulse")];
        assert_eq!(written(&three), [(0, 1, pulse.clone()), (99, 3, pulse.clone())]);
        let mixed = [(0, "a", read, "pulse"), (1, "a", read, "weight")];
        assert_eq!(written(&mixed), [(0, 1, pulse.clone()), (99, 2, none)], "what is not the same is not said");
        let later = [(0, "a", read, "pulse"), (1, "a", read, "pulse"), (15, "a", read, "pulse")];
        assert_eq!(written(&later), [(0, 1, pulse.clone()), (2, 2, pulse.clone()), (2, 1, pulse.clone())]);
        let set_back = [(9, "a", read, "pulse"), (1, "a", read, "pulse")];
        assert_eq!(written(&set_back), [(0, 1, pulse.clone()), (1, 1, pulse.clone())]);
        let two = [(0, "a", read, "pulse"), (1, "b", read, "pulse")];
        assert_eq!(written(&two), [(0, 1, pulse.clone()), (1, 1, pulse)], "devices are apart");
    }

    #[test]
    fn taking_a_copy_of_everything_hides_behind_no_look() {
        let look =
            |route: &str| Seen { area: Some(Area::Sharing), route: route.into(), ..seen(0, "a", What::Read, "") };
        let mut windows = Windows::default();
        let routes = ["GET /api/v1/access/audit", "GET /api/v1/access/export", "GET /api/v1/access/audit"];
        let written: Vec<_> = routes.iter().flat_map(|route| windows.take(look(route))).collect();
        assert_eq!(written.iter().map(|due| &*due.entry.routes[0]).collect::<Vec<_>>(), routes[..2]);
        assert_eq!(windows.end_all()[0].entry.times, 2, "looks of the same kind are one");
    }

    #[test]
    fn changes_are_written_one_by_one_and_refusals_until_there_are_too_many() {
        let changes = vec![(0, "a", What::Change, "x"); 50];
        assert_eq!(written(&changes).len(), 50);
        let refusals = vec![(0, "a", What::Refused, "x"); 500];
        let found = written(&refusals);
        assert_eq!(found.len(), MOST_REFUSALS_APART as usize + 1);
        assert_eq!(found.last().map(|(_, times, _)| *times), Some(480));
    }

    #[test]
    fn no_more_windows_are_open_than_there_is_room_for_and_nothing_is_forgotten() {
        let mut windows = Windows::default();
        let mut times = 0;
        for device in 0..3000 {
            for _ in 0..2 {
                times += windows
                    .take(seen(0, &device.to_string(), What::Read, "x"))
                    .iter()
                    .filter(|due| due.ends.is_some())
                    .count();
            }
            assert!(windows.open.len() <= MOST_OPEN);
        }
        times += windows.end(Timestamp::from_second(3600).unwrap()).len();
        assert_eq!(times, 3000);
    }
}
