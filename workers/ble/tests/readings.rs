//! What devices measure reaches the API: decoded, once, and whatever happens on the way.
#![allow(clippy::unwrap_used)] // As in the harness.

mod harness;

use fakebluez::{Model, Step};
use harness::{ADAPTER, BLOOD_PRESSURE, CUFF, DEADLINE, Mood, STRAP, World, cuff, milliseconds, strap};
use serde_json::json;

/// A cuff that is adopted, connected and listened to.
fn with_cuff() -> World {
    World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, cuff());
    })
}

/// Blood pressures that differ, without a time.
fn untimed(systolic: u8) -> [u8; 7] {
    [0, systolic, 0, 80, 0, 93, 0]
}

#[test]
fn a_heart_rate_is_decoded_and_posted() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, strap());
    });
    let _worker = world.worker(STRAP);
    world.sends(STRAP, "2a37", &[0x16, 77, 0x16, 0x03]);
    let body = world.api.wait_for_vital("heart_rate");
    assert_eq!(body["value_primary"], 77);
    assert_eq!(body["unit"], "bpm");
    assert_eq!(body["source"], "ble_device");
    assert_eq!(body["device_address"], STRAP);
    let state = world.api.wait_for_state("battery of the strap", |state| state["devices"][0]["battery"] == 51);
    assert_eq!(state["devices"][0]["status"], "connected");
}

#[test]
fn a_stream_of_heart_rates_is_thinned_out_to_the_mean_of_five_seconds() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, strap());
    });
    let _worker = world.worker(STRAP);
    for rate in [60, 70, 72, 74] {
        world.sends(STRAP, "2a37", &[0, rate]);
    }
    let mut rates: Vec<_> = world.api.wait_for_taken(2).iter().map(|body| body["value_primary"].clone()).collect();
    rates.sort_by_key(serde_json::Value::as_i64);
    assert_eq!(rates, [json!(60), json!(72)]);
}

#[test]
fn a_blood_pressure_is_decoded_and_posted_and_the_cuffs_clock_is_set() {
    let world = with_cuff();
    let _worker = world.worker(CUFF);
    world.sends(CUFF, "2a35", &BLOOD_PRESSURE);
    let body = world.api.wait_for_vital("blood_pressure");
    assert_eq!(
        body,
        json!({
            "vital_type": "blood_pressure", "value_primary": 138, "value_secondary": 88, "unit": "mmHg",
            "source": "ble_device", "recorded_at": "2026-04-17T20:41:59.000Z", "device_address": CUFF,
            "notes": "pulse 60/min; mean arterial pressure 120 mmHg; user 1 of the device",
        })
    );
    world.bluez.wait_for("time for the cuff", DEADLINE, |model| model.was_called("WriteValue"));
}

#[test]
fn a_failed_measurement_and_a_strap_without_a_wearer_post_nothing() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, cuff());
        model.add_device(&adapter, strap());
    });
    let worker = world.worker(&format!("{CUFF},{STRAP}"));
    world.sends(STRAP, "2a37", &[0x04, 74]);
    world.sends(STRAP, "2a37", &[0x06, 0]);
    world.sends(CUFF, "2a35", &[4, 0xFF, 7, 0xFF, 7, 0xFF, 7, 0xFF, 7]);
    worker.wait_for_line("the measurement failed");
    // Whatever was sent before this would have been posted before it.
    world.sends(STRAP, "2a37", &[0x06, 75]);
    world.sends(CUFF, "2a35", &untimed(120));
    let taken = world.api.wait_for_taken(2);
    assert_eq!(world.api.posts().len(), 2, "{taken:?}");
    assert_eq!(world.api.wait_for_vital("heart_rate")["value_primary"], 75, "the first with a wearer");
}

#[test]
fn two_devices_at_once_are_both_heard() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, cuff());
        model.add_device(&adapter, strap());
    });
    let _worker = world.worker("any");
    world.sends(CUFF, "2a35", &BLOOD_PRESSURE);
    world.sends(STRAP, "2a37", &[0, 66]);
    world.api.wait_for_vital("blood_pressure");
    world.api.wait_for_vital("heart_rate");
}

#[test]
fn while_the_api_is_down_nothing_is_lost_and_nothing_is_doubled() {
    let mut world = with_cuff();
    let worker = world.worker(CUFF);
    world.wait_for_session(CUFF, "2a35");
    world.api.go_down();
    for systolic in 121..=125 {
        world.sends(CUFF, "2a35", &untimed(systolic));
    }
    worker.wait_for_line("readings wait");
    world.api.come_up();
    let mut systolics: Vec<_> = world.api.wait_for_taken(5).iter().map(|body| body["value_primary"].clone()).collect();
    systolics.sort_by_key(serde_json::Value::as_i64);
    assert_eq!(systolics, [121, 122, 123, 124, 125].map(|systolic| json!(systolic)));
    worker.wait_for_line("readings are delivered again");
    assert_eq!(world.api.posts().len(), 5, "each was posted once");
}

