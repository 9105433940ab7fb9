//! What goes in and out of the model: calls, replies, signals.

use std::collections::BTreeMap;

use crate::value::{Interfaces, Properties, Value};

/// A method call that reached the fake.
#[derive(Clone, Debug)]
pub struct Call {
    /// Names the call in a later [`Outgoing::Reply`].
    pub token: u64,
    /// The client's unique bus name.
    pub sender: String,
    /// The object that is called.
    pub path: String,
    /// The interface that is called; may be empty.
    pub interface: String,
    /// The method.
    pub member: String,
    /// What the transport understood of the arguments.
    pub arguments: Arguments,
}

/// Arguments of the methods that the fake knows; all else is ignored.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Leading strings and object paths.
    pub texts: Vec<String>,
    /// A characteristic's value.
    pub bytes: Vec<u8>,
    /// A dictionary, as of `SetDiscoveryFilter`.
    pub dictionary: Properties,
    /// The value of `Properties.Set`.
    pub value: Option<Value>,
}

/// The content of a successful reply.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Unit,
    /// `s`
    Text(String),
    /// `as`
    Texts(Vec<String>),
    /// `ay`
    Bytes(Vec<u8>),
    /// `v`
    Variant(Value),
    /// `a{sv}`
    Dictionary(Properties),
    /// `a{oa{sa{sv}}}`
    Managed(BTreeMap<String, Interfaces>),
}

/// A reply, or an error's name and message.
pub type Reply = Result<Body, (String, String)>;

/// A signal.
#[derive(Clone, Debug)]
pub enum Signal {
    /// `InterfacesAdded`
    Added {
        /// The object.
        path: String,
        /// What it has.
        interfaces: Interfaces,
    },
    /// `InterfacesRemoved`
    Removed {
        /// The object.
        path: String,
        /// The names of what it had.
        interfaces: Vec<String>,
    },
    /// `PropertiesChanged`
    Changed {
        /// The object.
        path: String,
        /// The interface.
        interface: String,
        /// New values.
        changed: Properties,
        /// Properties that are no more.
        invalidated: Vec<String>,
    },
}

/// Something for the transport to send.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// To everyone who listens.
    Signal(Signal),
    /// To the sender of the call with this token.
    Reply(u64, Reply),
}

/// An error of BlueZ's own.
pub(crate) fn bluez_error(name: &str, message: &str) -> Reply {
    Err((format!("org.bluez.Error.{name}"), message.into()))
}

/// An error of D-Bus itself.
pub(crate) fn dbus_error(name: &str, message: String) -> Reply {
    Err((format!("org.freedesktop.DBus.Error.{name}"), message))
}
