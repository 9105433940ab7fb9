//! The daemon in between: it tells the fleet what happens, performs what the fleet orders, and dies at the worst moments.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::{Action, Ailment, AppId, Event, Exit, Fleet, Goal, Invocation, Moment, Request, Snapshot};

use crate::{
    judge::{Input, Judge, Record},
    plan::{self, Character, Plan},
    random::Random,
    world::{Happening, World},
};

/// How many things happen in a world before its end.
const MOST_STEPS: usize = 160;
/// A world that is left in peace has everything up after this long: the last crash, cooling, and a chain of starts.
const PEACE: Duration = Duration::from_secs(600);

pub struct Drive {
    random: Random,
    apps: Vec<Plan>,
    fleet: Fleet,
    world: World,
    judge: Judge,
    now: Moment,
    /// Runs that ended, for rumours.
    past: Vec<(AppId, Invocation)>,
    /// How often a supervisor dies while it handles something, in percent.
    deaths: usize,
    tracing: bool,
}

/// Plays the whole world of a seed; panics at the first broken promise. Answers what it has led to.
pub fn play(seed: u64, tracing: bool) -> BTreeSet<&'static str> {
    let mut random = Random::new(seed);
    let apps = plan::apps(&mut random);
    let deaths = random.pick(&[0, 0, 2, 10]);
    let mut drive = Drive {
        fleet: plan::fleet(&apps, Invocation(0)),
        judge: Judge::new(&apps),
        world: World::default(),
        now: Moment::at(Duration::from_secs(100)),
        past: Vec::new(),
        random,
        apps,
        deaths,
        tracing,
    };
    drive.run();
    drive.judge.seen
}

