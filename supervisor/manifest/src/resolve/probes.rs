//! Where and how it is found out how an app is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::model::{Check, Health, Ready, Url};
use crate::probe;
use crate::url::Target;
use crate::value::Placed;
use crate::written::Written;

/// Pause between two health checks, unless said otherwise.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);
/// How long a health check may take, unless said otherwise.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// How many health checks may fail in a row, unless said otherwise: one lost packet restarts nothing.
const HEALTH_THRESHOLD: u32 = 3;

/// When it counts as online.
pub(super) fn ready(written: &Written) -> Ready {
    let asked = written.wait_ready.as_ref().is_some_and(|wait_ready| *wait_ready.get_ref());
    match written.ready.as_ref().map(Placed::get_ref) {
        None if asked => Ready::Pipe,
        None | Some(probe::Ready::None) => Ready::None,
        Some(probe::Ready::Pipe) => Ready::Pipe,
        Some(probe::Ready::Tcp(address)) => Ready::Tcp(*address),
        // A path without a port is a mistake that is noted elsewhere.
        Some(probe::Ready::Http(target)) => url(written, target).map_or(Ready::None, Ready::Http),
        Some(probe::Ready::Log(text)) => Ready::Log(text.clone()),
    }
}

/// How it is looked after while it is.
pub(super) fn health(written: &Written) -> Option<Health> {
    let health = written.health.as_ref()?.get_ref();
    let check = match &health.check {
        probe::Check::Tcp(address) => Check::Tcp(*address),
        probe::Check::Http(target) => Check::Http(url(written, target)?),
        probe::Check::Exec(words) => Check::Exec(words.clone()),
    };
    Some(Health {
        check,
        interval: health.interval.unwrap_or(HEALTH_INTERVAL),
        timeout: health.timeout.unwrap_or(HEALTH_TIMEOUT),
        threshold: health.threshold.unwrap_or(HEALTH_THRESHOLD),
        grace: health.grace.unwrap_or_default(),
    })
}

/// The whole address; `None` if it is a path and it is not clear on which port.
fn url(written: &Written, target: &Target) -> Option<Url> {
    match target {
        Target::Whole(url) => Some(url.clone()),
        Target::Path(path) => {
            let address = own_address(written)?;
            Some(Url { host: address.ip().to_string(), port: address.port(), path: path.clone() })
        }
    }
}

/// Where an app answers itself: at its one held socket for TCP, else at its port on this machine.
pub(crate) fn own_address(written: &Written) -> Option<SocketAddr> {
    let held: Vec<SocketAddr> = written.listen.iter().filter_map(|address| address.get_ref().tcp()).collect();
    match (held.as_slice(), &written.port) {
        ([only], _) => Some(reachable(*only)),
        ([], Some(port)) => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, *port.get_ref()))),
        _ => None,
    }
}

/// Nobody is called "everywhere": what listens there is reached on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
