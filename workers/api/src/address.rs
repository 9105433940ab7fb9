//! At which address phones and tablets reach this hub: for links that let another device in.

use std::net::{IpAddr, UdpSocket};

use kit::tls::Certificates;

/// Where phones find the hub, if not at its address and the gateway's port.
const PUBLIC_URL: &str = "BETTI_PUBLIC_URL";
/// The gateway's port, unless somebody says another.
pub const GATEWAY_PORT: u16 = 5173;
/// What there is to say of an address that is of use on this machine only.
pub const ONLY_HERE: &str = "This hub has no address in a network, so the link opens on this machine only. Connect it, or set BETTI_PUBLIC_URL.";

/// An address without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `https://192.168.1.5:5173`.
    pub url: String,
    /// Whether others cannot reach it.
    pub is_only_here: bool,
}

impl Address {
    /// `BETTI_PUBLIC_URL` if it is set, else where the gateway is in this network, with the encryption that is in force.
    pub fn of_this_hub(port: u16) -> Self {
        Self::new(public_url().as_deref(), Certificates::are_in(&Certificates::folder_from_environment()), here(), port)
    }

    /// The same for whoever came by `host` (with or without a port): the address that they use is good for others too, unless
    /// it is this machine's own.
    pub fn seen_by(host: Option<&str>, is_tls: bool) -> Self {
        match host {
            Some(host) if !is_loopback(host) && public_url().is_none() => {
                Self { url: format!("{}://{host}", scheme(is_tls)), is_only_here: false }
            }
            _ => Self::of_this_hub(host.and_then(port_of).unwrap_or(GATEWAY_PORT)),
        }
    }

    fn new(public: Option<&str>, is_encrypted: bool, here: Option<IpAddr>, port: u16) -> Self {
        if let Some(url) = public {
            return Self { url: url.to_owned(), is_only_here: false };
        }
        let scheme = scheme(is_encrypted);
        match here {
            Some(IpAddr::V6(address)) => Self { url: format!("{scheme}://[{address}]:{port}"), is_only_here: false },
            Some(address) => Self { url: format!("{scheme}://{address}:{port}"), is_only_here: false },
            None => Self { url: format!("{scheme}://localhost:{port}"), is_only_here: true },
        }
    }
}

/// What the operator says in `BETTI_PUBLIC_URL`, without a slash at its end; `None` if that is nothing.
pub fn public_url() -> Option<String> {
    std::env::var(PUBLIC_URL).ok().as_deref().and_then(said)
}

fn said(url: &str) -> Option<String> {
    let url = url.trim().trim_end_matches('/');
    (!url.is_empty()).then(|| url.to_owned())
}

fn scheme(is_encrypted: bool) -> &'static str {
    if is_encrypted { "https" } else { "http" }
}

/// The address at which others of this network reach this machine. Nothing is sent to find it.
fn here() -> Option<IpAddr> {
    // Nobody's (RFC 5737, RFC 3849): the kernel says from which address they would be reached.
    let towards = |from: &str, there: &str| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(there).ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
    };
    towards("0.0.0.0:0", "192.0.2.1:9").or_else(|| towards("[::]:0", "[2001:db8::1]:9"))
}

fn is_loopback(host: &str) -> bool {
    let name = match port_of(host) {
        Some(_) => host.rsplit_once(':').map_or(host, |(name, _)| name),
        None => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_own = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(is_own)
}

/// The port of `name:port`, `[address]:port`; none of a bare IPv6 address.
fn port_of(host: &str) -> Option<u16> {
    let (name, port) = host.rsplit_once(':')?;
    (!name.contains(':') || name.ends_with(']')).then(|| port.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_says_goes_first_then_the_network_then_this_machine() {
        let here = Some("192.168.1.5".parse().unwrap());
        let table = [
            (Some("https://hub.example/"), false, here, "https://hub.example", false),
            (Some("  "), false, here, "http://192.168.1.5:5173", false),
            (None, true, here, "https://192.168.1.5:5173", false),
            (None, true, Some("fd00::2".parse().unwrap()), "https://[fd00::2]:5173", false),
            (None, true, None, "https://localhost:5173", true),
            (None, false, None, "http://localhost:5173", true),
        ];
        for (public, is_encrypted, here, url, is_only_here) in table {
            let expected = Address { url: url.into(), is_only_here };
            let public = public.and_then(said);
            assert_eq!(Address::new(public.as_deref(), is_encrypted, here, GATEWAY_PORT), expected, "{public:?}");
        }
    }

    #[test]
    fn this_machines_own_names_are_told_from_others() {
        for host in ["localhost", "LOCALHOST:5173", "127.0.0.1:80", "[::1]:5173", "[::1]", "0.0.0.0:1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["hub.local:5173", "192.168.1.5", "[fd00::2]:5173", "hub", "localhost.example:1"] {
            assert!(!is_loopback(host), "{host}");
        }
        assert_eq!(
            (port_of("[::1]:99"), port_of("[::1]"), port_of("hub:x"), port_of("::1")),
            (Some(99), None, None, None)
        );
    }
}
