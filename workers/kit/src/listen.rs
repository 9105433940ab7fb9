//! Which socket a worker serves.

use std::{io, net::SocketAddr};

use nix::sys::socket::Backlog;
use tokio::net::{TcpListener, TcpStream};

use crate::inherit::Inherited;

/// The address that is meant when `HOST` is not set. Who may connect from elsewhere is decided by access control.
const DEFAULT_HOST: &str = "127.0.0.1";

/// As many connections may wait in the queue of a socket that we bound: the system allows 4,096 unless it was told otherwise.
/// The library's 128 are soon full, and who comes then tries again a second later.
const MOST_QUEUED: i32 = 1024;

/// A listening socket, and whether somebody else holds it as well.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    is_held: bool,
}

impl From<TcpListener> for Listener {
    /// One that nobody else holds.
    fn from(socket: TcpListener) -> Self {
        Self { socket, is_held: false }
    }
}

impl Listener {
    /// Closes it. What the kernel accepted and nobody took yet stays in the queue for the next process if the socket is
    /// held for it; else the kernel would reset it, so it is returned.
    pub(crate) fn close(self) -> Vec<(TcpStream, SocketAddr)> {
        if self.is_held {
            return Vec::new();
        }
        let queued = self.socket.into_std().map(|socket| std::iter::from_fn(move || socket.accept().ok()));
        let taken = |(stream, address): (std::net::TcpStream, SocketAddr)| {
            stream.set_nonblocking(true).ok()?;
            Some((TcpStream::from_std(stream).ok()?, address))
        };
        queued.into_iter().flatten().take(MOST_QUEUED as usize).filter_map(taken).collect()
    }
}

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A variable that should be a port is not.
    #[error("{variable}={value} is not a port: set it to a number from 1 to 65535")]
    NotAPort {
        /// Its name.
        variable: String,
        /// What it says.
        value: String,
    },
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {error}")]
    NotBound {
        /// As it was asked for.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The inherited socket cannot be used.
    #[error("the inherited socket cannot be used: {0}")]
    NotInherited(io::Error),
}

/// The inherited socket if there is one, whatever the variables say; else a new one.
pub(crate) async fn listener(
    inherited: &mut Inherited,
    port_variables: &[&str],
    default_port: u16,
) -> Result<Listener, ListenError> {
    if let Some(socket) = inherited.socket() {
        // The flag lives in the socket, not in our copy: the keeper clears it before it lends the socket again.
        socket.set_nonblocking(true).map_err(ListenError::NotInherited)?;
        let socket = TcpListener::from_std(socket).map_err(ListenError::NotInherited)?;
        return Ok(Listener { socket, is_held: true });
    }
    let host = set("HOST").map_or_else(|| DEFAULT_HOST.into(), |host| host.trim().to_owned());
    let port = port(port_variables, default_port, set)?;
    let address = format!("{host}:{port}");
    let not_bound = |error| ListenError::NotBound { address: address.clone(), error };
    let socket = TcpListener::bind(&address).await.map_err(not_bound)?;
    let queue = Backlog::new(MOST_QUEUED).and_then(|backlog| nix::sys::socket::listen(&socket, backlog));
    queue.map_err(|error| not_bound(error.into()))?;
    Ok(socket.into())
}

/// What a variable says; one that says nothing is as good as not set, as it always was (`PORT=` in a file of settings).
fn set(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.trim().is_empty())
}

fn port(variables: &[&str], default: u16, value_of: impl Fn(&str) -> Option<String>) -> Result<u16, ListenError> {
    let set = variables.iter().find_map(|name| Some((*name, value_of(name)?)));
    match set {
        None => Ok(default),
        Some((name, value)) => value.trim().parse().map_err(|_| ListenError::NotAPort { variable: name.into(), value }),
    }
}

/// The port that will be asked for, if what the variables say is one.
pub(crate) fn asked_port(variables: &[&str], default: u16) -> Option<u16> {
    port(variables, default, set).ok()
}

/// Where another worker of this machine answers, unless somebody says where: `http://127.0.0.1:PORT`. The port is what the
/// variable that decides where that worker listens says here too, else its default.
///
/// # Errors
/// If the variable is no port.
pub fn neighbour(port_variable: &str, default_port: u16) -> Result<String, ListenError> {
    neighbour_at(port_variable, default_port, set)
}

fn neighbour_at(
    port_variable: &str,
    default_port: u16,
    value_of: impl Fn(&str) -> Option<String>,
) -> Result<String, ListenError> {
    match port(&[port_variable], default_port, value_of)? {
        // Any free one will do for who listens; nobody can know which.
        0 => Err(ListenError::NotAPort { variable: port_variable.into(), value: "0".into() }),
        port => Ok(format!("http://{DEFAULT_HOST}:{port}")),
    }
}

/// Where a listener is, for people.
#[must_use]
pub fn describe(listener: &Listener) -> String {
    listener.socket.local_addr().as_ref().map_or_else(|_| "an unknown address".into(), SocketAddr::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let environment = |name: &str| match name {
            "PORT" => Some("4001".to_owned()),
            "NUTRITION_PORT" => Some("4002".to_owned()),
            "BAD" => Some("http".to_owned()),
            _ => None,
        };
        assert_eq!(port(&["NUTRITION_PORT", "PORT"], 1, environment).unwrap(), 4002);
        assert_eq!(port(&["UNSET", "PORT"], 1, environment).unwrap(), 4001);
        assert_eq!(port(&["UNSET"], 3002, environment).unwrap(), 3002);
        let error = port(&["BAD"], 1, environment).unwrap_err().to_string();
        assert_eq!(error, "BAD=http is not a port: set it to a number from 1 to 65535");
    }

    #[test]
    fn a_neighbour_is_looked_for_where_its_variable_has_it_listen() {
        let at = |value: Option<&str>| {
            let value = value.map(str::to_owned);
            neighbour_at("NUTRITION_PORT", 3002, |_| value.clone()).map_err(|error| error.to_string())
        };
        assert_eq!(at(None).as_deref(), Ok("http://127.0.0.1:3002"));
        assert_eq!(at(Some("4002")).as_deref(), Ok("http://127.0.0.1:4002"));
        for value in ["0", "http", "70000"] {
            let text = format!("NUTRITION_PORT={value} is not a port: set it to a number from 1 to 65535");
            assert_eq!(at(Some(value)), Err(text));
        }
    }

    #[tokio::test]
    async fn what_is_queued_is_left_to_the_next_process_only_if_the_socket_is_held_for_it() {
        for is_held in [true, false] {
            let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let (address, keepers) = (socket.local_addr().unwrap(), socket.try_clone().unwrap());
            let _client = std::net::TcpStream::connect(address).unwrap();
            let listener = Listener { socket: TcpListener::from_std(socket).unwrap(), is_held };
            assert_eq!(listener.close().len(), usize::from(!is_held));
            assert_eq!(keepers.accept().is_ok(), is_held);
        }
    }
}
