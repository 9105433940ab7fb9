//! `sd_notify(3)`: one datagram with what there is to say.

use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    sync::Arc,
};

use protocol::worker::NOTIFY_SOCKET;

/// Says things to whoever supervises this process; silent when nobody listens.
#[derive(Clone, Default)]
pub struct Notifier(Option<Arc<(UnixDatagram, SocketAddr)>>);

impl Notifier {
    /// The socket that `NOTIFY_SOCKET` names.
    #[must_use]
    pub fn from_environment() -> Self {
        Self(std::env::var(NOTIFY_SOCKET).ok().and_then(|name| connect(&name)).map(Arc::new))
    }

    /// One line for people about how the worker fares.
    pub fn status(&self, words: &str) {
        self.send(&format!("STATUS={}", words.replace('\n', " ")));
    }

    /// One datagram as it is. Nobody waits: a listener that does not keep up misses it.
    pub(crate) fn send(&self, text: &str) {
        if let Some((socket, address)) = self.0.as_deref()
            && let Err(error) = socket.send_to_addr(text.as_bytes(), address)
        {
            tracing::debug!("nobody took the notification: {error}");
        }
    }
}

fn connect(name: &str) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name).ok()?,
        None => SocketAddr::from_pathname(name).ok()?,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address))
}
