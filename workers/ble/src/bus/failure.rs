//! What an error of the Bluetooth stack means for us.

use std::time::Duration;

use bluez_async::BluetoothError;
use tokio::time::timeout;

/// Every call has a deadline: one to a bus that died hangs for half a minute.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// An error of btleplug's, or none in time.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error(transparent)]
    Bluetooth(#[from] btleplug::Error),
}

/// What is behind an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The message bus is not there, or does not answer.
    NoBus,
    /// bluetoothd is not there.
    NoBluez,
    /// The object is gone: a device that BlueZ forgot, an adapter that was unplugged.
    Gone,
    /// The device wants to be paired first, or pairing failed.
    NotPaired,
    /// Something of the same kind is going on already.
    InProgress,
    /// The adapter is switched off.
    NotReady,
    /// Anything else: worth another try.
    Other,
}

/// Makes a call with a deadline.
pub async fn within<T>(limit: Duration, call: impl Future<Output = btleplug::Result<T>>) -> Result<T, CallError> {
    timeout(limit, call).await.map_err(|_| CallError::TimedOut(limit))?.map_err(CallError::from)
}

/// Makes a call with the usual deadline.
pub async fn call<T>(call: impl Future<Output = btleplug::Result<T>>) -> Result<T, CallError> {
    within(CALL_TIMEOUT, call).await
}

impl CallError {
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::TimedOut(_) => Meaning::NoBus,
            Self::Bluetooth(btleplug::Error::DeviceNotFound) => Meaning::Gone,
            Self::Bluetooth(btleplug::Error::Other(error)) => match error.downcast_ref() {
                Some(BluetoothError::DbusError(error)) => meaning_of(error.name(), error.message()),
                _ => Meaning::Other,
            },
            Self::Bluetooth(_) => Meaning::Other,
        }
    }
}

/// D-Bus's and BlueZ's error names.
fn meaning_of(name: Option<&str>, message: Option<&str>) -> Meaning {
    match name.unwrap_or_default() {
        "org.freedesktop.DBus.Error.FileNotFound"
        | "org.freedesktop.DBus.Error.NoServer"
        | "org.freedesktop.DBus.Error.Disconnected"
        | "org.freedesktop.DBus.Error.NoReply"
        | "org.freedesktop.DBus.Error.Timeout" => Meaning::NoBus,
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => Meaning::NoBluez,
        "org.freedesktop.DBus.Error.UnknownObject" | "org.bluez.Error.DoesNotExist" => Meaning::Gone,
        "org.bluez.Error.NotPermitted"
        | "org.bluez.Error.NotAuthorized"
        | "org.bluez.Error.AuthenticationFailed"
        | "org.bluez.Error.AuthenticationCanceled"
        | "org.bluez.Error.AuthenticationRejected"
        | "org.bluez.Error.AuthenticationTimeout" => Meaning::NotPaired,
        "org.bluez.Error.InProgress" => Meaning::InProgress,
        "org.bluez.Error.NotReady" => Meaning::NotReady,
        "org.freedesktop.DBus.Error.Failed" if message.is_some_and(|words| words.contains("send message")) => {
            Meaning::NoBus
        }
        _ => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(name: &str, message: &str) -> CallError {
        let error = BluetoothError::DbusError(dbus::Error::new_custom(name, message));
        CallError::Bluetooth(btleplug::Error::Other(Box::new(error)))
    }

    #[test]
    fn names_of_errors_are_understood_through_all_their_wrappings() {
        let cases = [
            ("org.freedesktop.DBus.Error.FileNotFound", "", Meaning::NoBus),
            ("org.freedesktop.DBus.Error.Failed", "Failed to send message", Meaning::NoBus),
            ("org.freedesktop.DBus.Error.ServiceUnknown", "", Meaning::NoBluez),
            ("org.freedesktop.DBus.Error.UnknownObject", "", Meaning::Gone),
            ("org.bluez.Error.NotPermitted", "Not paired", Meaning::NotPaired),
            ("org.bluez.Error.Failed", "le-connection-abort-by-local", Meaning::Other),
        ];
        for (name, message, meaning) in cases {
            assert_eq!(error(name, message).meaning(), meaning, "{name}");
        }
    }

    #[test]
    fn a_call_that_is_not_answered_speaks_against_the_bus() {
        assert_eq!(CallError::TimedOut(CALL_TIMEOUT).meaning(), Meaning::NoBus);
    }
}
