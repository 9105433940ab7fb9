//! Whatever is missing or goes away, betti-ble stays up, says what it is, and works again when it is back.
#![allow(clippy::unwrap_used)] // As in the harness.

mod harness;

use std::time::Duration;

use fakebluez::{Device, FakeBluez, Model, interface};
use harness::{ADAPTER, CUFF, DEADLINE, FakeApi, STRAP, Worker, World, cuff, folder, milliseconds, start_bus, strap};
use serde_json::Value;

fn with_strap(model: &mut Model) {
    let adapter = model.add_adapter("hci0", true);
    model.add_device(&adapter, strap());
}

fn is(state: &'static str) -> impl Fn(&Value) -> bool {
    move |told| told["state"] == state
}

#[test]
fn with_nothing_there_it_is_ready_says_no_adapter_and_works_when_all_has_come() {
    let folder = folder();
    let api = FakeApi::start();
    let worker = Worker::start(&folder, &api, STRAP);
    worker.wait_for_notification("READY=1");
    worker.wait_for_notification("STATUS=no adapter: this system has no D-Bus");
    assert_eq!(api.wait_for_state("no D-Bus", is("no_bus"))["adapter"], Value::Null);
    let bus = start_bus(&folder);
    worker.wait_for_notification("STATUS=no adapter: bluetoothd is not running");
    let bluez = FakeBluez::start(&bus.address()).unwrap();
    worker.wait_for_notification("STATUS=no adapter");
    assert_eq!(api.wait_for_state("no adapter", is("no_adapter"))["words"], "no adapter");
    bluez.with(with_strap);
    worker.wait_for_notification("STATUS=scanning");
    assert_eq!(api.wait_for_state("scanning", is("scanning"))["adapter"], "hci0");
    let device = Model::device_path(ADAPTER, STRAP);
    let path = device.clone();
    bluez.wait_for("subscription", DEADLINE, move |model| model.has_session(&path, "2a37"));
    assert!(bluez.with(move |model| model.notify(&device, "2a37", vec![0, 60])));
    api.wait_for_taken(1);
    for line in ["NoBus", "NoBluez", "NoAdapter"] {
        assert_eq!(worker.count_lines(&format!("\"state\":\"{line}\"")), 1, "one line a change:\n{}", worker.log());
    }
}

#[test]
fn an_unknown_device_is_shown_as_new_and_not_connected() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        // What is bonded is there whatever filter we set. It is none of ours, and not even shown.
        let mut television = Device::new("00:00:00:AA:AA:AA", "TV");
        television.advertised = vec!["feaa"];
        television.bonded = true;
        model.add_device(&adapter, television);
        model.add_device(&adapter, strap());
        model.add_device(&adapter, cuff());
    });
    let _worker = world.worker(CUFF);
    let told = world.api.wait_for_state("a new and a connected device", |told| {
        told["devices"][0]["status"] == "connected" && told["devices"][1]["status"] == "new"
    });
    assert_eq!(told["devices"][1]["address"], STRAP);
    assert_eq!(told["devices"][1]["adopted"], false);
    assert_eq!(told["devices"][1]["name"], "Strap");
    assert_eq!(told["devices"].as_array().unwrap().len(), 2);
    assert_eq!(world.calls(&format!("Connect {}", Model::device_path(ADAPTER, STRAP))), 0);
    assert_eq!(world.calls("Connect"), 1);
}

#[test]
fn without_adoption_nothing_is_connected() {
    let world = World::with(with_strap);
    let _worker = world.worker("");
    world.api.wait_for_state("a new device", |told| told["devices"][0]["status"] == "new");
    assert_eq!(world.calls("Connect"), 0);
}

#[test]
fn a_device_that_is_paired_at_the_hub_is_connected_at_once_and_let_go_when_it_is_unpaired() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, strap());
        model.add_device(&adapter, cuff());
    });
    let _worker = world.worker(CUFF);
    world.api.wait_for_state("a new and a connected device", |told| {
        told["devices"][0]["status"] == "connected" && told["devices"][1]["status"] == "new"
    });
    world.api.wants(&[STRAP], None);
    world.sends(STRAP, "2a37", &[0, 66]);
    world.api.wait_for_vital("heart_rate");
    world.api.wait_for_state("both are ours", |told| {
        told["devices"][1]["adopted"] == true && told["devices"][1]["status"] == "connected"
    });
    world.api.wants(&[], None);
    world.api.wait_for_state("the strap is new again", |told| {
        told["devices"][1]["adopted"] == false && told["devices"][1]["status"] == "new"
    });
    let device = Model::device_path(ADAPTER, STRAP);
    let path = device.clone();
    world
        .bluez
        .wait_for("the end of its connection", DEADLINE, move |model| !model.is(&path, interface::DEVICE, "Connected"));
    world.bluez.with(move |model| model.heard(&device));
    // Whom the environment names stays ours, and is heard after that sign of the strap's.
    world.sends(CUFF, "2a35", &harness::BLOOD_PRESSURE);
    world.api.wait_for_vital("blood_pressure");
    assert_eq!(world.calls(&format!("Connect {}", Model::device_path(ADAPTER, STRAP))), 1);
}

