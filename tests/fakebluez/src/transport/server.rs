//! The thread that owns the connection and the model.

use std::collections::HashMap;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use dbus::Message;
use dbus::channel::Channel;
use dbus::message::MessageType;

use super::wait::wait;
use super::{Request, Watch, codec};
use crate::message::{Call, Outgoing};
use crate::model::Model;

const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
const BUS_TIMEOUT: Duration = Duration::from_secs(5);
/// `DBUS_NAME_FLAG_DO_NOT_QUEUE`
const DO_NOT_QUEUE: u32 = 4;
const CLIENTS_THAT_LEAVE: &str = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'";

pub(super) struct Server {
    channel: Channel,
    requests: Receiver<Request>,
    woken: UnixStream,
    model: Model,
    watches: Vec<Watch>,
    unanswered: HashMap<u64, Message>,
    calls: u64,
}

/// Nothing more to do.
struct Ended;

impl Server {
    pub(super) fn connect(address: &str, requests: Receiver<Request>, woken: UnixStream) -> Result<Self, dbus::Error> {
        woken.set_nonblocking(true).map_err(|error| dbus::Error::new_failed(&error.to_string()))?;
        let mut channel = Channel::open_private(address)?;
        channel.register()?;
        channel.set_watch_enabled(true);
        channel.send_with_reply_and_block(to_bus("AddMatch").append1(CLIENTS_THAT_LEAVE), BUS_TIMEOUT)?;
        channel.send_with_reply_and_block(to_bus("RequestName").append2("org.bluez", DO_NOT_QUEUE), BUS_TIMEOUT)?;
        let model = Model::new(Instant::now());
        Ok(Self { channel, requests, woken, model, watches: Vec::new(), unanswered: HashMap::new(), calls: 0 })
    }

    /// Until told to quit, or the bus goes. Dropping the channel gives the name back.
    pub(super) fn run(mut self) {
        while self.turn().is_ok() {
            self.wait();
        }
    }

    fn turn(&mut self) -> Result<(), Ended> {
        self.model.advance(Instant::now());
        self.obey()?;
        self.channel.read_write(Some(Duration::ZERO)).map_err(|()| Ended)?;
        while let Some(message) = self.channel.pop_message() {
            self.take(message);
        }
        for outgoing in self.model.take_outgoing() {
            self.send(outgoing);
        }
        self.channel.flush();
        self.watches.retain_mut(|happened| !happened(&self.model));
        Ok(())
    }

    fn obey(&mut self) -> Result<(), Ended> {
        let mut drained = [0; 64];
        while self.woken.read(&mut drained).is_ok_and(|read| read > 0) {}
        loop {
            match self.requests.try_recv() {
                Ok(Request::Run(run)) => run(&mut self.model),
                Ok(Request::Watch(happened)) => self.watches.push(happened),
                Ok(Request::Quit) | Err(TryRecvError::Disconnected) => return Err(Ended),
                Err(TryRecvError::Empty) => return Ok(()),
            }
        }
    }

    fn take(&mut self, message: Message) {
        let member = message.member().map(|member| member.to_string()).unwrap_or_default();
        match message.msg_type() {
            MessageType::MethodCall => {
                self.calls += 1;
                let interface = message.interface().map(|name| name.to_string()).unwrap_or_default();
                let call = Call {
                    token: self.calls,
                    sender: message.sender().map(|name| name.to_string()).unwrap_or_default(),
                    path: message.path().map(|path| path.to_string()).unwrap_or_default(),
                    arguments: codec::arguments(&interface, &member, &message),
                    interface,
                    member,
                };
                self.unanswered.insert(self.calls, message);
                self.model.handle(&call);
            }
            MessageType::Signal if member == "NameOwnerChanged" => {
                if let Ok((name, _, new_owner)) = message.read3::<String, String, String>()
                    && new_owner.is_empty()
                {
                    self.model.client_gone(&name);
                }
            }
            _ => {}
        }
    }

    fn send(&mut self, outgoing: Outgoing) {
        let message = match outgoing {
            Outgoing::Signal(signal) => Some(codec::signal(signal)),
            Outgoing::Reply(token, reply) => self.unanswered.remove(&token).map(|call| codec::reply(&call, reply)),
        };
        if let Some(message) = message {
            let _ = self.channel.send(message);
        }
    }

    fn wait(&self) {
        let left = self.model.next_deadline().map(|at| at.saturating_duration_since(Instant::now()));
        wait(&self.channel, &self.woken, left);
    }
}

fn to_bus(member: &str) -> Message {
    Message::method_call(&BUS.into(), &BUS_PATH.into(), &BUS.into(), &member.into())
}
