//! The supervisor at work, watched through its control socket as `betti-ctl` would.

use std::time::{Duration, Instant};

use protocol::control::Word;
use scenarios::hub::{Hub, app, runs};
use scenarios::{App, binaries, process};

use crate::memory::Memory;

const NAME: &str = "worker";

/// A hub with one worker.
pub struct Betti(Hub);

impl Betti {
    pub fn start() -> Self {
        let worker = App::program(NAME, &binaries::built("puppet").to_string_lossy()).set("args", "ready");
        // Ended on purpose and often, which is no crash loop here.
        Self(Hub::started(&[worker.waits_for_ready().set("min_uptime", 0).set("max_restarts", 1_000_000)]))
    }

    /// From the order to a status that says online; it was stopped before.
    pub fn start_to_ready(&self) -> Duration {
        self.0.order("stop", NAME).expect("accepted");
        self.0.until("it is stopped", |watch| app(&watch.status, NAME).status == Word::Stopped);
        self.order_to_ready("start")
    }

    /// The same with the old process ended in between.
    pub fn restart_to_ready(&self) -> Duration {
        self.order_to_ready("restart")
    }

    /// From the signal to a status that says online, of another process.
    pub fn kill_to_ready(&self) -> Duration {
        let watch = self.0.watch(None, scenarios::wait::PATIENCE).expect("an answer");
        let (dead, before) = (app(&watch.status, NAME).pid.expect("a pid"), runs(&watch, NAME).newest);
        let killed = Instant::now();
        process::kill_9(dead);
        self.until_online_after(before.unwrap_or(0));
        killed.elapsed()
    }

    fn order_to_ready(&self, verb: &str) -> Duration {
        let ordered = Instant::now();
        let accepted = self.0.order(verb, NAME).expect("accepted");
        self.until_online_after(accepted.apps[0].after);
        ordered.elapsed()
    }

    fn until_online_after(&self, run: u64) {
        let newer = |newest: Option<u64>| newest.is_some_and(|newest| newest > run);
        self.0.until("a new run is online", |watch| {
            newer(runs(watch, NAME).newest) && app(&watch.status, NAME).status == Word::Online
        });
    }
}

/// Both halves of the supervisor.
pub struct Halves {
    pub keeper: Memory,
    pub supervisor: Memory,
}

/// With so many workers that do nothing.
pub fn memory(workers: usize) -> Halves {
    let idle = |number| App::program(&format!("idle-{number}"), "sleep").set("args", vec!["1000000"]);
    let hub = Hub::started(&(0..workers).map(idle).collect::<Vec<_>>());
    let status = hub.status();
    Halves { keeper: Memory::of(status.keeper.pid), supervisor: Memory::of(status.supervisor.pid) }
}
