//! The fake as a client on its bus sees it.
#![allow(clippy::unwrap_used)] // A test's helper fails like the test itself.

use std::collections::HashMap;
use std::time::Duration;

use dbus::Message;
use dbus::arg::PropMap;
use dbus::channel::Channel;
use fakebluez::{BusError, Characteristic, Device, FakeBluez, Model, PrivateBus, Service, interface};

const DEADLINE: Duration = Duration::from_secs(10);
const ADAPTER: &str = "/org/bluez/hci0";
const STRAP: &str = "C8:0A:00:00:00:01";

struct World {
    bluez: FakeBluez,
    bus: PrivateBus,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::Builder::new().prefix("bz").tempdir_in("/tmp").unwrap();
    let bus = PrivateBus::start(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let bluez = FakeBluez::start(&bus.address()).unwrap();
    World { bluez, bus, _folder: folder }
}

fn strap() -> Device {
    let mut device = Device::new(STRAP, "Strap");
    device.advertised = vec!["180d"];
    let measurement = Characteristic { uuid: "2a37", flags: vec!["notify"], ..Default::default() };
    device.services = vec![Service { uuid: "180d", characteristics: vec![measurement] }];
    device
}

fn client(world: &World) -> Channel {
    let mut channel = Channel::open_private(&world.bus.address()).unwrap();
    channel.register().unwrap();
    channel
}

fn has_owner(channel: &Channel) -> bool {
    let bus = "org.freedesktop.DBus";
    let message = Message::new_method_call(bus, "/org/freedesktop/DBus", bus, "NameHasOwner").unwrap();
    channel.send_with_reply_and_block(message.append1("org.bluez"), DEADLINE).unwrap().read1().unwrap()
}

fn call(channel: &Channel, path: &str, interface: &str, member: &str) -> Result<Message, dbus::Error> {
    let message = Message::new_method_call("org.bluez", path, interface, member).unwrap();
    channel.send_with_reply_and_block(message, DEADLINE)
}

fn discover_and_connect(world: &World, client: &Channel) -> String {
    world.bluez.with(|model| {
        let adapter = model.add_adapter("hci0", true);
        model.add_device(&adapter, strap());
    });
    call(client, ADAPTER, interface::ADAPTER, "StartDiscovery").unwrap();
    let device = Model::device_path(ADAPTER, STRAP);
    call(client, &device, interface::DEVICE, "Connect").unwrap();
    let path = device.clone();
    world
        .bluez
        .wait_for("resolved services", DEADLINE, move |model| model.is(&path, interface::DEVICE, "ServicesResolved"));
    device
}

#[test]
fn a_client_finds_the_adapter_among_the_managed_objects() {
    let world = world();
    world.bluez.with(|model| model.add_adapter("hci0", false));
    let reply = call(&client(&world), "/", interface::OBJECT_MANAGER, "GetManagedObjects").unwrap();
    let objects: HashMap<dbus::Path<'_>, HashMap<String, PropMap>> = reply.read1().unwrap();
    let adapter = &objects[&dbus::Path::from(ADAPTER)][interface::ADAPTER];
    assert_eq!(dbus::arg::prop_cast(adapter, "Powered"), Some(&false));
}

#[test]
fn an_adapter_that_is_off_does_not_discover() {
    let world = world();
    world.bluez.with(|model| model.add_adapter("hci0", false));
    let error = call(&client(&world), ADAPTER, interface::ADAPTER, "StartDiscovery").unwrap_err();
    assert_eq!(error.name(), Some("org.bluez.Error.NotReady"));
}

#[test]
fn a_notify_session_outlives_the_connection() {
    let world = world();
    let client = client(&world);
    let device = discover_and_connect(&world, &client);
    call(&client, &format!("{device}/service000a/char000b"), interface::CHARACTERISTIC, "StartNotify").unwrap();
    let path = device.clone();
    assert!(world.bluez.with(move |model| model.notify(&path, "2a37", vec![0, 60])));
    let path = device.clone();
    assert!(!world.bluez.with(move |model| {
        model.drop_link(&path);
        model.notify(&path, "2a37", vec![0, 61])
    }));
    call(&client, &device, interface::DEVICE, "Connect").unwrap();
    assert!(world.bluez.with(move |model| model.notify(&device, "2a37", vec![0, 62])));
}

#[test]
fn a_client_that_leaves_takes_its_discovery_and_sessions_along() {
    let world = world();
    let client = client(&world);
    let device = discover_and_connect(&world, &client);
    call(&client, &format!("{device}/service000a/char000b"), interface::CHARACTERISTIC, "StartNotify").unwrap();
    drop(client);
    world.bluez.wait_for("the end of the discovery", DEADLINE, move |model| {
        !model.is(ADAPTER, interface::ADAPTER, "Discovering") && !model.has_session(&device, "2a37")
    });
}

#[test]
fn nobody_answers_when_bluetoothd_has_died() {
    let world = world();
    let client = client(&world);
    world.bluez.stop();
    // Asked before the bus has noticed, it would wait for an answer and say that none came.
    while has_owner(&client) {}
    let error = call(&client, "/", interface::OBJECT_MANAGER, "GetManagedObjects").unwrap_err();
    assert_eq!(error.name(), Some("org.freedesktop.DBus.Error.ServiceUnknown"));
}

#[test]
fn a_missing_daemon_is_named_with_the_command_that_installs_it() {
    let words = BusError::NotInstalled.to_string();
    assert!(words.contains("apt-get install -y --no-install-recommends dbus-daemon"), "{words}");
}
