//! Which socket a worker serves.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use crate::inherit::Inherited;

/// The address that is meant when `HOST` is not set. Who may connect from elsewhere is decided by access control.
const DEFAULT_HOST: &str = "127.0.0.1";

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
) -> Result<TcpListener, ListenError> {
    if let Some(socket) = inherited.socket() {
        // The flag lives in the socket, not in our copy: the keeper clears it before it lends the socket again.
        socket.set_nonblocking(true).map_err(ListenError::NotInherited)?;
        return TcpListener::from_std(socket).map_err(ListenError::NotInherited);
    }
    let host = std::env::var("HOST").unwrap_or_else(|_| DEFAULT_HOST.into());
    let port = port(port_variables, default_port, |name| std::env::var(name).ok())?;
    let address = format!("{host}:{port}");
    TcpListener::bind(&address).await.map_err(|error| ListenError::NotBound { address, error })
}

fn port(variables: &[&str], default: u16, value_of: impl Fn(&str) -> Option<String>) -> Result<u16, ListenError> {
    let set = variables.iter().find_map(|name| Some((*name, value_of(name)?)));
    match set {
        None => Ok(default),
        Some((name, value)) => value.trim().parse().map_err(|_| ListenError::NotAPort { variable: name.into(), value }),
    }
}

/// Where a listener is, for people.
#[must_use]
pub fn describe(listener: &TcpListener) -> String {
    listener.local_addr().as_ref().map_or_else(|_| "an unknown address".into(), SocketAddr::to_string)
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
}
