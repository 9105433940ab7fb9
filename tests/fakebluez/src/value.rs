//! What a property can hold, and the names of the interfaces that hold them.

use std::collections::BTreeMap;

/// A D-Bus value of one of the shapes that BlueZ uses.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `b`
    Bool(bool),
    /// `n`
    I16(i16),
    /// `q`
    U16(u16),
    /// `u`
    U32(u32),
    /// `s`
    Text(String),
    /// `o`
    Path(String),
    /// `ay`
    Bytes(Vec<u8>),
    /// `as`
    Texts(Vec<String>),
    /// `ao`
    Paths(Vec<String>),
    /// `a{qv}` of `ay`: company and data
    Manufacturer(BTreeMap<u16, Vec<u8>>),
    /// `a{sv}` of `ay`: service UUID and data
    ServiceData(BTreeMap<String, Vec<u8>>),
    /// Anything a client sent that the fake does not model, as its debug text.
    Other(String),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i16> for Value {
    fn from(value: i16) -> Self {
        Self::I16(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// Properties of one interface of one object.
pub type Properties = BTreeMap<String, Value>;
/// Interfaces of one object.
pub type Interfaces = BTreeMap<String, Properties>;

/// Properties from pairs, without the noise of `to_string`.
pub(crate) fn properties<const N: usize>(pairs: [(&str, Value); N]) -> Properties {
    pairs.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// Names of D-Bus interfaces.
pub mod interface {
    /// A Bluetooth controller.
    pub const ADAPTER: &str = "org.bluez.Adapter1";
    /// A remote device.
    pub const DEVICE: &str = "org.bluez.Device1";
    /// A GATT service of a remote device.
    pub const SERVICE: &str = "org.bluez.GattService1";
    /// A GATT characteristic of a remote device.
    pub const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";
    /// A GATT descriptor of a remote device.
    pub const DESCRIPTOR: &str = "org.bluez.GattDescriptor1";
    /// A battery level that bluetoothd read by itself.
    pub const BATTERY: &str = "org.bluez.Battery1";
    /// Where pairing agents register.
    pub const AGENT_MANAGER: &str = "org.bluez.AgentManager1";
    /// Reading, writing and hearing of properties.
    pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
    /// What an object offers, and its children.
    pub const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
    /// The whole tree at once, and what is added to it or removed.
    pub const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
    /// Every D-Bus peer answers `Ping` here.
    pub const PEER: &str = "org.freedesktop.DBus.Peer";
}
