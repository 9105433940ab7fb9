//! The keeper's side of the conversation: starts a supervisor, tells it, obeys it, and goes on to the next one.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use protocol::keeper::{Exit, Fact, Order, Predecessors, VERSION};
use protocol::worker::{INHERITED, INHERITED_PREFIX};

use super::head::{Head, Queued};
use super::memory::{self, MOST_REMEMBERED};
use super::program::Next;
use super::{
    Ending, FIRST_PAUSE, FREE_RETRIES, GRACE, Keeper, LEAVE_WITHIN, LONG_ENOUGH, MOST_DOUBLINGS,
    MOST_DOUBLINGS_AT_WORK, MOST_WAITING,
};
use crate::clock;
use crate::link::{self, Received};

impl Keeper {
    pub(super) fn adopted(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.adopted)
    }

    pub(super) fn start_head_if_due(&mut self) {
        if self.head.is_some() || clock::now() < self.start_head_at || matches!(self.ending, Ending::Alone { .. }) {
            return;
        }
        match Head::start(&self.programs, self.protection) {
            Ok(mut head) => {
                head.outbox.extend(self.rows.runs().map(Queued::Row));
                head.outbox.extend(self.memory.keys().cloned().map(Queued::Memory));
                head.tell(Queued::Other(Fact::Told));
                if matches!(self.ending, Ending::InOrder { .. }) {
                    head.hurry();
                }
                head.ping();
                self.head = Some(head);
            }
            Err(errno) => self.pause_before_next_head(false, &format!("cannot be started: {}", errno.desc())),
        }
    }

    fn pause_before_next_head(&mut self, adopted: bool, what: &str) {
        self.failed_heads += 1;
        let pause = match (adopted, self.failed_heads) {
            (true, ..=FREE_RETRIES) => Duration::ZERO,
            (true, failed) => FIRST_PAUSE * (1 << failed.min(MOST_DOUBLINGS_AT_WORK)),
            (false, failed) => FIRST_PAUSE * (1 << failed.min(MOST_DOUBLINGS)),
        };
        self.start_head_at = clock::now() + pause;
        say!(
            "{} keeper: the supervisor {what}; workers go on, the next supervisor starts in {} ms",
            clock::stamp(),
            pause.as_millis()
        );
    }

    pub(super) fn tell(&mut self, message: Queued) {
        let most = MOST_WAITING + self.rows.len() + self.memory.len();
        if let Some(head) = &mut self.head {
            head.tell(message);
            if head.outbox.len() > most {
                head.outbox.clear();
                head.end("does not read");
            }
        }
    }

    pub(super) fn flush(&mut self) {
        let Some(head) = &mut self.head else { return };
        let Some(socket) = &head.socket else { return head.outbox.clear() };
        while let Some(queued) = head.outbox.front() {
            let fact = match queued {
                Queued::Hello => Some(hello(&self.hub, self.last_run, self.predecessors)),
                Queued::Row(run) => self.rows.get(*run).map(|(row, _)| Fact::Run(row.clone())),
                Queued::Memory(key) => {
                    self.memory.get(key).map(|value| Fact::Memory { key: key.clone(), value: value.clone() })
                }
                Queued::Other(fact) => Some(fact.clone()),
            };
            let mut newly_told = None;
            let descriptors = match queued {
                Queued::Hello => vec![self.control.as_fd()],
                Queued::Row(run) if !head.told.contains(run) => {
                    newly_told = Some(*run);
                    self.rows.get(*run).map_or_else(Vec::new, |(_, descriptors)| descriptors)
                }
                _ => vec![],
            };
            let fact = fact.map(|fact| without_unsent_descriptors(fact, descriptors.len()));
            match fact.map_or(Ok(()), |fact| link::send(socket.as_fd(), &fact, &descriptors)) {
                Ok(()) => {
                    head.told.extend(newly_told);
                    head.outbox.pop_front();
                }
                Err(Errno::EAGAIN | Errno::ETOOMANYREFS | Errno::ENOBUFS) => return, // poll says when
                Err(Errno::EMSGSIZE) => drop(head.outbox.pop_front()),               // cannot ever be told
                Err(_) => return head.outbox.clear(),                                // gone; SIGCHLD will say so
            }
        }
    }

    pub(super) fn obey(&mut self) {
        while let Some(head) = &mut self.head
            && let Some(socket) = &head.socket
        {
            match self.receiver.receive::<Order>(socket) {
                Ok(Received::Message(order, _)) => self.carry_out(order),
                Ok(Received::NotUnderstood(text)) => {
                    say!("{} keeper: an order that is not understood: {text}", clock::stamp())
                }
                Ok(Received::Nothing) => return,
                Ok(Received::End) => head.cut_off(),
                Err(errno) => {
                    say!("{} keeper: cannot receive from the supervisor: {}", clock::stamp(), errno.desc());
                    head.cut_off();
                }
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Listen { address } => {
                let answer = match self.sockets.hold(&address, self.rows.any_serves(&address)) {
                    Ok(()) => Fact::Bound { address },
                    Err(errno) => Fact::NotBound { address, errno: errno as i32 },
                };
                self.tell(Queued::Other(answer));
            }
            Order::Unlisten { address } => self.sockets.close(&address),
            Order::UnlistenOthers { addresses } => self.sockets.close_others(&addresses),
            Order::Spawn(order) => self.spawn(order),
            Order::Signal { run, signal } => {
                if let Ok(signal) = Signal::try_from(signal) {
                    self.rows.signal(run, signal);
                }
            }
            Order::MainPid { run, pid } => self.name_main_process(run, pid),
            Order::Forget { run } => self.forget(run),
            Order::Remember { key, value } => self.remember(key, value),
            Order::Adopted => {
                if let Some(head) = &mut self.head {
                    head.adopted = true;
                    self.programs.took_over(head.program);
                }
                self.service_manager.is_ready();
            }
            Order::Pong { beat } => {
                if let Some(head) = &mut self.head {
                    head.pong(beat);
                }
            }
            Order::Upgrade { path } => {
                if let Ok(path) = CString::new(path) {
                    self.programs.upgrade(path);
                }
            }
            Order::Leave => {
                if self.ending == Ending::No {
                    self.service_manager.is_stopping(); // by betti-ctl's wish, not ours
                }
                self.ending = Ending::Leaving { at: clock::now() + LEAVE_WITHIN };
            }
        }
    }

    fn remember(&mut self, key: String, value: Option<String>) {
        let Some(value) = value else {
            self.memory.remove(&key);
            return;
        };
        if !memory::remember(&mut self.memory, key.clone(), value) {
            say!(
                "{} keeper: {key} is not remembered, nor what it was before: at most {MOST_REMEMBERED} bytes are kept",
                clock::stamp()
            );
        }
    }

    pub(super) fn head_ended(&mut self, exit: Exit) {
        let Some(head) = self.head.take() else { return };
        if self.bad_file {
            return; // it has said why, and there is nothing to go on with
        }
        if head.adopted {
            self.at_work = clock::now();
            if let Ending::InOrder { patience } = &mut self.ending {
                *patience = clock::now() + GRACE; // the next one goes on where this one was
            }
        }
        if matches!(self.ending, Ending::Leaving { .. }) {
            self.ending = Ending::Leaving { at: Duration::ZERO };
            return;
        }
        let pid = head.pid;
        let next = self.programs.ended(head.ended(exit, LONG_ENOUGH));
        match (&next, head.was_killed()) {
            (Next::Another(_), _) => self.predecessors.upgraded += 1,
            (Next::Same | Next::Back(_), true) => self.predecessors.hung += 1,
            (Next::Same | Next::Back(_), false) => self.predecessors.died += 1,
        }
        match next {
            Next::Another(name) => self.next_head_at_once(&format!("supervisor {pid} made room for {name}")),
            Next::Back(name) => {
                let what = if head.adopted { "ended too often" } else { "never took over" };
                self.next_head_at_once(&format!("{name} ({pid}) {what}; back to the one before"));
            }
            Next::Same if head.worked(LONG_ENOUGH) => {
                self.next_head_at_once(&format!("supervisor {pid} ended; starting the next one"));
            }
            Next::Same => {
                let what = if head.adopted { "ended" } else { "ended before it took over" };
                self.pause_before_next_head(head.adopted, &format!("({pid}) {what}"));
            }
        }
    }

    fn next_head_at_once(&mut self, why: &str) {
        self.failed_heads = 0;
        self.start_head_at = Duration::ZERO;
        say!("{} keeper: {why}", clock::stamp());
    }
}

fn hello(hub: &str, last_run: u64, predecessors: Predecessors) -> Fact {
    let given = |name: &str| INHERITED.contains(&name) || name.starts_with(INHERITED_PREFIX);
    let inherited = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| given(name))
        .collect();
    let keeper = std::process::id() as i32;
    Fact::Hello { version: VERSION, hub: hub.to_owned(), keeper, last_run, inherited, predecessors, counts_sleep: true }
}

/// A row says what travels with it, which after the first time is nothing.
fn without_unsent_descriptors(fact: Fact, sent: usize) -> Fact {
    match fact {
        Fact::Run(mut row) if sent == 0 => {
            row.descriptors.clear();
            Fact::Run(row)
        }
        other => other,
    }
}
