//! Between messages on the wire and the model's own words.

use std::collections::HashMap;
use std::ffi::CString;

use dbus::arg::{PropMap, RefArg, Variant, cast};
use dbus::{Message, Path};

use crate::message::{Arguments, Body, Reply, Signal};
use crate::value::{Interfaces, Properties, Value, interface};

type AnyVariant = Variant<Box<dyn RefArg>>;

/// What the model wants to know of a call's arguments.
pub(super) fn arguments(interface: &str, member: &str, message: &Message) -> Arguments {
    read(interface, member, message).unwrap_or_default()
}

fn read(interface: &str, member: &str, message: &Message) -> Result<Arguments, dbus::arg::TypeMismatchError> {
    let mut arguments = Arguments::default();
    match (interface, member) {
        (interface::PROPERTIES, "Get") => {
            let (interface, name) = message.read2::<String, String>()?;
            arguments.texts = vec![interface, name];
        }
        (interface::PROPERTIES, "GetAll") => arguments.texts = vec![message.read1::<String>()?],
        (interface::PROPERTIES, "Set") => {
            let (interface, name, value) = message.read3::<String, String, AnyVariant>()?;
            arguments.texts = vec![interface, name];
            arguments.value = Some(to_value(&value));
        }
        (_, "SetDiscoveryFilter") => {
            let filter = message.read1::<PropMap>()?;
            arguments.dictionary = filter.iter().map(|(name, value)| (name.clone(), to_value(value))).collect();
        }
        (_, "WriteValue") => arguments.bytes = message.read2::<Vec<u8>, PropMap>()?.0,
        (_, "RemoveDevice") => arguments.texts = vec![message.read1::<Path<'_>>()?.to_string()],
        _ => {}
    }
    Ok(arguments)
}

pub(super) fn reply(call: &Message, reply: Reply) -> Message {
    let body = match reply {
        Ok(body) => body,
        Err((name, message)) => return call.error(&name.into(), &CString::new(message).unwrap_or_default()),
    };
    let message = call.method_return();
    match body {
        Body::Unit => message,
        Body::Text(text) => message.append1(text),
        Body::Texts(texts) => message.append1(texts),
        Body::Bytes(bytes) => message.append1(bytes),
        Body::Variant(value) => message.append1(to_variant(&value)),
        Body::Dictionary(properties) => message.append1(to_dictionary(&properties)),
        Body::Managed(objects) => {
            let objects = objects.iter().map(|(path, object)| (to_path(path), to_interfaces(object)));
            message.append1(objects.collect::<HashMap<Path<'_>, _>>())
        }
    }
}

pub(super) fn signal(signal: Signal) -> Message {
    let manager = |member: &str| new_signal("/", interface::OBJECT_MANAGER, member);
    match signal {
        Signal::Added { path, interfaces } => {
            manager("InterfacesAdded").append2(to_path(&path), to_interfaces(&interfaces))
        }
        Signal::Removed { path, interfaces } => manager("InterfacesRemoved").append2(to_path(&path), interfaces),
        Signal::Changed { path, interface, changed, invalidated } => new_signal(
            &path,
            interface::PROPERTIES,
            "PropertiesChanged",
        )
        .append3(interface, to_dictionary(&changed), invalidated),
    }
}

fn new_signal(path: &str, interface: &str, member: &str) -> Message {
    Message::signal(&to_path(path), &interface.into(), &member.into())
}

fn to_path(path: &str) -> Path<'static> {
    Path::from(path.to_string())
}

fn to_variant(value: &Value) -> AnyVariant {
    let boxed: Box<dyn RefArg> = match value {
        Value::Bool(value) => Box::new(*value),
        Value::I16(number) => Box::new(*number),
        Value::U16(number) => Box::new(*number),
        Value::U32(number) => Box::new(*number),
        Value::Text(text) | Value::Other(text) => Box::new(text.clone()),
        Value::Path(path) => Box::new(to_path(path)),
        Value::Bytes(bytes) => Box::new(bytes.clone()),
        Value::Texts(texts) => Box::new(texts.clone()),
        Value::Paths(paths) => Box::new(paths.iter().map(|path| to_path(path)).collect::<Vec<_>>()),
        Value::Manufacturer(data) => Box::new(of_bytes(data)),
        Value::ServiceData(data) => Box::new(of_bytes(data)),
    };
    Variant(boxed)
}

fn of_bytes<K: Clone + Eq + std::hash::Hash>(data: &std::collections::BTreeMap<K, Vec<u8>>) -> HashMap<K, AnyVariant> {
    let boxed = |bytes: &Vec<u8>| Variant(Box::new(bytes.clone()) as Box<dyn RefArg>);
    data.iter().map(|(key, bytes)| (key.clone(), boxed(bytes))).collect()
}

fn to_dictionary(properties: &Properties) -> PropMap {
    properties.iter().map(|(name, value)| (name.clone(), to_variant(value))).collect()
}

fn to_interfaces(interfaces: &Interfaces) -> HashMap<String, PropMap> {
    interfaces.iter().map(|(name, properties)| (name.clone(), to_dictionary(properties))).collect()
}

fn to_value(variant: &AnyVariant) -> Value {
    let value = &variant.0;
    if let Some(truth) = cast::<bool>(value) {
        return Value::Bool(*truth);
    }
    if let Some(number) = cast::<i16>(value) {
        return Value::I16(*number);
    }
    if let Some(number) = cast::<u16>(value) {
        return Value::U16(*number);
    }
    if let Some(number) = cast::<u32>(value) {
        return Value::U32(*number);
    }
    if let Some(text) = value.as_str() {
        return Value::Text(text.into());
    }
    let texts = value.as_iter().and_then(|items| items.map(|item| item.as_str().map(String::from)).collect());
    texts.map_or_else(|| Value::Other(format!("{value:?}")), Value::Texts)
}
