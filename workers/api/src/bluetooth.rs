//! What betti-ble last said about Bluetooth. In memory only: it is true of now or of nothing.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How often devices are looked for once there is something to look with, in milliseconds; clients show it.
const SCAN_INTERVAL_MS: u32 = 45_000;
/// betti-ble reports every minute. After this long without a word, what it said last is not known to be true any more.
const BELIEVED_FOR: Duration = Duration::from_secs(150);

/// The radio's state, in the words that existing clients know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Radio {
    #[default]
    Unknown,
    PoweredOff,
    PoweredOn,
}

/// What betti-ble reports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Report {
    /// In betti-ble's words.
    pub state: String,
    /// The same for people: "no adapter".
    #[serde(default)]
    pub words: String,
    /// The adapter's name.
    #[serde(default)]
    pub adapter: Option<String>,
    /// Devices that were heard, each with its `status`.
    #[serde(default)]
    pub devices: Vec<Value>,
}

impl Report {
    /// A state that this version does not know is unknown, not refused: the rest of the report still counts.
    pub fn radio(&self) -> Radio {
        match self.state.as_str() {
            "starting" | "scanning" | "poweredOn" => Radio::PoweredOn,
            "off" | "poweredOff" => Radio::PoweredOff,
            _ => Radio::Unknown,
        }
    }

    fn is_scanning(&self) -> bool {
        self.state == "scanning"
    }
}

/// The last report.
#[derive(Debug, Default)]
pub struct Bluetooth(Mutex<Option<(Report, Instant)>>);

impl Bluetooth {
    /// Takes a report; the radio's state if it is another than before.
    pub fn take(&self, report: Report, now: Instant) -> Option<Radio> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref().map(|(report, _)| report.radio()).unwrap_or_default();
        let radio = report.radio();
        *last = Some((report, now));
        (radio != before).then_some(radio)
    }

    /// As existing clients ask for it. `message` and `adapter` are ours, and only there when betti-ble has something to
    /// say: a client that compares whole answers sees what it always saw.
    pub fn status(&self, now: Instant) -> Value {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref() {
            None => status(&Report::default()),
            Some((report, at)) if now.saturating_duration_since(*at) <= BELIEVED_FOR => status(report),
            Some((_, at)) => {
                let minutes = now.saturating_duration_since(*at).as_secs() / 60;
                let words = format!("betti-ble has said nothing for {minutes} min");
                status(&Report { words, ..Report::default() })
            }
        }
    }

    /// Devices that belong to this home: none, until they can be paired.
    pub fn paired(&self) -> Value {
        json!({
            "success": true,
            "devices": [],
            "connectionManager": {
                "isRunning": false,
                "scanIntervalMs": SCAN_INTERVAL_MS,
                "connectedCount": 0,
                "pairedDevicesMonitored": 0,
                "connections": [],
            },
        })
    }
}

fn status(report: &Report) -> Value {
    let connections: Vec<_> = report.devices.iter().filter(|device| device["status"] == "connected").collect();
    let mut status = json!({
        "isScanning": report.is_scanning(),
        "bluetoothState": report.radio(),
        "devicesFound": report.devices.len(),
        "devices": report.devices,
        "paired": 0,
        "connected": connections.len(),
        "pairedDevices": [],
        "connections": connections,
        "connectionManager": {"isRunning": false},
    });
    if !report.words.is_empty() {
        status["message"] = report.words.as_str().into();
    }
    if let Some(adapter) = &report.adapter {
        status["adapter"] = adapter.as_str().into();
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn before_betti_ble_says_anything_nothing_is_claimed() {
        let status = Bluetooth::default().status(Instant::now());
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
            let status = bluetooth.status(now);
            assert_eq!((&status["bluetoothState"], &status["isScanning"]), (&json!(radio), &json!(is_scanning)));
            assert_eq!(status["message"], state);
        }
        let devices =
            r#"{"state": "scanning", "adapter": "hci0", "devices": [{"status": "connected"}, {"status": "new"}]}"#;
        bluetooth.take(report(devices), now);
        let status = bluetooth.status(now);
        assert_eq!((&status["devicesFound"], &status["connected"]), (&json!(2), &json!(1)));
        assert_eq!(status["adapter"], "hci0");
    }

    #[test]
    fn only_another_state_is_news() {
        let now = Instant::now();
        let bluetooth = Bluetooth::default();
        assert_eq!(bluetooth.take(report(r#"{"state": "no_adapter"}"#), now), None);
        assert_eq!(bluetooth.take(report(r#"{"state": "starting"}"#), now), Some(Radio::PoweredOn));
        assert_eq!(bluetooth.take(report(r#"{"state": "scanning"}"#), now), None);
        assert_eq!(bluetooth.take(report(r#"{"state": "off"}"#), now), Some(Radio::PoweredOff));
    }

    #[test]
    fn what_was_said_long_ago_is_not_claimed_any_more() {
        let now = Instant::now();
        let bluetooth = Bluetooth::default();
        bluetooth.take(report(r#"{"state": "scanning", "words": "scanning", "devices": [{}]}"#), now);
        assert_eq!(bluetooth.status(now + BELIEVED_FOR)["bluetoothState"], "poweredOn");
        let later = bluetooth.status(now + BELIEVED_FOR + Duration::from_secs(60));
        assert_eq!((&later["bluetoothState"], &later["devicesFound"]), (&json!("unknown"), &json!(0)));
        assert_eq!(later["message"], "betti-ble has said nothing for 3 min");
    }
}
