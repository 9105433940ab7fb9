//! The object tree: properties, and the signals that tell of every change.

use super::Model;
use crate::message::{Outgoing, Signal};
use crate::value::{Interfaces, Properties, Value, interface};

impl Model {
    /// Sets one property and tells of it.
    pub fn set(&mut self, path: &str, interface: &str, name: &str, value: impl Into<Value>) {
        self.set_many(path, interface, vec![(name, value.into())], &[]);
    }

    /// Sets some properties and takes others away, in one signal.
    pub fn set_many(&mut self, path: &str, interface: &str, values: Vec<(&str, Value)>, invalidate: &[&str]) {
        let Some(properties) = self.objects.get_mut(path).and_then(|object| object.get_mut(interface)) else { return };
        let changed: Properties = values.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        properties.extend(changed.clone());
        let gone = invalidate.iter().filter(|name| properties.remove(**name).is_some());
        let invalidated: Vec<String> = gone.map(ToString::to_string).collect();
        if !(changed.is_empty() && invalidated.is_empty()) {
            self.signal(Signal::Changed { path: path.into(), interface: interface.into(), changed, invalidated });
        }
    }

    /// A property's value.
    #[must_use]
    pub fn get(&self, path: &str, interface: &str, name: &str) -> Option<&Value> {
        self.objects.get(path)?.get(interface)?.get(name)
    }

    /// Whether a property is there and true.
    #[must_use]
    pub fn is(&self, path: &str, interface: &str, name: &str) -> bool {
        self.get(path, interface, name) == Some(&Value::Bool(true))
    }

    /// Exports an object.
    pub fn add_object(&mut self, path: &str, mut interfaces: Interfaces) {
        // BlueZ lists these two in InterfacesAdded as well.
        for name in [interface::INTROSPECTABLE, interface::PROPERTIES] {
            interfaces.insert(name.into(), Properties::new());
        }
        self.objects.insert(path.into(), interfaces.clone());
        self.signal(Signal::Added { path: path.into(), interfaces });
    }

    /// Takes an object and all below it away.
    pub fn remove_tree(&mut self, path: &str) {
        let below = format!("{path}/");
        let inside = |candidate: &&String| *candidate == path || candidate.starts_with(&below);
        let mut gone: Vec<String> = self.objects.keys().filter(inside).cloned().collect();
        // Children first, as BlueZ does.
        gone.sort_by_key(|path| std::cmp::Reverse(path.len()));
        for path in gone {
            if let Some(interfaces) = self.objects.remove(&path) {
                self.signal(Signal::Removed { path, interfaces: interfaces.into_keys().collect() });
            }
        }
    }

    pub(super) fn add_interface(&mut self, path: &str, name: &str, properties: Properties) {
        let Some(object) = self.objects.get_mut(path) else { return };
        object.insert(name.into(), properties.clone());
        self.signal(Signal::Added { path: path.into(), interfaces: [(name.to_string(), properties)].into() });
    }

    pub(super) fn remove_interface(&mut self, path: &str, name: &str) {
        if self.objects.get_mut(path).and_then(|object| object.remove(name)).is_some() {
            self.signal(Signal::Removed { path: path.into(), interfaces: vec![name.into()] });
        }
    }

    fn signal(&mut self, signal: Signal) {
        self.outgoing.push(Outgoing::Signal(signal));
    }
}