#[test]
fn what_was_paired_before_it_began_is_connected_and_a_scan_that_is_asked_for_listens_anew() {
    let world = World::with(with_strap);
    world.api.wants(&[STRAP], None);
    let _worker = world.worker("");
    world.wait_for_session(STRAP, "2a37");
    let started = world.calls("StartDiscovery");
    world.api.wants(&[STRAP], Some("2031-01-31T12:01:00.000Z"));
    world.bluez.wait_for("another discovery", DEADLINE, move |model| {
        model.log.iter().filter(|line| line.starts_with("StartDiscovery")).count() > started
    });
    world.sends(STRAP, "2a37", &[0, 66]);
    world.api.wait_for_vital("heart_rate");
}

#[test]
fn sigterm_stops_the_scan_and_it_leaves_at_once() {
    let world = World::with(with_strap);
    let worker = world.worker(STRAP);
    world.wait_for_session(STRAP, "2a37");
    let stopped = world.calls("StopDiscovery");
    let (status, took) = worker.terminate();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(world.calls("StopDiscovery"), stopped + 1);
    assert!(world.bluez.with(|model| !model.is(ADAPTER, interface::ADAPTER, "Discovering")));
}

#[test]
fn sigterm_ends_it_when_bluetoothd_answers_nothing() {
    let world = World::with(|model| {
        with_strap(model);
        model.unanswered.extend(["StartDiscovery".into(), "StopDiscovery".into()]);
    });
    let worker = world.worker(STRAP);
    world.api.wait_for_state("starting", |told| told["state"] == "starting" && told["adapter"] == "hci0");
    let (status, took) = worker.terminate();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn an_adapter_that_somebody_switched_off_is_left_off() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", false);
        model.add_device(&adapter, strap());
    });
    let worker = world.worker(STRAP);
    let told = world.api.wait_for_state("off", is("off"));
    assert_eq!(told["adapter"], "hci0");
    assert_eq!((world.calls("Set"), world.calls("StartDiscovery")), (0, 0));
    world.bluez.with(|model| model.set_powered(ADAPTER, true));
    worker.wait_for_notification("STATUS=scanning");
    world.wait_for_session(STRAP, "2a37");
    let (set, started) = (world.calls("Set"), world.calls("StartDiscovery"));
    world.bluez.with(|model| model.set_powered(ADAPTER, false));
    world.api.wait_for_state("off again, and not connected", |told| {
        told["state"] == "off" && told["devices"][0]["status"] == "waiting"
    });
    assert_eq!((world.calls("Set"), world.calls("StartDiscovery")), (set, started));
    assert!(world.bluez.with(|model| !model.is(ADAPTER, interface::ADAPTER, "Powered")));
}

#[test]
fn a_scan_that_is_in_progress_is_started_again() {
    let world = World::with(|model| {
        with_strap(model);
        let busy = ("org.bluez.Error.InProgress".into(), "Operation already in progress".into());
        model.fail_next.insert("StartDiscovery".into(), [busy].into());
    });
    let worker = world.worker("");
    worker.wait_for_notification("STATUS=scanning");
    assert_eq!(world.calls("StartDiscovery"), 2);
}

#[test]
fn bluetoothd_that_is_restarted_is_found_again() {
    let world = World::with(with_strap);
    let mut worker = world.worker(STRAP);
    world.sends(STRAP, "2a37", &[0, 60]);
    world.api.wait_for_taken(1);
    let World { bluez, bus, api, folder } = world;
    bluez.stop();
    worker.wait_for_notification("STATUS=no adapter: bluetoothd is not running");
    let bluez = FakeBluez::start(&bus.address()).unwrap();
    bluez.with(with_strap);
    let world = World { bluez, bus, api, folder };
    world.sends(STRAP, "2a37", &[0, 61]);
    world.api.wait_for_taken(2);
    assert!(worker.is_alive());
}

#[test]
fn an_adapter_that_is_plugged_in_elsewhere_is_found_again() {
    let world = World::with(with_strap);
    let worker = world.worker(STRAP);
    world.wait_for_session(STRAP, "2a37");
    world.bluez.with(|model| model.remove_adapter(ADAPTER));
    worker.wait_for_notification("STATUS=no adapter");
    world.bluez.with(|model| {
        let adapter = model.add_adapter("hci1", true);
        model.add_device(&adapter, strap());
    });
    world.api.wait_for_state("scanning with hci1", |told| told["adapter"] == "hci1" && told["state"] == "scanning");
}

