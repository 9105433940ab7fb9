//! Services and characteristics: exported, read, written, subscribed to, notifying.

use std::collections::HashMap;
use std::time::Duration;

use super::{Link, Model};
use crate::device::{Characteristic, Script, Step, uuid128};
use crate::message::{Body, Call, Reply, bluez_error, dbus_error};
use crate::value::{Interfaces, Value, interface, interface::CHARACTERISTIC, properties};

/// The first handle after those that BlueZ keeps to itself.
const FIRST_HANDLE: u16 = 0x0a;
const MTU: u16 = 185;

impl Model {
    /// A device notifies or indicates, by characteristic UUID; says whether a client had asked for it.
    pub fn notify(&mut self, device: &str, uuid: &str, value: Vec<u8>) -> bool {
        let Some(path) = self.characteristic_path(device, uuid) else { return false };
        let up = self.devices.get(device).is_some_and(|known| known.link == Link::Up);
        let heard = up && self.is_subscribed(&path);
        if heard {
            self.set(&path, CHARACTERISTIC, "Value", Value::Bytes(value));
        }
        heard
    }

    /// Whether a client has a notify session on the device's characteristic with this UUID.
    #[must_use]
    pub fn has_session(&self, device: &str, uuid: &str) -> bool {
        self.characteristic_path(device, uuid).is_some_and(|path| self.is_subscribed(&path))
    }

    /// From now on this follows when the device's characteristic with this UUID is subscribed to.
    pub fn set_script(&mut self, device: &str, uuid: &str, script: Script) {
        let Some(known) = self.devices.get_mut(device) else { return };
        let all = known.device.services.iter_mut().flat_map(|service| &mut service.characteristics);
        all.filter(|characteristic| characteristic.uuid == uuid)
            .for_each(|characteristic| characteristic.on_subscribe.clone_from(&script));
    }

    fn is_subscribed(&self, path: &str) -> bool {
        self.sessions.get(path).is_some_and(|clients| !clients.is_empty())
    }

    fn characteristic_path(&self, device: &str, uuid: &str) -> Option<String> {
        let below = format!("{device}/");
        let uuid = Value::Text(uuid128(uuid));
        let has_uuid = |object: &Interfaces| {
            object.get(CHARACTERISTIC).is_some_and(|properties| properties.get("UUID") == Some(&uuid))
        };
        let mut found = self.objects.iter().filter(|(path, object)| path.starts_with(&below) && has_uuid(object));
        found.next().map(|(path, _)| path.clone())
    }

    /// Exports the device's services; those that are there stay as they are.
    pub(super) fn export_gatt(&mut self, device: &str) {
        let Some(known) = self.devices.get(device) else { return };
        let services = known.device.services.clone();
        let mut handle = FIRST_HANDLE;
        let mut characteristics = HashMap::new();
        for (service_place, service) in services.iter().enumerate() {
            let service_path = format!("{device}/service{handle:04x}");
            handle += 1;
            self.export_service(&service_path, device, service.uuid);
            for (place, characteristic) in service.characteristics.iter().enumerate() {
                let path = format!("{service_path}/char{handle:04x}");
                self.export_characteristic(&path, &service_path, characteristic, handle + 2);
                handle += 3;
                characteristics.insert(path, (service_place, place));
            }
        }
        if let Some(known) = self.devices.get_mut(device) {
            known.characteristics = characteristics;
        }
    }

    fn export_service(&mut self, path: &str, device: &str, uuid: &str) {
        if self.objects.contains_key(path) {
            return;
        }
        let properties = properties([
            ("UUID", uuid128(uuid).into()),
            ("Device", Value::Path(device.into())),
            ("Primary", true.into()),
            ("Includes", Value::Paths(Vec::new())),
        ]);
        self.add_object(path, Interfaces::from([(interface::SERVICE.to_string(), properties)]));
    }

    fn export_characteristic(&mut self, path: &str, service: &str, characteristic: &Characteristic, descriptor: u16) {
        if self.objects.contains_key(path) {
            return;
        }
        let mut all = properties([
            ("UUID", uuid128(characteristic.uuid).into()),
            ("Service", Value::Path(service.into())),
            ("Flags", Value::Texts(characteristic.flags.iter().map(ToString::to_string).collect())),
            ("MTU", Value::U16(MTU)),
        ]);
        let notifies = characteristic.flags.iter().any(|flag| matches!(*flag, "notify" | "indicate"));
        if notifies {
            all.insert("Notifying".into(), false.into());
        }
        self.add_object(path, Interfaces::from([(CHARACTERISTIC.to_string(), all)]));
        if notifies {
            let owner = ("Characteristic", Value::Path(path.into()));
            let configuration = properties([("UUID", uuid128("2902").into()), owner]);
            let interfaces = Interfaces::from([(interface::DESCRIPTOR.to_string(), configuration)]);
            self.add_object(&format!("{path}/desc{descriptor:04x}"), interfaces);
        }
    }