#[test]
fn an_answer_that_is_lost_leads_to_the_same_key_again() {
    let world = with_cuff();
    world.api.set_mood(Mood::HangsUp);
    let worker = world.worker(CUFF);
    world.sends(CUFF, "2a35", &BLOOD_PRESSURE);
    world.api.wait_for_taken(1);
    world.api.set_mood(Mood::Well);
    worker.wait_for_line("\"delivered\"");
    let posts = world.api.posts();
    assert!(posts.len() >= 2, "{posts:?}");
    assert!(posts.iter().all(|post| post.key == posts[0].key && post.body == posts[0].body), "{posts:?}");
    assert_eq!(world.api.taken().len(), 1);
}

#[test]
fn kill_9_between_reading_and_delivery_loses_nothing() {
    let world = with_cuff();
    world.api.set_mood(Mood::Deaf);
    let worker = world.worker(CUFF);
    world.sends(CUFF, "2a35", &BLOOD_PRESSURE);
    let first = world.api.wait_for_posts(1).remove(0);
    worker.kill();
    assert!(world.api.taken().is_empty());
    world.api.set_mood(Mood::Well);
    let _worker = world.worker("");
    world.api.wait_for_taken(1);
    assert_eq!(world.api.taken().keys().collect::<Vec<_>>(), [&first.key]);
}

#[test]
fn a_stored_record_that_is_sent_again_is_posted_once() {
    let world = with_cuff();
    let worker = world.worker(CUFF);
    world.sends(CUFF, "2a35", &BLOOD_PRESSURE);
    world.api.wait_for_taken(1);
    world.sends(CUFF, "2a35", &BLOOD_PRESSURE);
    worker.wait_for_line("a reading that we have");
    // Noted here too: killed before that, it would rightly post once more, under the same key.
    worker.wait_for_line("\"delivered\"");
    worker.kill();
    world.wait_for_no_session(CUFF, "2a35");
    let again = world.worker(CUFF);
    world.sends(CUFF, "2a35", &BLOOD_PRESSURE);
    again.wait_for_line("a reading that we have");
    world.sends(CUFF, "2a35", &untimed(130));
    world.api.wait_for_taken(2);
    assert_eq!(world.api.posts().len(), 2);
}

#[test]
fn what_the_api_refuses_is_set_aside_and_holds_up_nothing() {
    let world = with_cuff();
    world.api.set_mood(Mood::Says(422));
    let worker = world.worker(CUFF);
    world.sends(CUFF, "2a35", &untimed(121));
    worker.wait_for_line("refuses a reading");
    world.api.set_mood(Mood::Well);
    world.sends(CUFF, "2a35", &untimed(122));
    let taken = world.api.wait_for_taken(1);
    assert_eq!(taken[0]["value_primary"], 122);
    assert_eq!(world.api.posts().len(), 2);
    let rows = rusqlite::Connection::open(world.folder.path().join("data/ble.db")).unwrap();
    let reason: String =
        rows.query_row("SELECT reason FROM readings WHERE state = 'refused'", (), |row| row.get(0)).unwrap();
    assert!(reason.starts_with("422"), "{reason}");
}

/// The hard case: bluetoothd connects by itself, and the cuff indicates before services are resolved. A client that
/// starts to listen after connecting misses it, and the cuff believes that it was delivered.
#[test]
fn a_cuff_that_indicates_at_once_when_bluetoothd_connects_it_is_heard_every_time() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        let mut device = cuff();
        device.bonded = true;
        device.auto_connect = true;
        device.resolve_delay = milliseconds(200);
        device.services[0].characteristics[0].on_subscribe =
            vec![(milliseconds(1), Step::Notify("2a35", BLOOD_PRESSURE.to_vec())), (milliseconds(100), Step::Drop)];
        let path = model.add_device(&adapter, device);
        model.set_present(&path, false);
    });
    let worker = world.worker(CUFF);
    worker.wait_for_line("Scanning");
    assert_eq!(world.calls("Connect"), 0, "a device out of BlueZ's storage is not near");
    let device = Model::device_path(ADAPTER, CUFF);
    let path = device.clone();
    world.bluez.with(move |model| model.set_present(&path, true));
    world.api.wait_for_taken(1);
    let path = device.clone();
    world.bluez.wait_for("the end of the connection", DEADLINE, move |model| {
        !model.is(&path, fakebluez::interface::DEVICE, "Connected")
    });
    // Now BlueZ has a notify session that it renews by itself, and the cuff has the next reading.
    world.bluez.with(move |model| {
        model.set_present(&device, false);
        let mut next = BLOOD_PRESSURE;
        next[1] = 0x80;
        model.set_script(
            &device,
            "2a35",
            vec![(milliseconds(1), Step::Notify("2a35", next.to_vec())), (milliseconds(100), Step::Drop)],
        );
        model.set_present(&device, true);
    });
    let taken = world.api.wait_for_taken(2);
    assert!(taken.iter().any(|body| body["value_primary"] == 128), "{taken:?}");
}
