//! What is outside of the supervisor: processes that do as they please, and a keeper that sees them end.

use std::{collections::BTreeMap, time::Duration};

use lifecycle::{Ailment, AppId, Event, Exit, Invocation, Moment, Signal};

use crate::{plan::Character, random::Random};

/// For how much time a run asks at most, and how long after its start.
const MOST_TIME: Duration = Duration::from_secs(8);

/// A run as the keeper's table has it, until it is forgotten.
pub struct Process {
    pub app: AppId,
    /// Something of its tree is alive.
    pub alive: bool,
    leader_is_alive: bool,
    said_ready: bool,
    said_leaving: bool,
    exit: Option<Exit>,
    kills: usize,
    deaf: bool,
    forks: bool,
    escapes: bool,
    unseen: bool,
    extends: bool,
    slowness: Duration,
    /// What is said about one run is heard in order.
    last_heard: Moment,
}

/// Something that is going to happen.
#[derive(Clone, Copy, Debug)]
pub enum Happening {
    SaysReady(Invocation),
    SaysLeaving(Invocation),
    AsksForTime(Invocation),
    LeaderEnds(Invocation, Exit),
    TreeEnds(Invocation),
    /// The supervisor hears of it.
    Hear(AppId, Event),
}

#[derive(Default)]
pub struct World {
    pub processes: BTreeMap<Invocation, Process>,
    queue: BTreeMap<(Moment, u64), Happening>,
    queued: u64,
    pub newest_run: Invocation,
    /// News arrives at once from now on.
    pub prompt: bool,
    /// Nobody listens to SIGTERM from now on.
    pub deaf: bool,
}

impl World {
    pub fn next(&self) -> Option<Moment> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// The next thing to happen, if it happens by `now`.
    pub fn pop(&mut self, now: Moment) -> Option<Happening> {
        self.next().filter(|at| *at <= now)?;
        self.queue.pop_first().map(|(_, happening)| happening)
    }

    fn plan(&mut self, at: Moment, happening: Happening) {
        self.queued += 1;
        self.queue.insert((at, self.queued), happening);
    }

    pub fn spawn(&mut self, random: &mut Random, now: Moment, app: AppId, run: Invocation, character: &Character) {
        assert!(run > self.newest_run, "{run:?} of {app:?} is a number that was used before");
        self.newest_run = run;
        let process = Process {
            app,
            alive: true,
            leader_is_alive: true,
            said_ready: false,
            said_leaving: false,
            exit: None,
            kills: 0,
            deaf: random.percent(character.deaf),
            forks: random.percent(character.forks),
            escapes: random.percent(character.escapes),
            unseen: random.percent(character.unseen),
            extends: random.percent(character.extends),
            slowness: character.slowness,
            last_heard: now,
        };
        self.processes.insert(run, process);
        if random.percent(character.not_spawned) {
            self.plan(now, Happening::LeaderEnds(run, Exit::NotSpawned(2)));
            return;
        }
        if !random.percent(character.never_ready) {
            let at = now.after(random.span(character.slowness));
            self.plan(at, Happening::SaysReady(run));
        }
        if self.processes[&run].extends {
            self.plan(now.after(random.span(MOST_TIME)), Happening::AsksForTime(run));
        }
        if random.percent(character.ails) {
            let ailment = random.pick(&[Ailment::Health, Ailment::Watchdog, Ailment::Memory]);
            let at = now.after(random.span(character.lifetime));
            self.plan(at, Happening::Hear(app, Event::Unhealthy(run, ailment)));
        }
        if random.percent(character.crashes) {
            self.plan_end(random, now, run, character);
        }
    }

    /// It is going to end by itself, and perhaps says so first; then it may take its time, or for ever.
    fn plan_end(&mut self, random: &mut Random, now: Moment, run: Invocation, character: &Character) {
        let exits = [
            Exit::Code(0),
            Exit::Code(1),
            Exit::Code(3),
            Exit::OutOfMemory,
            Exit::Signal { signal: 11, core_dumped: true },
        ];
        let exit = random.pick(&exits);
        let mut at = now.after(random.span(character.lifetime));
        if random.percent(character.leaves) {
            self.plan(at, Happening::SaysLeaving(run));
            at = at.after(random.span(character.slowness));
            if random.percent(20) {
                return;
            }
        }
        self.plan(at, Happening::LeaderEnds(run, exit));
    }

