//! Connections: made, resolved, lost; and bonds.

use super::{Link, Model, parent};
use crate::device::uuid128;
use crate::message::{Body, Reply, bluez_error};
use crate::value::{Value, interface::ADAPTER, interface::BATTERY, interface::DEVICE, properties};

impl Model {
    /// The link is lost, or the device hangs up.
    pub fn drop_link(&mut self, path: &str) {
        let Some(known) = self.devices.get_mut(path) else { return };
        known.generation += 1;
        match std::mem::replace(&mut known.link, Link::Down) {
            Link::Down => return,
            Link::Connecting(token) => return self.reply(token, bluez_error("Failed", "le-connection-abort-by-local")),
            Link::Up => {}
        }
        self.remove_interface(path, BATTERY);
        self.set(path, DEVICE, "ServicesResolved", false);
        self.set(path, DEVICE, "Connected", false);
    }

    /// `None` = the answer comes later.
    pub(super) fn connect(&mut self, path: &str, token: u64) -> Option<Reply> {
        if !self.is(parent(path), ADAPTER, "Powered") {
            return Some(bluez_error("NotReady", "Resource Not Ready"));
        }
        let known = self.devices.get_mut(path)?;
        match known.link {
            Link::Up => return Some(Ok(Body::Unit)),
            Link::Connecting(_) => return Some(bluez_error("InProgress", "Operation already in progress")),
            Link::Down => {}
        }
        if let Some((name, message)) = known.device.connect_errors.pop_front() {
            return Some(bluez_error(name, message));
        }
        known.link = Link::Connecting(token);
        // The kernel keeps looking for an absent device: no answer until a timeout or Disconnect.
        if known.present {
            let path = path.to_string();
            self.after(self.devices[&path].device.connect_delay, move |model| model.connected(&path, token));
        }
        None
    }

    pub(super) fn pair(&mut self, path: &str, token: u64) -> Option<Reply> {
        let known = self.devices.get(path)?;
        if known.device.bonded {
            return Some(bluez_error("AlreadyExists", "Already Exists"));
        }
        if !known.device.can_pair {
            return Some(bluez_error("AuthenticationFailed", "Authentication Failed"));
        }
        let down = known.link == Link::Down;
        self.bond(path);
        if down { self.connect(path, token) } else { Some(Ok(Body::Unit)) }
    }

    pub(super) fn forget(&mut self, path: &str) -> Reply {
        if !self.devices.contains_key(path) {
            return bluez_error("DoesNotExist", "Does Not Exist");
        }
        self.drop_link(path);
        if let Some(known) = self.devices.get_mut(path) {
            known.device.bonded = false;
        }
        self.remove_tree(path);
        Ok(Body::Unit)
    }

    pub(super) fn bond(&mut self, path: &str) {
        if let Some(known) = self.devices.get_mut(path) {
            known.device.bonded = true;
            self.set_many(path, DEVICE, vec![("Paired", true.into()), ("Bonded", true.into())], &[]);
        }
    }

    fn connected(&mut self, path: &str, token: u64) {
        let Some(known) = self.devices.get_mut(path) else { return };
        if known.link != Link::Connecting(token) {
            return;
        }
        known.link = Link::Up;
        let (generation, resolve_delay) = (known.generation, known.device.resolve_delay);
        self.set(path, DEVICE, "Connected", true);
        self.reply(token, Ok(Body::Unit));
        self.resubscribe(path);
        let path = path.to_string();
        self.after(resolve_delay, move |model| model.resolved(&path, generation));
    }

    fn resolved(&mut self, path: &str, generation: u64) {
        let Some(known) = self.devices.get(path) else { return };
        if known.generation != generation || known.link != Link::Up {
            return;
        }
        let device = known.device.clone();
        if device.late_characteristics.is_zero() {
            self.export_gatt(path);
        } else {
            let path = path.to_string();
            self.after(device.late_characteristics, move |model| model.export_gatt(&path));
        }
        if let Some(percent) = device.battery {
            self.add_interface(path, BATTERY, properties([("Percentage", Value::U16(percent.into()))]));
        }
        let uuids = device.services.iter().map(|service| uuid128(service.uuid)).collect();
        self.set_many(path, DEVICE, vec![("UUIDs", Value::Texts(uuids)), ("ServicesResolved", true.into())], &[]);
    }
}
