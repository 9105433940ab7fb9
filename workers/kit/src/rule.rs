//! Who may call what. Every route declares a [`Rule`]; there is no way to add one without.

use std::net::IpAddr;

/// Who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A process of this machine. Until devices are paired, being on it is what counts.
    Local,
    /// Anybody else.
    Unknown,
}

impl Identity {
    /// Whoever connects from this address; `None` is a Unix socket, which its file's mode protects.
    #[must_use]
    pub fn of_peer(address: Option<IpAddr>) -> Self {
        match address {
            None => Self::Local,
            Some(address) if address.to_canonical().is_loopback() => Self::Local,
            Some(_) => Self::Unknown,
        }
    }
}

/// A kind of data about a resident, for which consent is given or withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Readings.
    Vitals,
    /// Medicines and doses.
    Medication,
    /// Visits, and who takes the resident there.
    Appointments,
    /// Foods, meals, drinks, goals.
    Nutrition,
    /// Workouts, and what was done in a day.
    Activity,
    /// Calls.
    Video,
    /// Bluetooth devices and their state.
    Devices,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Anybody: health checks, the app's shell, and what a worker behind this one decides about.
    Public,
    /// Whoever may see this area.
    Read(Area),
    /// Whoever may change this area.
    Write(Area),
    /// The hub's own workers.
    Service,
}

impl Rule {
    /// Whether the rule lets them in.
    #[must_use]
    pub fn admits(self, identity: Identity) -> bool {
        match (self, identity) {
            (Self::Public, Identity::Local | Identity::Unknown) => true,
            (Self::Read(_) | Self::Write(_) | Self::Service, Identity::Local) => true,
            (Self::Read(_) | Self::Write(_) | Self::Service, Identity::Unknown) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_known() {
        let identity = |address: &str| Identity::of_peer(Some(address.parse().unwrap()));
        assert_eq!(identity("127.0.0.1"), Identity::Local);
        assert_eq!(identity("::1"), Identity::Local);
        assert_eq!(identity("::ffff:127.0.0.1"), Identity::Local, "IPv4 on an IPv6 socket");
        assert_eq!(identity("192.168.1.7"), Identity::Unknown);
        assert_eq!(Identity::of_peer(None), Identity::Local);
    }

    #[test]
    fn strangers_reach_what_is_public_and_nothing_else() {
        for rule in [Rule::Read(Area::Vitals), Rule::Write(Area::Devices), Rule::Service] {
            assert!(rule.admits(Identity::Local));
            assert!(!rule.admits(Identity::Unknown), "{rule:?}");
        }
        assert!(Rule::Public.admits(Identity::Unknown));
    }
}