    /// A signal arrives. One that comes too late for its run does nothing.
    pub fn signal(&mut self, random: &mut Random, now: Moment, run: Invocation, signal: Signal) {
        let Some(process) = self.processes.get_mut(&run).filter(|process| process.alive) else { return };
        match signal {
            Signal::Terminate => {
                if process.deaf || self.deaf {
                    return;
                }
                let exit = random.pick(&[Exit::Code(0), Exit::Signal { signal: 15, core_dumped: false }]);
                let at = now.after(random.span(process.slowness));
                let left = !process.leader_is_alive;
                let asks = process.extends.then(|| now.after(random.span(process.slowness)));
                if let Some(at) = asks {
                    self.plan(at, Happening::AsksForTime(run));
                }
                self.plan(at, if left { Happening::TreeEnds(run) } else { Happening::LeaderEnds(run, exit) });
            }
            Signal::Kill => {
                process.kills += 1;
                let everything = !process.escapes || process.kills > 1;
                self.plan(now, Happening::LeaderEnds(run, Exit::Signal { signal: 9, core_dumped: false }));
                if everything {
                    self.plan(now, Happening::TreeEnds(run));
                }
            }
        }
    }

    pub fn says_ready(&mut self, random: &mut Random, now: Moment, run: Invocation) {
        let Some(process) = self.processes.get_mut(&run).filter(|process| process.leader_is_alive) else { return };
        process.said_ready = true;
        self.tell(random, now, run, Event::Ready(run));
    }

    pub fn says_leaving(&mut self, random: &mut Random, now: Moment, run: Invocation) {
        let Some(process) = self.processes.get_mut(&run).filter(|process| process.leader_is_alive) else { return };
        process.said_leaving = true;
        self.tell(random, now, run, Event::Leaving(run));
    }

    pub fn asks_for_time(&mut self, random: &mut Random, now: Moment, run: Invocation) {
        if self.processes.get(&run).is_some_and(|process| process.alive) {
            let until = now.after(random.span(MOST_TIME * 2));
            self.tell(random, now, run, Event::Extend(run, until));
        }
    }

    pub fn leader_ends(&mut self, random: &mut Random, now: Moment, run: Invocation, exit: Exit) {
        let Some(process) = self.processes.get_mut(&run).filter(|process| process.leader_is_alive) else { return };
        process.leader_is_alive = false;
        process.exit = Some(exit).filter(|_| !process.unseen);
        let outlived = process.forks && !matches!(exit, Exit::NotSpawned(_)) || process.escapes && process.kills == 1;
        let lingers = outlived.then(|| random.percent(50));
        let linger = random.span(Duration::from_secs(10));
        if self.processes[&run].exit.is_some() {
            self.tell(random, now, run, Event::Exited(run, exit));
        }
        match lingers {
            None => self.tree_ends(random, now, run),
            Some(true) => self.plan(now.after(linger), Happening::TreeEnds(run)),
            Some(false) => {} // Until it is told to, or killed.
        }
    }

    pub fn tree_ends(&mut self, random: &mut Random, now: Moment, run: Invocation) {
        let Some(process) = self.processes.get_mut(&run).filter(|process| process.alive) else { return };
        assert!(!process.leader_is_alive, "the leader is part of its tree");
        process.alive = false;
        self.tell(random, now, run, Event::Gone(run));
    }

    /// The news is on its way: sometimes late, sometimes twice.
    fn tell(&mut self, random: &mut Random, now: Moment, run: Invocation, event: Event) {
        let delay = match random.below(20) {
            _ if self.prompt => Duration::ZERO,
            0 => random.span(Duration::from_secs(4)),
            1..10 => random.span(Duration::from_millis(20)),
            _ => Duration::ZERO,
        };
        let twice = random.percent(3);
        let Some(process) = self.processes.get_mut(&run) else { return };
        process.last_heard = process.last_heard.max(now.after(delay));
        let (app, at) = (process.app, process.last_heard);
        self.plan(at, Happening::Hear(app, event));
        if twice {
            self.plan(at.after(random.span(Duration::from_secs(5))), Happening::Hear(app, event));
        }
    }

    /// What the keeper tells a new supervisor: all it knows, whether it was heard before or not. What was on its way to
    /// the old one is lost with it.
    pub fn tell_everything(&mut self, random: &mut Random, now: Moment) {
        self.queue.retain(|_, happening| !matches!(happening, Happening::Hear(..)));
        let mut news = Vec::new();
        for (&run, process) in &self.processes {
            let ready = process.said_ready.then_some(Event::Ready(run));
            // What a run said of itself is nowhere but in a datagram: it may be told again, or be lost.
            let leaving = (process.said_leaving && random.percent(50)).then_some(Event::Leaving(run));
            let exited = process.exit.map(|exit| Event::Exited(run, exit));
            let gone = (!process.alive).then_some(Event::Gone(run));
            news.extend([ready, leaving, exited, gone].into_iter().flatten().map(|event| (process.app, event)));
        }
        for (app, event) in news {
            self.plan(now, Happening::Hear(app, event));
        }
    }
}