    /// What the device does once BlueZ has renewed the notify sessions of before.
    pub(super) fn resubscribe(&mut self, device: &str) {
        let Some(known) = self.devices.get(device) else { return };
        let renewed = known.characteristics.iter().filter(|(path, _)| self.is_subscribed(path));
        let scripts: Vec<Script> = renewed
            .map(|(_, &(service, place))| known.device.services[service].characteristics[place].on_subscribe.clone())
            .collect();
        for script in scripts {
            self.play(device, script);
        }
    }

    pub(super) fn characteristic_called(&mut self, call: &Call) -> Reply {
        let path = call.path.as_str();
        let device = path.split("/service").next().unwrap_or_default().to_string();
        let Some(known) = self.devices.get(&device) else { return bluez_error("Failed", "No such device") };
        let Some(&place) = known.characteristics.get(path) else { return bluez_error("Failed", "Not resolved") };
        let characteristic = known.device.services[place.0].characteristics[place.1].clone();
        let (up, bonded, can_pair) = (known.link == Link::Up, known.device.bonded, known.device.can_pair);
        if !up {
            return self.called_while_down(call);
        }
        if characteristic.secured && !bonded {
            if !can_pair {
                return bluez_error("NotPermitted", "Not paired");
            }
            // BlueZ raises the link's security by itself, and that pairs.
            self.bond(&device);
        }
        let can = |flags: &[&str]| characteristic.flags.iter().any(|flag| flags.contains(flag));
        match call.member.as_str() {
            "ReadValue" if can(&["read"]) => Ok(Body::Bytes(characteristic.value)),
            "ReadValue" => bluez_error("NotPermitted", "Read not permitted"),
            "WriteValue" if can(&["write", "write-without-response"]) => {
                self.written(&device, place, &call.arguments.bytes)
            }
            "WriteValue" => bluez_error("NotPermitted", "Write not permitted"),
            "StartNotify" if can(&["notify", "indicate"]) => {
                self.subscribed(&device, call, characteristic.on_subscribe)
            }
            "StartNotify" => bluez_error("NotSupported", "Operation is not supported"),
            "StopNotify" => self.unsubscribed(call),
            other => dbus_error("UnknownMethod", other.into()),
        }
    }

    /// BlueZ takes a notify session and subscribes by itself once the device connects; nothing else works.
    fn called_while_down(&mut self, call: &Call) -> Reply {
        if call.member != "StartNotify" {
            return bluez_error("Failed", "Not connected");
        }
        self.sessions.entry(call.path.clone()).or_default().insert(call.sender.clone());
        Ok(Body::Unit)
    }

    fn written(&mut self, device: &str, place: (usize, usize), bytes: &[u8]) -> Reply {
        let Some(known) = self.devices.get_mut(device) else { return bluez_error("Failed", "No such device") };
        let characteristic = &mut known.device.services[place.0].characteristics[place.1];
        characteristic.value = bytes.to_vec();
        let answer = characteristic.on_write.iter().find(|(start, _)| bytes.starts_with(start));
        if let Some(script) = answer.map(|(_, script)| script.clone()) {
            self.play(device, script);
        }
        Ok(Body::Unit)
    }

    fn subscribed(&mut self, device: &str, call: &Call, script: Script) -> Reply {
        if self.sessions.entry(call.path.clone()).or_default().insert(call.sender.clone()) {
            self.set(&call.path, CHARACTERISTIC, "Notifying", true);
            self.play(device, script);
        }
        Ok(Body::Unit)
    }

    fn unsubscribed(&mut self, call: &Call) -> Reply {
        if !self.sessions.entry(call.path.clone()).or_default().remove(&call.sender) {
            return bluez_error("Failed", "No notify session started");
        }
        self.set(&call.path, CHARACTERISTIC, "Notifying", false);
        Ok(Body::Unit)
    }

    fn play(&mut self, device: &str, script: Script) {
        let Some(generation) = self.devices.get(device).map(|known| known.generation) else { return };
        let mut at = Duration::ZERO;
        for (delay, step) in script {
            at += delay;
            let device = device.to_string();
            self.after(at, move |model| model.step(&device, generation, step));
        }
    }

    fn step(&mut self, device: &str, generation: u64, step: Step) {
        let Some(known) = self.devices.get(device) else { return };
        // Going out of range comes after the device has hung up; all else ends with the connection.
        let leaves_after_hanging_up = matches!(step, Step::GoAway) && known.link == Link::Down;
        if known.generation != generation && !leaves_after_hanging_up {
            return;
        }
        match step {
            Step::Notify(uuid, value) => {
                self.notify(device, uuid, value);
            }
            Step::Drop => self.drop_link(device),
            Step::GoAway => self.set_present(device, false),
        }
    }
}
