//! What betti-ble last said about Bluetooth, and what it is asked to do. In memory only: it is true of now or of nothing. What
//! devices belong to this home is kept in the store.

mod environment;
mod report;
mod scan;
mod wanted;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use self::{
    environment::Change,
    report::{Link, Near, Radio, Report},
    scan::LASTS,
    wanted::wanted,
};
use self::{
    environment::{Room, Rooms},
    scan::Scan,
};
use crate::{devices::Address, show, store::devices::Device};

/// How often devices are looked for once there is something to look with, in milliseconds; clients show it.
const SCAN_INTERVAL_MS: u32 = 45_000;
/// betti-ble reports every minute. After this long without a word, what it said last is not known to be true any more.
const BELIEVED_FOR: Duration = Duration::from_secs(150);

/// What those who listen are told of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Radio(Radio),
    /// A device was heard for the first time, or for the first time in a scan.
    Found(Near),
    /// A device is connected, is being connected, or is so no more.
    Link(Near),
    /// A sensor has said something new of its room.
    Room(Near, Change),
}

impl News {
    /// The device that it is about.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::Radio(_) => None,
            Self::Found(near) | Self::Link(near) | Self::Room(near, _) => Some(near.address),
        }
    }
}

/// The last report, and the scan that runs.
#[derive(Debug)]
pub struct Bluetooth {
    known: Mutex<Known>,
    asked: watch::Sender<Option<Timestamp>>,
}

#[derive(Debug)]
struct Known {
    last: Option<(Report, Instant)>,
    scan: Option<Scan>,
    /// Who was told of, and how they stood.
    told: BTreeMap<Address, Link>,
    /// What sensors of this home said.
    rooms: Rooms,
}

impl Default for Bluetooth {
    fn default() -> Self {
        let rooms = Rooms::new(Timestamp::now());
        let known = Known { last: None, scan: None, told: BTreeMap::new(), rooms };
        Self { known: Mutex::new(known), asked: watch::Sender::new(None) }
    }
}

impl Bluetooth {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a report; what is new in it.
    pub fn take(&self, report: Report, now: Instant) -> Vec<News> {
        let mut known = self.known();
        let before = known.last.as_ref().map(|(report, _)| report.radio()).unwrap_or_default();
        let radio = report.radio();
        let mut news = Vec::new();
        if radio != before {
            news.push(News::Radio(radio));
        }
        known.learn(report.near(), now, &mut news);
        known.last = Some((report, now));
        news
    }

    /// What the sensors of this home said last.
    pub fn rooms(&self, now: Timestamp) -> Vec<(Address, Room)> {
        self.known().rooms.newest(now)
    }

    /// When the scan was asked for that betti-ble is to make: each moment is another scan.
    pub fn asked(&self) -> watch::Receiver<Option<Timestamp>> {
        self.asked.subscribe()
    }

    /// Begins a scan; `None` if one is on already.
    ///
    /// # Errors
    /// In words, that there is nothing to scan with.
    pub fn begin_scan(&self, now: Instant, asked_at: Timestamp) -> Result<Option<Timestamp>, String> {
        let mut known = self.known();
        let report = known.believed(now);
        if report.radio() != Radio::PoweredOn {
            let why = if report.words.is_empty() { "betti-ble has not said anything yet" } else { &report.words };
            return Err(format!("Bluetooth cannot be used: {why}"));
        }
        if known.scan.is_some_and(|scan| scan.is_on(now)) {
            return Ok(None);
        }
        known.scan = Some(Scan::begin(now, asked_at));
        // Whoever is heard in it is told of once more.
        known.told.retain(|_, link| *link != Link::None);
        drop(known);
        self.asked.send_replace(Some(asked_at));
        Ok(Some(asked_at))
    }

    /// Ends the scan that was begun then; how many devices it found. `None` if another one runs by now.
    pub fn end_scan(&self, asked_at: Timestamp) -> Option<usize> {
        let mut known = self.known();
        known.scan.take_if(|scan| scan.asked_at == asked_at)?;
        let near = known.last.as_ref().map(|(report, _)| report.near()).unwrap_or_default();
        Some(near.iter().filter(|near| near.sighting.at >= Some(asked_at)).count())
    }

    /// A device as it was heard last, if it was.
    pub fn near(&self, address: Address) -> Option<Near> {
        self.known().last.as_ref()?.0.near().into_iter().find(|near| near.address == address)
    }

