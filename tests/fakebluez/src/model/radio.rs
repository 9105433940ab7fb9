//! Devices in the air: heard, exported, forgotten.

use std::collections::HashMap;

use super::{Known, Link, Model, parent};
use crate::device::{Device, uuid128};
use crate::value::{Interfaces, Value, interface::ADAPTER, interface::DEVICE, properties};

impl Model {
    /// The path of a device of this adapter.
    #[must_use]
    pub fn device_path(adapter: &str, address: &str) -> String {
        format!("{adapter}/dev_{}", address.replace(':', "_"))
    }

    /// Puts a device in radio range and, when bonded, in BlueZ's storage; gives its path. It shows up on D-Bus when a
    /// discovery is running, or at once when bonded.
    pub fn add_device(&mut self, adapter: &str, device: Device) -> String {
        let path = Self::device_path(adapter, device.address);
        let bonded = device.bonded;
        let known = Known { device, link: Link::Down, present: true, generation: 0, characteristics: HashMap::new() };
        self.devices.insert(path.clone(), known);
        if bonded {
            self.export_device(&path);
        }
        self.heard_if_discovering(&path);
        path
    }

    /// Takes a device out of radio range, or brings it back.
    pub fn set_present(&mut self, path: &str, present: bool) {
        let Some(known) = self.devices.get_mut(path) else { return };
        known.present = present;
        if present {
            self.heard_if_discovering(path);
            self.auto_connect(path);
        } else {
            self.go_away(path);
        }
    }

    /// One advertisement was received while discovering.
    pub fn heard(&mut self, path: &str) {
        let Some(known) = self.devices.get(path) else { return };
        if !known.present || !known.device.passes(&self.wanted(parent(path))) {
            return;
        }
        if !self.objects.contains_key(path) {
            return self.export_device(path);
        }
        let mut values = vec![("RSSI", known.device.rssi.into())];
        values.extend(advertised_data(&known.device));
        self.set_many(path, DEVICE, values, &[]);
    }

    /// The UUIDs that clients want to hear of on this adapter; none = all.
    fn wanted(&self, adapter: &str) -> Vec<String> {
        match self.filters.get(adapter).and_then(|filter| filter.get("UUIDs")) {
            Some(Value::Texts(uuids)) => uuids.clone(),
            _ => Vec::new(),
        }
    }

    fn heard_if_discovering(&mut self, path: &str) {
        if self.is(parent(path), ADAPTER, "Discovering") {
            self.heard(path);
        }
    }

    fn auto_connect(&mut self, path: &str) {
        let wants = |known: &Known| known.device.auto_connect && known.device.bonded && known.link == Link::Down;
        if self.devices.get(path).is_some_and(wants) {
            self.log.push(format!("(auto-connect) {path}"));
            if let Some(Err(error)) = self.connect(path, 0) {
                self.log.push(format!("(auto-connect failed) {path} {error:?}"));
            }
        }
    }

    fn go_away(&mut self, path: &str) {
        self.drop_link(path);
        if self.devices.get(path).is_some_and(|known| known.device.bonded) {
            self.set_many(path, DEVICE, Vec::new(), &["RSSI"]);
        } else {
            self.remove_tree(path);
        }
    }

    /// GATT objects come with the first connection, and stay for as long as the device does.
    fn export_device(&mut self, path: &str) {
        let Some(known) = self.devices.get(path) else { return };
        let device = &known.device;
        let alias = device.name.map_or_else(|| device.address.replace(':', "-"), ToString::to_string);
        let mut all = properties([
            ("Address", device.address.into()),
            ("AddressType", device.address_type.into()),
            ("Alias", alias.into()),
            ("Paired", device.bonded.into()),
            ("Bonded", device.bonded.into()),
            ("Trusted", device.bonded.into()),
            ("Blocked", false.into()),
            ("LegacyPairing", false.into()),
            ("Connected", false.into()),
            ("ServicesResolved", false.into()),
            ("UUIDs", Value::Texts(device.advertised.iter().map(|uuid| uuid128(uuid)).collect())),
            ("Adapter", Value::Path(parent(path).into())),
        ]);
        let name = device.name.map(|name| ("Name", name.into()));
        // What comes from storage alone was not heard.
        let rssi = (!device.bonded).then(|| ("RSSI", device.rssi.into()));
        let optional = name.into_iter().chain(rssi).chain(advertised_data(device));
        all.extend(optional.map(|(name, value)| (name.to_string(), value)));
        self.add_object(path, Interfaces::from([(DEVICE.to_string(), all)]));
    }
}

fn advertised_data(device: &Device) -> Vec<(&'static str, Value)> {
    let mut data = Vec::new();
    if !device.manufacturer.is_empty() {
        data.push(("ManufacturerData", Value::Manufacturer(device.manufacturer.clone())));
    }
    if !device.service_data.is_empty() {
        let by_uuid = device.service_data.iter().map(|(uuid, bytes)| (uuid128(uuid), bytes.clone())).collect();
        data.push(("ServiceData", Value::ServiceData(by_uuid)));
    }
    data
}
