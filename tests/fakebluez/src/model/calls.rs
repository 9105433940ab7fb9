//! D-Bus calls: which part of the model answers them.

use std::collections::BTreeSet;

use super::Model;
use crate::message::{Body, Call, Reply, bluez_error, dbus_error};
use crate::value::{Value, interface};

/// As a BlueZ answers `GetDiscoveryFilters`.
const DISCOVERY_FILTERS: [&str; 8] =
    ["UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData", "Discoverable", "Pattern", "AutoConnect"];

const PROLOGUE: &str = "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n\
    \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n";

impl Model {
    /// A call came in. Its answer is in [`Model::take_outgoing`] now, or later, or never.
    pub fn handle(&mut self, call: &Call) {
        if !only_looks(call) {
            let hex: String = call.arguments.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            self.log.push(format!("{} {} {hex}", call.member, call.path).trim_end().to_string());
        }
        if self.unanswered.contains(&call.member) {
            return;
        }
        if let Some(failure) = self.fail_next.get_mut(&call.member).and_then(std::collections::VecDeque::pop_front) {
            return self.reply(call.token, Err(failure));
        }
        if let Some(reply) = self.answer(call) {
            self.reply(call.token, reply);
        }
    }

    fn answer(&mut self, call: &Call) -> Option<Reply> {
        let path = call.path.as_str();
        if call.member == "Introspect" && (call.interface == interface::INTROSPECTABLE || call.interface.is_empty()) {
            return Some(Ok(Body::Text(self.introspection(path))));
        }
        if call.interface == interface::PEER {
            return Some(Ok(Body::Unit));
        }
        if !self.objects.contains_key(path) {
            let message = format!("Method \"{}\" on interface \"{}\" doesn't exist", call.member, call.interface);
            return Some(dbus_error("UnknownObject", message));
        }
        match call.interface.as_str() {
            interface::OBJECT_MANAGER => Some(Ok(self.managed_objects())),
            interface::PROPERTIES => Some(self.property_called(call)),
            interface::ADAPTER => Some(self.adapter_called(call)),
            interface::DEVICE => self.device_called(call),
            interface::CHARACTERISTIC => Some(self.characteristic_called(call)),
            interface::DESCRIPTOR if call.member == "ReadValue" => Some(Ok(Body::Bytes(vec![0, 0]))),
            interface::DESCRIPTOR | interface::AGENT_MANAGER => Some(Ok(Body::Unit)),
            _ => Some(unknown_method(call)),
        }
    }

    fn managed_objects(&self) -> Body {
        let objects = self.objects.iter().filter(|(path, _)| *path != "/");
        Body::Managed(objects.map(|(path, object)| (path.clone(), object.clone())).collect())
    }

    fn property_called(&mut self, call: &Call) -> Reply {
        let texts = &call.arguments.texts;
        let (interface, name) = (texts.first().map_or("", |text| text), texts.get(1).map_or("", |text| text));
        match call.member.as_str() {
            "GetAll" => match self.objects.get(&call.path).and_then(|object| object.get(interface)) {
                Some(properties) => Ok(Body::Dictionary(properties.clone())),
                None => dbus_error("InvalidArgs", format!("No such interface '{interface}'")),
            },
            "Get" => match self.get(&call.path, interface, name) {
                Some(value) => Ok(Body::Variant(value.clone())),
                None => dbus_error("InvalidArgs", format!("No such property '{name}'")),
            },
            "Set" => self.set_called(&call.path, interface, name, call.arguments.value.clone()),
            _ => unknown_method(call),
        }
    }

    fn set_called(&mut self, path: &str, interface: &str, name: &str, value: Option<Value>) -> Reply {
        let Some(value) = value else { return bluez_error("InvalidArguments", "Invalid arguments in method call") };
        // BlueZ sends no signal when nothing changes.
        if self.get(path, interface, name) == Some(&value) {
            return Ok(Body::Unit);
        }
        match (interface, name) {
            (interface::ADAPTER, "Powered") => self.set_powered(path, value == Value::Bool(true)),
            (interface::ADAPTER, "Alias" | "Discoverable" | "Pairable")
            | (interface::DEVICE, "Trusted" | "Blocked" | "Alias") => self.set(path, interface, name, value),
            _ => return dbus_error("PropertyReadOnly", format!("Property '{name}' is not writable")),
        }
        Ok(Body::Unit)
    }

    fn adapter_called(&mut self, call: &Call) -> Reply {
        match call.member.as_str() {
            "SetDiscoveryFilter" => {
                self.filters.insert(call.path.clone(), call.arguments.dictionary.clone());
                Ok(Body::Unit)
            }
            "GetDiscoveryFilters" => Ok(Body::Texts(DISCOVERY_FILTERS.map(String::from).to_vec())),
            "StartDiscovery" => self.start_discovery(&call.path, &call.sender),
            "StopDiscovery" => self.stop_discovery(&call.path, &call.sender),
            "RemoveDevice" => self.forget(call.arguments.texts.first().map_or("", |path| path)),
            _ => unknown_method(call),
        }
    }

    fn device_called(&mut self, call: &Call) -> Option<Reply> {
        match call.member.as_str() {
            "Connect" => self.connect(&call.path, call.token),
            "Pair" => self.pair(&call.path, call.token),
            "Disconnect" => {
                self.drop_link(&call.path);
                Some(Ok(Body::Unit))
            }
            "CancelPairing" => Some(Ok(Body::Unit)),
            _ => Some(unknown_method(call)),
        }
    }

    /// bluez-async finds services and characteristics by the names of child nodes, so these must be listed.
    fn introspection(&self, path: &str) -> String {
        let interfaces = self.objects.get(path).into_iter().flatten();
        let interfaces: String =
            interfaces.map(|(name, _)| format!("<interface name=\"{name}\"></interface>")).collect();
        let below = if path == "/" { "/".to_string() } else { format!("{path}/") };
        let inside = self.objects.keys().filter_map(|candidate| candidate.strip_prefix(&below));
        let names: BTreeSet<&str> = inside.filter_map(|rest| rest.split('/').next()).collect();
        let nodes = names.into_iter().filter(|name| !name.is_empty());
        let nodes: String = nodes.map(|name| format!("<node name=\"{name}\"/>")).collect();
        format!("{PROLOGUE}<node>{interfaces}{nodes}</node>")
    }
}

/// Calls that change nothing are not logged.
fn only_looks(call: &Call) -> bool {
    let looking = [interface::PROPERTIES, interface::INTROSPECTABLE, interface::OBJECT_MANAGER, interface::PEER];
    looking.contains(&call.interface.as_str()) && call.member != "Set"
}

fn unknown_method(call: &Call) -> Reply {
    dbus_error("UnknownMethod", format!("Method \"{}\" doesn't exist", call.member))
}