    /// As existing clients ask for it, with the `paired` devices of this home. `message` and `adapter` are ours, and only
    /// there when betti-ble has something to say: a client that compares whole answers sees what it always saw.
    /// Of what is near, what `is_shown` lets through.
    pub fn status(&self, paired: &[Device], is_shown: impl Fn(Address) -> bool, now: Instant) -> Value {
        let known = self.known();
        let mut report = known.believed(now);
        report.devices.retain(|device| Near::read(device).is_none_or(|near| is_shown(near.address)));
        let connections = connections(&report);
        let mut status = json!({
            "isScanning": report.is_scanning() || known.scan.is_some_and(|scan| scan.is_on(now)),
            "bluetoothState": report.radio(),
            "devicesFound": report.devices.len(),
            "devices": report.devices,
            "paired": paired.len(),
            "connected": connections.len(),
            "pairedDevices": paired.iter().map(show::device).collect::<Vec<_>>(),
            "connections": connections,
            "connectionManager": {"isRunning": !paired.is_empty()},
        });
        if !report.words.is_empty() {
            status["message"] = report.words.as_str().into();
        }
        if let Some(adapter) = &report.adapter {
            status["adapter"] = adapter.as_str().into();
        }
        status
    }

    /// Devices that belong to this home, and which of them are connected.
    pub fn paired(&self, paired: &[Device], now: Instant) -> Value {
        let report = self.known().believed(now);
        let connections: Vec<_> =
            connections(&report).into_iter().filter(|value| is_of(value, paired.iter())).collect();
        let devices: Vec<_> = paired
            .iter()
            .map(|device| {
                let mut shown = show::device(device);
                shown["isConnected"] = connections.iter().any(|value| is_of(value, [device].into_iter())).into();
                shown
            })
            .collect();
        json!({
            "success": true,
            "devices": devices,
            "connectionManager": {
                "isRunning": !paired.is_empty(),
                "scanIntervalMs": SCAN_INTERVAL_MS,
                "connectedCount": connections.len(),
                "pairedDevicesMonitored": paired.len(),
                "connections": connections,
            },
        })
    }
}

impl Known {
    /// The last report, as long as it can be true.
    fn believed(&self, now: Instant) -> Report {
        match &self.last {
            None => Report::default(),
            Some((report, at)) if now.saturating_duration_since(*at) <= BELIEVED_FOR => report.clone(),
            Some((_, at)) => {
                let minutes = now.saturating_duration_since(*at).as_secs() / 60;
                Report { words: format!("betti-ble has said nothing for {minutes} min"), ..Report::default() }
            }
        }
    }

    fn learn(&mut self, near: Vec<Near>, now: Instant, news: &mut Vec<News>) {
        let since = self.scan.filter(|scan| scan.is_on(now)).map(|scan| scan.asked_at);
        // Strangers change their addresses all the time: who is not reported any more is forgotten.
        self.told.retain(|address, _| near.iter().any(|near| near.address == *address));
        for near in near {
            let told = self.told.get(&near.address).copied();
            let was_heard = near.sighting.at.is_some() && near.sighting.at >= since;
            if told.is_none() && was_heard {
                news.push(News::Found(near.clone()));
            }
            if told.unwrap_or_default() != near.link {
                news.push(News::Link(near.clone()));
            }
            if was_heard || near.link != Link::None {
                self.told.insert(near.address, near.link);
            } else if told.is_some() {
                self.told.insert(near.address, Link::None);
            }
            self.learn_of_room(near, news);
        }
    }

    /// A device that is not ours any more takes along what it said.
    fn learn_of_room(&mut self, near: Near, news: &mut Vec<News>) {
        if !near.is_ours {
            return self.rooms.forget(near.address);
        }
        let change = near.room.and_then(|room| self.rooms.take(near.address, room));
        news.extend(change.map(|change| News::Room(near, change)));
    }
}

fn connections(report: &Report) -> Vec<Value> {
    report.devices.iter().filter(|device| device["status"] == "connected").cloned().collect()
}

