//! Where a socket is held: the address as the supervisor wrote it. Nothing else that came from a file is read here.

use std::net::SocketAddr;
use std::path::PathBuf;

/// An address, spelt in one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Tcp(SocketAddr),
    Udp(SocketAddr),
    Unix(PathBuf),
}

impl Place {
    /// `HOST:PORT`, `udp:HOST:PORT` or `unix:` with an absolute path.
    pub fn read(address: &str) -> Option<Self> {
        if let Some(path) = address.strip_prefix("unix:") {
            return path.starts_with('/').then(|| Self::Unix(path.into()));
        }
        match address.strip_prefix("udp:") {
            Some(address) => address.parse().ok().map(Self::Udp),
            None => address.parse().ok().map(Self::Tcp),
        }
    }

    /// What it is called in `LISTEN_FDNAMES`: its port, or the name of its file. Colons separate the names there.
    pub fn name(&self) -> String {
        match self {
            Self::Tcp(address) | Self::Udp(address) => address.port().to_string(),
            Self::Unix(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let is_fit = |letter: char| letter.is_ascii_graphic() && letter != ':';
                name.chars().map(|letter| if is_fit(letter) { letter } else { '_' }).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_supervisor_writes_it_and_named() {
        for (address, name) in [
            ("127.0.0.1:3001", Some("3001")),
            ("[::1]:80", Some("80")),
            ("udp:0.0.0.0:5353", Some("5353")),
            ("unix:/run/x.sock", Some("x.sock")),
            ("unix:/run/a:b é.sock", Some("a_b__.sock")),
            ("unix:run/x.sock", None),
            ("unix:", None),
            ("udp:5353", None),
            ("localhost:3001", None),
            ("", None),
        ] {
            assert_eq!(Place::read(address).map(|place| place.name()).as_deref(), name, "{address}");
        }
    }
}
