//! The model on a bus: one thread, raw messages of the `dbus` crate, which a BlueZ client brings anyway.

mod codec;
mod server;
mod wait;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use crate::model::Model;
use server::Server;

/// Says whether what a test waits for has happened.
type Watch = Box<dyn FnMut(&Model) -> bool + Send>;

/// What a test asks of the thread.
enum Request {
    /// Run this on the model.
    Run(Box<dyn FnOnce(&mut Model) + Send>),
    /// Keep asking this after every change, until it says that it is done.
    Watch(Watch),
    Quit,
}

/// A running fake bluetoothd that owns `org.bluez` on its bus.
pub struct FakeBluez {
    requests: Sender<Request>,
    /// A byte here makes the thread look at its requests.
    wake: UnixStream,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeBluez {
    /// Takes the name `org.bluez` on the bus at this address.
    ///
    /// # Errors
    /// When the bus cannot be reached.
    pub fn start(address: &str) -> Result<Self, dbus::Error> {
        let (requests, incoming) = mpsc::channel();
        let (wake, woken) = UnixStream::pair().map_err(|error| dbus::Error::new_failed(&error.to_string()))?;
        let server = Server::connect(address, incoming, woken)?;
        let thread = std::thread::spawn(move || server.run());
        Ok(Self { requests, wake, thread: Some(thread) })
    }

    /// Runs something on the model and gives back what it returned.
    ///
    /// # Panics
    /// When the bus is gone, and the fake with it.
    pub fn with<T: Send + 'static>(&self, run: impl FnOnce(&mut Model) -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        self.request(Request::Run(Box::new(move |model| {
            let _ = done.send(run(model));
        })));
        result.recv().expect("the fake BlueZ ended: is its bus gone?")
    }

    /// Waits until the model is in a state that the test wants, asked after every change.
    ///
    /// # Panics
    /// When it does not happen within the deadline, with what clients have called so far.
    #[track_caller]
    pub fn wait_for(&self, what: &str, deadline: Duration, mut happened: impl FnMut(&Model) -> bool + Send + 'static) {
        let (done, result) = mpsc::channel();
        self.request(Request::Watch(Box::new(move |model| {
            let happened = happened(model);
            if happened {
                let _ = done.send(());
            }
            happened
        })));
        if result.recv_timeout(deadline).is_err() {
            let log = self.with(|model| model.log.join("\n  "));
            panic!("no {what} within {deadline:?}; called so far:\n  {log}");
        }
    }

    /// bluetoothd dies: the name goes, and all objects with it.
    pub fn stop(self) {
        drop(self);
    }

    fn request(&self, request: Request) {
        let _ = self.requests.send(request);
        let _ = (&self.wake).write(&[0]);
    }
}

impl Drop for FakeBluez {
    fn drop(&mut self) {
        self.request(Request::Quit);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