#[test]
fn a_bus_that_is_restarted_is_found_again() {
    let world = World::with(with_strap);
    let mut worker = world.worker(STRAP);
    world.sends(STRAP, "2a37", &[0, 60]);
    world.api.wait_for_taken(1);
    let World { bluez, mut bus, api, folder } = world;
    bus.kill();
    drop(bluez);
    worker.wait_for_notification("STATUS=no adapter: this system has no D-Bus");
    let bus = start_bus(&folder);
    let bluez = FakeBluez::start(&bus.address()).unwrap();
    bluez.with(with_strap);
    let world = World { bluez, bus, api, folder };
    world.sends(STRAP, "2a37", &[0, 61]);
    world.api.wait_for_taken(2);
    assert!(worker.is_alive());
}

#[test]
fn an_adapter_without_modalias_counts_as_none() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.objects.get_mut(&adapter).unwrap().get_mut(interface::ADAPTER).unwrap().remove("Modalias");
    });
    let worker = world.worker("");
    worker.wait_for_notification("STATUS=no adapter");
}

#[test]
fn a_link_that_is_lost_is_made_again_when_the_device_is_heard() {
    let world = World::with(with_strap);
    let _worker = world.worker(STRAP);
    world.sends(STRAP, "2a37", &[0, 60]);
    let connected = |told: &Value| told["devices"][0]["status"] == "connected";
    world.api.wait_for_state("connected", connected);
    let device = Model::device_path(ADAPTER, STRAP);
    let path = device.clone();
    world.bluez.with(move |model| model.drop_link(&path));
    world.api.wait_for_state("waiting", |told| told["devices"][0]["status"] == "waiting");
    assert_eq!(world.calls("Connect"), 1);
    let path = device.clone();
    world.bluez.with(move |model| model.heard(&path));
    world.bluez.wait_for("another connection", DEADLINE, move |model| {
        model.is(&device, interface::DEVICE, "ServicesResolved")
    });
    assert_eq!(world.calls("Connect"), 2);
}

#[test]
fn connecting_is_tried_again_after_errors_that_pass() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        let mut device = strap();
        device.connect_errors =
            [("Failed", "le-connection-abort-by-local"), ("InProgress", "Operation already in progress")].into();
        model.add_device(&adapter, device);
    });
    let _worker = world.worker(STRAP);
    world.wait_for_session(STRAP, "2a37");
    assert_eq!(world.calls("Connect"), 3);
}

#[test]
fn characteristics_that_come_late_are_waited_for() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        let mut device = strap();
        device.late_characteristics = milliseconds(700);
        model.add_device(&adapter, device);
    });
    let _worker = world.worker(STRAP);
    world.sends(STRAP, "2a37", &[0, 60]);
    world.api.wait_for_taken(1);
}

#[test]
fn a_device_that_wants_to_be_paired_is_shown_so_and_not_asked_again() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        let mut device = cuff();
        device.can_pair = false;
        model.add_device(&adapter, device);
    });
    let worker = world.worker(CUFF);
    world.api.wait_for_state("needs pairing", |told| told["devices"][0]["status"] == "needs_pairing");
    let device = Model::device_path(ADAPTER, CUFF);
    world.bluez.with(move |model| model.heard(&device));
    // It has heard the advertisement by the time that it has seen what came after.
    world.bluez.with(|model| model.add_device(ADAPTER, strap()));
    worker.wait_for_line(STRAP);
    assert_eq!(world.calls("Connect"), 1);
}

#[test]
fn a_cuff_that_has_said_all_is_let_go_and_a_strap_is_not() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, cuff());
        model.add_device(&adapter, strap());
    });
    let worker = world.worker("any");
    world.wait_for_session(STRAP, "2a37");
    world.wait_for_session(CUFF, "2a35");
    // 30 s after it was set up.
    let device = Model::device_path(ADAPTER, CUFF);
    let path = device.clone();
    world.bluez.wait_for("the end of the cuff's connection", 2 * DEADLINE, move |model| {
        model.was_called(&format!("Disconnect {path}"))
    });
    world.bluez.with(move |model| model.heard(&device));
    world.bluez.with(|model| {
        let mut other = strap();
        other.address = "C8:0A:00:00:00:07";
        model.add_device(ADAPTER, other);
    });
    worker.wait_for_line("C8:0A:00:00:00:07");
    // While it switches itself off it goes on advertising; it is not woken up again.
    assert_eq!(world.calls(&format!("Connect {}", Model::device_path(ADAPTER, CUFF))), 1);
    assert!(!world.bluez.with(|model| model.was_called(&format!("Disconnect {}", Model::device_path(ADAPTER, STRAP)))));
}
