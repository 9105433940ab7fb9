//! The list of what a worker needs. Pure.

use std::path::PathBuf;

/// What a worker needs to see; see [`sandbox`](crate::sandbox). What is not named is not there for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sees {
    /// Of the hub's data: who may do what, the audit, and what is its own. Nothing at all if there is none.
    pub(super) data: Option<Own>,
    /// To read, with all that is below.
    pub(super) read: Vec<PathBuf>,
    /// To read, change, make and remove, with all that is below.
    pub(super) written: Vec<PathBuf>,
    pub(super) certificates: Option<PathBuf>,
    /// The ports that it may listen on, if it was lent no socket.
    pub(super) listens: Vec<u16>,
    pub(super) calls: Calls,
    pub(super) has_bus: bool,
}

/// What a worker keeps, by names in the hub's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) databases: &'static [&'static str],
    /// With all that is below.
    pub(super) folders: &'static [&'static str],
}

/// Where it opens connections to, by TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    Ports(Vec<u16>),
    Anyone,
}

impl Default for Calls {
    fn default() -> Self {
        Self::Ports(Vec::new())
    }
}

impl Sees {
    /// These databases in the hub's data, with `access.db`, `audit.db` and the workers' key, and nothing else there.
    #[must_use]
    pub fn databases(mut self, own: &'static [&'static str]) -> Self {
        self.data.get_or_insert_default().databases = own;
        self
    }

    /// These folders in the hub's data, which are made if they are missing, with what [`databases`](Self::databases) has besides its own.
    #[must_use]
    pub fn folders(mut self, own: &'static [&'static str]) -> Self {
        self.data.get_or_insert_default().folders = own;
        self
    }

    /// To read, with all that is below.
    #[must_use]
    pub fn reads(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.push(path.into());
        self
    }

    /// To read and change, with all that is below.
    #[must_use]
    pub fn writes(mut self, path: impl Into<PathBuf>) -> Self {
        self.written.push(path.into());
        self
    }

    /// The certificates in this folder, which is made if it is missing, so that they can come later.
    #[must_use]
    pub fn certificates(mut self, folder: impl Into<PathBuf>) -> Self {
        self.certificates = Some(folder.into());
        self
    }

    /// The port that the first of these variables names, else the default: as [`Worker::listener`](crate::Worker::listener). Only if it
    /// was lent no socket.
    #[must_use]
    pub fn listens(mut self, port_variables: &[&str], default_port: u16) -> Self {
        // One that is no port is told by who listens.
        self.listens.extend(crate::listen::asked_port(port_variables, default_port));
        self
    }

    /// Connections to the port of this URL.
    #[must_use]
    pub fn calls(self, url: &str) -> Self {
        match port_of(url) {
            Some(port) => self.calls_port(port),
            None => self,
        }
    }

    /// Connections to this port.
    #[must_use]
    pub fn calls_port(mut self, port: u16) -> Self {
        if let Calls::Ports(ports) = &mut self.calls {
            ports.push(port);
        }
        self
    }

    /// D-Bus at this address; an empty one is the system's.
    #[must_use]
    pub fn bus(mut self, address: &str) -> Self {
        self.has_bus = true;
        if address.contains("tcp:") {
            self.calls = Calls::Anyone;
        }
        self
    }
}

/// What a URL says, else what its scheme means; `None` if it is no URL.
fn port_of(url: &str) -> Option<u16> {
    let url: http::Uri = url.trim().parse().ok()?;
    let default = if url.scheme_str() == Some("https") { 443 } else { 80 };
    url.host().map(|_| url.port_u16().unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_seen_that_is_not_named() {
        let nothing = Sees::default();
        assert_eq!((nothing.data, nothing.calls), (None, Calls::Ports(vec![])));
        assert!(nothing.read.is_empty() && nothing.written.is_empty() && nothing.listens.is_empty());
    }

    #[test]
    fn a_url_is_called_at_its_port_and_nowhere_else() {
        let calls = |url: &str| Sees::default().calls(url).calls;
        assert_eq!(calls("http://127.0.0.1:3001"), Calls::Ports(vec![3001]));
        assert_eq!(calls(" https://[::1]/ "), Calls::Ports(vec![443]));
        assert_eq!(calls("http://hub"), Calls::Ports(vec![80]));
        assert_eq!(calls("no url at all"), Calls::Ports(vec![]));
        assert_eq!(Sees::default().bus("unix:path=/run/dbus/system_bus_socket").calls, Calls::Ports(vec![]));
        assert_eq!(Sees::default().bus("tcp:host=localhost,port=1").calls, Calls::Anyone);
    }
}
