//! Existing clients are answered as they always were.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use worker::{Running, replay};

fn start(data: &tempfile::TempDir) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[])
}

#[test]
fn vitals_are_answered_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    assert_eq!(replay("rest.jsonl", &api.url(), "vitals-"), 55);
}

#[test]
fn health_and_what_is_not_there_are_answered_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    // The fourth allows every origin, which is a known defect.
    assert_eq!(replay("rest.jsonl", &api.url(), "health-"), 3);
}

#[test]
fn websockets_begin_and_are_counted_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for scene in ["ws-01", "ws-02", "ws-03", "ws-04"] {
        assert_eq!(replay("ws.jsonl", &api.url(), scene), 1, "{scene}");
    }
}

#[test]
fn bluetooth_without_adapter_and_devices_is_answered_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    for exchange in ["ble-001", "ble-002"] {
        assert_eq!(replay("rest.jsonl", &api.url(), exchange), 1, "{exchange}");
    }
}

#[test]
fn appointments_are_answered_as_recorded() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    // One shows what the original thought today's, by UTC: from seven in the evening that is the resident's today as well.
    let passed = replay("rest.jsonl", &api.url(), "appointments-");
    assert!((77..=78).contains(&passed), "{passed}");
}
