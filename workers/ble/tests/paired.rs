//! betti-ble and betti-api, both real: what is paired at the hub is connected to, and its readings arrive.
#![allow(clippy::unwrap_used)] // As in the harness.

mod harness;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use fakebluez::{Model, interface};
use harness::{ADAPTER, DEADLINE, STRAP, Worker, World, api_program, strap, wait_for};
use serde_json::{Value, json};
use worker::Running;

#[test]
fn a_strap_that_is_paired_at_the_hub_is_read_by_whoever_wears_it_and_again_after_both_were_killed() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, strap());
    });
    // The same folder as the other one's: in it is what they know each other by.
    let data = world.folder.path().join("data");
    let start_api = || Running::start(api_program().to_str().unwrap(), &data, &[]);
    let api = start_api();
    let ble = Worker::start_at(&world.folder, &api.url(), "");
    let status = |api: &Running| api.get("/api/ble/status").1;
    wait_for("the strap is found", || status(&api)["devices"][0]["status"] == "new");
    assert_eq!(world.calls("Connect"), 0);
    let pairing = json!({"macAddress": STRAP, "name": "Strap", "deviceType": "heart_rate"});
    assert_eq!(api.post("/api/ble/pair", &pairing).0, 200);
    world.sends(STRAP, "2a37", &[0, 66]);
    let latest = |api: &Running| api.get("/api/vitals/heart_rate").1["data"]["valuePrimary"].clone();
    wait_for("its reading is there", || latest(&api) == 66);
    wait_for("it is shown as connected", || api.get("/api/ble/paired").1["devices"][0]["isConnected"] == true);
    ble.kill();
    api.kill();
    world.wait_for_no_session(STRAP, "2a37");
    let api = start_api();
    let _ble = Worker::start_at(&world.folder, &api.url(), "");
    world.sends(STRAP, "2a37", &[0, 77]);
    wait_for("its next reading is there", || latest(&api) == 77);
    assert_eq!(api.post("/api/ble/unpair", &json!({"macAddress": STRAP})).0, 200);
    let path = Model::device_path(ADAPTER, STRAP);
    world
        .bluez
        .wait_for("the end of its connection", DEADLINE, move |model| !model.is(&path, interface::DEVICE, "Connected"));
    wait_for("it is new again", || status(&api)["devices"][0]["status"] == "new");
    assert_eq!(api.get("/api/ble/paired").1["devices"], Value::Array(Vec::new()));
}

#[test]
fn readings_arrive_though_the_key_of_the_hubs_workers_was_lost_and_made_anew() {
    let world = World::with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, strap());
    });
    let data = world.folder.path().join("data");
    let program = api_program();
    let api = Running::start(program.to_str().unwrap(), &data, &[]);
    let ble = Worker::start_at(&world.folder, &api.url(), STRAP);
    world.sends(STRAP, "2a37", &[0, 66]);
    let latest = |bearer: &str| {
        let (_, answer) = api.exchange("GET", "/api/vitals/heart_rate", &[("Authorization", bearer)], None);
        answer["data"]["valuePrimary"].clone()
    };
    let former = format!("Bearer {}", api.token());
    wait_for("its reading is there", || latest(&former) == 66);
    std::fs::remove_file(data.join("service.key")).unwrap();
    // Whatever is the first to look for it makes another one.
    let mut command = std::process::Command::new(program);
    let made = command.args(["token", "--role", "service"]).env("BETTI_DATA_DIR", &data).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let bearer = format!("Bearer {}", String::from_utf8(made.stdout).unwrap().trim_end());
    assert_eq!(latest(&former), Value::Null, "it is nobody's any more");
    world.sends(STRAP, "2a37", &[0, 77]);
    wait_for("its next reading is there", || latest(&bearer) == 77);
    ble.wait_for_line("service.key is another one now");
}