impl Drive {
    fn run(&mut self) {
        for (app, id) in self.apps.iter().zip(0..) {
            trace(self.tracing, || format!("app {id} needs {:?}, {:?}", app.needs, app.policy));
        }
        let all = self.fleet.ids().collect();
        self.request(Request::Start(all));
        for _ in 0..self.random.below(MOST_STEPS) {
            self.step();
        }
        if self.random.percent(30) {
            self.live_in_peace();
        }
        self.end();
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..7 => self.operate(),
            7..10 => self.event(Event::CauseMayBeGone),
            10..14 => self.fail_health_check(),
            14..20 => self.spread_rumour(),
            20..22 => {
                let pause = self.random.span(Duration::from_secs(200));
                self.now = self.now.after(pause);
            }
            22..24 => {
                let remembered = self.snapshots();
                self.succeed(remembered);
            }
            24..28 => self.tick(),
            _ => self.advance(),
        }
    }

    /// On to the next thing that happens or is due; sometimes late.
    fn advance(&mut self) {
        let (happens, due) = (self.world.next(), self.fleet.next_deadline());
        let Some(next) = [happens, due].into_iter().flatten().min() else { return };
        let late = if self.random.percent(5) { self.random.span(Duration::from_secs(3)) } else { Duration::ZERO };
        self.now = self.now.max(next.after(late));
        let is_due = due.is_some_and(|due| due <= self.now);
        let happened = happens.is_some_and(|at| at <= self.now);
        if is_due && (!happened || self.random.percent(50)) {
            self.tick();
        } else if let Some(happening) = self.world.pop(self.now) {
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        let (world, random, now) = (&mut self.world, &mut self.random, self.now);
        match happening {
            Happening::SaysReady(run) => world.says_ready(random, now, run),
            Happening::LeaderEnds(run, exit) => world.leader_ends(random, now, run, exit),
            Happening::TreeEnds(run) => world.tree_ends(random, now, run),
            Happening::Hear(app, event) => {
                self.call(Input::Event(app, event));
            }
        }
    }

    fn tick(&mut self) {
        if self.call(Input::Tick) {
            self.judge.check_tick(self.now, &self.fleet);
        }
    }

    fn any_app(&mut self) -> AppId {
        AppId(self.random.below(self.apps.len()) as u32)
    }

    fn event(&mut self, event: Event) {
        let app = self.any_app();
        self.call(Input::Event(app, event));
    }

    fn operate(&mut self) {
        let ids: Vec<AppId> = match self.random.below(4) {
            0 => self.fleet.ids().collect(),
            1 => vec![self.any_app(), self.any_app()],
            _ => vec![self.any_app()],
        };
        match self.random.below(10) {
            0..3 => self.request(Request::Start(ids)),
            3..5 => self.request(Request::Stop(ids)),
            5..7 => self.request(Request::Restart(ids)),
            7 => self.request(Request::StopAll),
            8 => self.event(Event::Wanted(Goal::Up)),
            _ => self.event(Event::Wanted(Goal::Down)),
        }
    }

    /// An operator who gets no answer asks again.
    fn request(&mut self, request: Request) {
        while !self.call(Input::Request(request.clone())) {}
    }

    fn fail_health_check(&mut self) {
        let app = self.any_app();
        if let Some(run) = self.judge.live_run(app) {
            self.call(Input::Event(app, Event::Unhealthy(run, Ailment::Health)));
        }
    }

    /// Something about a run that is over, or of another app, or never was: nothing may come of it.
    fn spread_rumour(&mut self) {
        let app = self.any_app();
        let other = if self.past.is_empty() { (app, Invocation(0)) } else { self.random.pick(&self.past) };
        let run = if self.random.percent(90) { other.1 } else { Invocation(self.random.next()) };
        if self.judge.live_run(app) == Some(run) {
            return;
        }
        let exit = Exit::Code(1);
        let events =
            [Event::Ready(run), Event::Exited(run, exit), Event::Gone(run), Event::Unhealthy(run, Ailment::Health)];
        let event = self.random.pick(&events);
        let before = self.snapshots();
        let actions = self.fleet.handle(self.now, app, event);
        assert_eq!(actions, [], "a rumour led to something: {event:?} of {app:?}");
        assert_eq!(before, self.snapshots(), "a rumour changed something: {event:?} of {app:?}");
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        self.fleet.ids().map(|id| self.fleet.snapshot(id)).collect()
    }

    /// Tells the fleet something and performs what it orders. Answers whether the supervisor lived to say so.
    fn call(&mut self, input: Input) -> bool {
        let now = self.now;
        trace(self.tracing, || format!("{now:?} {input:?}"));
        let dies = self.random.percent(self.deaths);
        let before = dies.then(|| (self.snapshots(), self.judge.records.clone()));
        self.judge.hear(now, &input);
        let heard = dies.then(|| self.judge.records.clone());
        let actions = match &input {
            Input::Event(app, event) => self.fleet.handle(now, *app, *event),
            Input::Request(request) => self.fleet.request(now, request.clone()),
            Input::Tick => self.fleet.tick(now),
        };
        trace(self.tracing && !actions.is_empty(), || format!("    {actions:?}"));
        self.judge.order(now, &actions);
        self.judge.check(now, &self.fleet);
        let Some(((snapshots, records), heard)) = before.zip(heard) else {
            self.perform(&actions);
            self.forget(&input);
            self.check_world();
            return true;
        };
        self.die(snapshots, &records, &heard, &actions);
        false
    }

    fn perform(&mut self, actions: &[(AppId, Action)]) {
        let good = Character::good();
        for &(app, action) in actions {
            let (random, now) = (&mut self.random, self.now);
            match action {
                Action::Spawn(run) => {
                    let peaceful = self.world.prompt;
                    let character = if peaceful { &good } else { &self.apps[app.0 as usize].character };
                    self.world.spawn(random, now, app, run, character);
                }
                Action::Send(run, signal) => self.world.signal(random, now, run, signal),
            }
        }
    }

    /// A row of the keeper's that was acted on is dropped.
    fn forget(&mut self, input: &Input) {
        let Input::Event(app, Event::Gone(run)) = *input else { return };
        if self.world.processes.get(&run).is_some_and(|process| !process.alive) {
            self.world.processes.remove(&run);
            self.past.push((app, run));
        }
    }

    /// The supervisor dies while it remembers what it decided, or while it performs it.
    fn die(&mut self, before: Vec<Snapshot>, records: &[Record], heard: &[Record], actions: &[(AppId, Action)]) {
        let count = self.apps.len();
        let remembered = if self.random.percent(70) { count } else { self.random.below(count) };
        let performed = if remembered == count { self.random.below(actions.len() + 1) } else { 0 };
        trace(self.tracing, || format!("    dies: {remembered} remembered, {performed} performed"));
        self.perform(&actions[..performed]);
        let mut snapshots = self.snapshots();
        for (app, place) in self.fleet.ids().zip(0..) {
            if place >= remembered {
                snapshots[place] = before[place].clone();
                self.judge.records[place] = records[place].clone();
            } else if actions[performed..].iter().any(|(id, action)| *id == app && matches!(action, Action::Spawn(_))) {
                self.judge.lose_spawn(app, &heard[place]);
            }
        }
        self.succeed(snapshots);
    }

    /// A new supervisor takes over what the old one had the keeper remember.
    fn succeed(&mut self, remembered: Vec<Snapshot>) {
        trace(self.tracing, || "    a new supervisor".into());
        if self.random.percent(30) {
            let absence = self.random.span(Duration::from_secs(20));
            self.now = self.now.after(absence);
        }
        let (world, now) = (&self.world, self.now);
        self.fleet = plan::fleet(&self.apps, world.newest_run);
        for (id, snapshot) in self.fleet.ids().collect::<Vec<_>>().into_iter().zip(remembered) {
            let exists = |run| world.processes.contains_key(&run);
            self.fleet.restore(now, id, snapshot.clone(), exists);
            let restored = self.fleet.snapshot(id);
            match self.fleet.app(id).alive() {
                // Nothing that is alive has changed: holds, uptimes, counts and deadlines carry on.
                Some(_) => assert_eq!(restored, snapshot, "{id:?} came out different"),
                None => {
                    let kept = |snapshot: &Snapshot| (snapshot.goal, snapshot.restarts, snapshot.last_failure);
                    assert_eq!(kept(&restored), kept(&snapshot), "{id:?} lost something");
                }
            }
        }
        self.judge.forget_kills();
        self.judge.check(now, &self.fleet);
        self.check_world();
        self.world.tell_everything(now);
        if self.random.percent(20) {
            self.tick();
        }
    }

    /// Stopped means gone: whatever is alive is known to be.
    fn check_world(&self) {
        for (run, process) in self.world.processes.iter().filter(|(_, process)| process.alive) {
            let alive = self.fleet.app(process.app).alive();
            assert_eq!(alive, Some(*run), "{:?} has processes of {run:?}", process.app);
        }
    }

    /// Everything behaves from now on, and nobody asks for anything: what is wanted comes up by itself.
    fn live_in_peace(&mut self) {
        trace(self.tracing, || "-- peace".into());
        (self.world.prompt, self.deaths) = (true, 0);
        let until = self.now.after(PEACE);
        while self.now < until && (self.world.next().is_some() || self.fleet.next_deadline().is_some()) {
            self.advance();
        }
        for id in self.fleet.ids().collect::<Vec<_>>() {
            assert!(self.is_ready(id) || !self.can_be_ready(id), "{id:?} did not come up: {:?}", self.fleet.app(id));
        }
    }

    fn is_ready(&self, id: AppId) -> bool {
        self.judge.is_ready(id)
    }

    fn can_be_ready(&self, id: AppId) -> bool {
        let wanted = self.judge.wish(id) == Goal::Up && !self.judge.is_over(id);
        wanted && self.apps[id.0 as usize].needs.iter().all(|need| self.can_be_ready(*need))
    }

    /// However we got here: a stop of everything ends by its deadline, with nothing alive, however deaf everybody is.
    fn end(&mut self) {
        trace(self.tracing, || "-- the end".into());
        (self.world.prompt, self.world.deaf) = (true, true);
        self.request(Request::StopAll);
        let longest = self.apps.iter().map(|app| app.policy.kill_timeout).max().unwrap_or_default();
        // Lateness of the supervisors and their deaths aside: two kills, in case the first is escaped from.
        let patience = longest.max(lifecycle::STOP_ALL_TIMEOUT) + 2 * lifecycle::KILL_AGAIN_AFTER;
        self.deaths = 0;
        let started = self.now;
        while !self.fleet.is_settled_down() {
            let next = [self.world.next(), self.fleet.next_deadline()].into_iter().flatten().min();
            self.now = self.now.max(next.expect("something is alive and nobody does anything about it"));
            assert!(self.now.since(started) <= patience, "stopping everything took {:?}", self.now.since(started));
            match self.world.pop(self.now) {
                Some(happening) => self.happen(happening),
                None => self.tick(),
            }
        }
        let alive = self.world.processes.values().filter(|process| process.alive).count();
        assert_eq!(alive, 0, "processes are alive after a stop of everything");
        assert_eq!(self.fleet.next_deadline(), None, "everything is over, and something is due");
        self.now = self.now.after(PEACE);
        self.tick();
        while let Some(at) = self.world.next() {
            self.now = self.now.max(at);
            let happening = self.world.pop(self.now).expect("it happens by now");
            self.happen(happening);
        }
        assert!(self.fleet.is_settled_down(), "something came back after a stop of everything");
    }
}

fn trace(tracing: bool, line: impl FnOnce() -> String) {
    if tracing {
        eprintln!("{}", line());
    }
}
