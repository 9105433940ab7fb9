//! Controllers: plugged in, unplugged, switched on and off, discovering.

use super::Model;
use crate::message::{Body, Reply, bluez_error};
use crate::value::{Interfaces, Value, interface::ADAPTER, interface::DEVICE, properties};

impl Model {
    /// Plugs a controller in, as `hci0`; gives its path.
    pub fn add_adapter(&mut self, name: &str, powered: bool) -> String {
        let path = format!("/org/bluez/{name}");
        let properties = properties([
            ("Address", "DC:A6:32:00:00:01".into()),
            ("AddressType", "public".into()),
            ("Name", "betti".into()),
            ("Alias", "betti".into()),
            ("Class", Value::U32(0)),
            ("Powered", powered.into()),
            ("Discoverable", false.into()),
            ("DiscoverableTimeout", Value::U32(180)),
            ("Pairable", false.into()),
            ("PairableTimeout", Value::U32(0)),
            ("Discovering", false.into()),
            ("UUIDs", Value::Texts(Vec::new())),
            ("Modalias", "usb:v1D6Bp0246d0542".into()),
            ("Roles", Value::Texts(vec!["central".into(), "peripheral".into()])),
        ]);
        self.add_object(&path, Interfaces::from([(ADAPTER.to_string(), properties)]));
        path
    }

    /// Unplugs a controller, or lets it crash: all that belongs to it goes.
    pub fn remove_adapter(&mut self, adapter: &str) {
        self.drop_links_of(adapter);
        self.discovery.remove(adapter);
        self.remove_tree(adapter);
    }

    /// Switches a controller on or off, as a user does with `bluetoothctl`.
    pub fn set_powered(&mut self, adapter: &str, powered: bool) {
        self.set(adapter, ADAPTER, "Powered", powered);
        if !powered {
            self.drop_links_of(adapter);
            self.discovery.remove(adapter);
            self.discovery_changed(adapter);
        }
    }

    /// A client left the bus: BlueZ watches the name, and ends its discovery and notify sessions.
    pub fn client_gone(&mut self, client: &str) {
        for clients in self.sessions.values_mut() {
            clients.remove(client);
        }
        let adapters: Vec<String> = self.discovery.keys().cloned().collect();
        for adapter in adapters {
            if self.discovery.get_mut(&adapter).is_some_and(|clients| clients.remove(client)) {
                self.discovery_changed(&adapter);
            }
        }
    }

    pub(super) fn start_discovery(&mut self, adapter: &str, client: &str) -> Reply {
        if !self.is(adapter, ADAPTER, "Powered") {
            return bluez_error("NotReady", "Resource Not Ready");
        }
        if !self.discovery.entry(adapter.into()).or_default().insert(client.into()) {
            return bluez_error("InProgress", "Operation already in progress");
        }
        self.discovery_changed(adapter);
        Ok(Body::Unit)
    }

    pub(super) fn stop_discovery(&mut self, adapter: &str, client: &str) -> Reply {
        if !self.discovery.entry(adapter.into()).or_default().remove(client) {
            return bluez_error("Failed", "No discovery started");
        }
        self.discovery_changed(adapter);
        Ok(Body::Unit)
    }

    pub(super) fn paths_of_devices(&self, adapter: &str) -> Vec<String> {
        let below = format!("{adapter}/");
        self.devices.keys().filter(|path| path.starts_with(&below)).cloned().collect()
    }

    fn drop_links_of(&mut self, adapter: &str) {
        for device in self.paths_of_devices(adapter) {
            self.drop_link(&device);
        }
    }

    fn discovery_changed(&mut self, adapter: &str) {
        let running = self.discovery.get(adapter).is_some_and(|clients| !clients.is_empty());
        if self.is(adapter, ADAPTER, "Discovering") != running {
            self.set(adapter, ADAPTER, "Discovering", running);
        }
        for device in self.paths_of_devices(adapter) {
            if running {
                self.heard(&device);
            } else {
                self.set_many(&device, DEVICE, Vec::new(), &["RSSI", "TxPower"]);
            }
        }
    }
}