fn is_of<'a>(value: &Value, mut devices: impl Iterator<Item = &'a Device>) -> bool {
    Near::read(value).is_some_and(|near| devices.any(|device| device.address == near.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn before_betti_ble_says_anything_nothing_is_claimed() {
        let status = Bluetooth::default().status(&[], |_| true, Instant::now());
        assert_eq!(status["bluetoothState"], "unknown");
        assert!(status.get("message").is_none());
    }

    #[test]
    fn a_report_is_shown_in_words_that_clients_know() {
        let now = Instant::now();
        let bluetooth = Bluetooth::default();
        for (state, radio, is_scanning) in [
            ("no_adapter", "unknown", false),
            ("off", "poweredOff", false),
            ("starting", "poweredOn", false),
            ("scanning", "poweredOn", true),
            ("a state of the future", "unknown", false),
        ] {
            bluetooth.take(report(&json!({"state": state, "words": state}).to_string()), now);
            let status = bluetooth.status(&[], |_| true, now);
            assert_eq!((&status["bluetoothState"], &status["isScanning"]), (&json!(radio), &json!(is_scanning)));
            assert_eq!(status["message"], state);
        }
        let devices =
            r#"{"state": "scanning", "adapter": "hci0", "devices": [{"status": "connected"}, {"status": "new"}]}"#;
        bluetooth.take(report(devices), now);
        let status = bluetooth.status(&[], |_| true, now);
        assert_eq!((&status["devicesFound"], &status["connected"]), (&json!(2), &json!(1)));
        assert_eq!(status["adapter"], "hci0");
    }

    #[test]
    fn only_another_state_is_news() {
        let now = Instant::now();
        let bluetooth = Bluetooth::default();
        let news = |state: &str| bluetooth.take(report(&json!({"state": state}).to_string()), now);
        assert_eq!(news("no_adapter"), []);
        assert_eq!(news("starting"), [News::Radio(Radio::PoweredOn)]);
        assert_eq!(news("scanning"), []);
        assert_eq!(news("off"), [News::Radio(Radio::PoweredOff)]);
    }

    fn heard(status: &str, at: &str) -> Report {
        report(
            &json!({
                "state": "scanning",
                "devices": [{"address": "AA:BB:CC:DD:EE:01", "status": status, "lastSeen": at}],
            })
            .to_string(),
        )
    }

    /// What is new, in a word each.
    fn words(news: Vec<News>) -> String {
        let word = |news: News| match news {
            News::Radio(radio) => format!("{radio:?}"),
            News::Found(_) => "found".into(),
            News::Link(near) => format!("{:?}", near.link),
            News::Room(..) => "room".into(),
        };
        news.into_iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_device_is_told_of_when_it_is_found_and_when_its_link_changes() {
        let (now, bluetooth) = (Instant::now(), Bluetooth::default());
        let take = |status: &str, at: &str| words(bluetooth.take(heard(status, at), now));
        assert_eq!(take("new", "2031-01-31T12:00:00Z"), "PoweredOn found");
        assert_eq!(take("new", "2031-01-31T12:00:20Z"), "");
        assert_eq!(take("connecting", "2031-01-31T12:00:40Z"), "Connecting");
        assert_eq!(take("connected", "2031-01-31T12:01:00Z"), "Connected");
        assert_eq!(take("connected", "2031-01-31T12:01:20Z"), "");
        assert_eq!(take("waiting", "2031-01-31T12:01:40Z"), "None");
        assert_eq!(take("needs_pairing", "2031-01-31T12:02:00Z"), "Refused");
    }

    #[test]
    fn a_scan_tells_once_of_whoever_is_heard_in_it_and_ends() {
        let (now, bluetooth) = (Instant::now(), Bluetooth::default());
        let asked_at: Timestamp = "2031-01-31T12:00:10Z".parse().unwrap();
        let why = bluetooth.begin_scan(now, asked_at).unwrap_err();
        assert_eq!(why, "Bluetooth cannot be used: betti-ble has not said anything yet");
        assert_eq!(words(bluetooth.take(heard("new", "2031-01-31T12:00:00Z"), now)), "PoweredOn found");
        assert_eq!(bluetooth.begin_scan(now, asked_at), Ok(Some(asked_at)));
        assert_eq!(bluetooth.begin_scan(now + LASTS / 2, asked_at), Ok(None), "one at a time");
        assert_eq!(*bluetooth.asked().borrow(), Some(asked_at));
        assert_eq!(words(bluetooth.take(heard("new", "2031-01-31T12:00:00Z"), now)), "", "heard before");
        assert_eq!(words(bluetooth.take(heard("new", "2031-01-31T12:00:11Z"), now)), "found");
        assert_eq!(words(bluetooth.take(heard("new", "2031-01-31T12:00:12Z"), now)), "");
        assert_eq!(bluetooth.end_scan(asked_at), Some(1));
        assert_eq!(bluetooth.end_scan(asked_at), None, "it is over");
        bluetooth.take(report(r#"{"state": "off", "words": "switched off"}"#), now);
        let why = bluetooth.begin_scan(now, asked_at).unwrap_err();
        assert_eq!(why, "Bluetooth cannot be used: switched off");
    }

    #[test]
    fn what_was_said_long_ago_is_not_claimed_any_more() {
        let now = Instant::now();
        let bluetooth = Bluetooth::default();
        bluetooth.take(report(r#"{"state": "scanning", "words": "scanning", "devices": [{}]}"#), now);
        assert_eq!(bluetooth.status(&[], |_| true, now + BELIEVED_FOR)["bluetoothState"], "poweredOn");
        let later = bluetooth.status(&[], |_| true, now + BELIEVED_FOR + Duration::from_secs(60));
        assert_eq!((&later["bluetoothState"], &later["devicesFound"]), (&json!("unknown"), &json!(0)));
        assert_eq!(later["message"], "betti-ble has said nothing for 3 min");
    }
}
