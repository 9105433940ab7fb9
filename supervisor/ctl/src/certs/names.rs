//! By which names and addresses the hub is reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::ifaddrs::getifaddrs;

/// So many addresses are put into a certificate at most; a machine with containers has one for each network of theirs.
const MOST_ADDRESSES: usize = 64;
/// Flags of an address in `/proc/net/if_inet6`: it changes from day to day, or is about to go.
const FLEETING: u32 = 0x01 | 0x20;

/// Names, each once, in the order in which people look for them, and addresses after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Names {
    /// This machine's.
    pub fn of_this_machine() -> Self {
        Self::new(certificates::host_name().as_deref(), addresses())
    }

    fn new(host: Option<&str>, addresses: Vec<IpAddr>) -> Self {
        let mut names = Vec::new();
        if let Some(host) = host {
            let first = host.split('.').next().unwrap_or(host);
            names.extend([host.to_owned(), format!("{first}.local")]);
        }
        names.push("localhost".to_owned());
        Self { names, addresses }
    }

    /// The first, which stands for the hub.
    pub fn first(&self) -> &str {
        self.names.first().map_or("localhost", String::as_str)
    }

    /// With others; those that are addresses are told apart.
    pub fn with(&self, others: &[String]) -> Self {
        let mut all = self.clone();
        for other in others {
            match other.parse() {
                Ok(address) if !all.addresses.contains(&address) => all.addresses.push(address),
                Ok(_) => {}
                Err(_) if !all.names.contains(other) => all.names.push(other.clone()),
                Err(_) => {}
            }
        }
        all
    }

    /// Those that are no addresses.
    pub fn dns(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// All of them as text.
    pub fn all(&self) -> Vec<String> {
        self.names.iter().cloned().chain(self.addresses.iter().map(IpAddr::to_string)).collect()
    }

    /// The first address by which others reach this machine.
    pub fn first_address(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| !address.is_loopback())
    }
}

/// Every address that others could reach this machine by, those of the local network first, and its own.
fn addresses() -> Vec<IpAddr> {
    let interfaces = getifaddrs().into_iter().flatten();
    let old: Vec<IpAddr> = interfaces.filter_map(|one| Some(IpAddr::V4(one.address?.as_sockaddr_in()?.ip()))).collect();
    let new = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut addresses: Vec<IpAddr> =
        old.into_iter().chain(lasting(&new)).filter(|address| !is_local(address)).collect();
    addresses.truncate(MOST_ADDRESSES);
    addresses.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    addresses.dedup();
    addresses
}

fn is_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local() || address.is_unspecified(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified(),
    }
}

/// Those of `/proc/net/if_inet6` that last: address, index, prefix, scope, flags (all hexadecimal), interface.
fn lasting(table: &str) -> impl Iterator<Item = IpAddr> {
    table.lines().filter_map(|line| {
        let mut columns = line.split_whitespace();
        let address = u128::from_str_radix(columns.next()?, 16).ok()?;
        let flags = u32::from_str_radix(columns.nth(3)?, 16).ok()?;
        (flags & FLEETING == 0).then(|| IpAddr::V6(Ipv6Addr::from_bits(address)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_called_by_its_name_here_and_in_the_network() {
        let names = |host| Names::new(host, vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]).all();
        assert_eq!(names(Some("hub")), ["hub", "hub.local", "localhost", "127.0.0.1"]);
        assert_eq!(names(Some("hub.lan")), ["hub.lan", "hub.local", "localhost", "127.0.0.1"]);
        assert_eq!(names(None), ["localhost", "127.0.0.1"]);
    }

    #[test]
    fn what_is_added_is_there_once() {
        let names = Names::new(Some("hub"), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        let more = names.with(&["hub".into(), "::1".into(), "127.0.0.1".into(), "betti.home.arpa".into()]);
        assert_eq!(more.all(), ["hub", "hub.local", "localhost", "betti.home.arpa", "127.0.0.1", "::1"]);
    }

    #[test]
    fn addresses_that_change_by_themselves_are_left_out() {
        let table = "fd000000000000000000000000000002 02 40 00 80     eth0\n\
            20010db8000000000000000000000003 02 40 00 01     eth0\n\
            20010db8000000000000000000000004 02 40 00 20     eth0\nnonsense\n";
        assert_eq!(lasting(table).collect::<Vec<_>>(), ["fd00::2".parse::<IpAddr>().expect("an address")]);
    }
}
