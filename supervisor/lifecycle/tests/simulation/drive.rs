//! The daemon in between: it tells the fleet what happens, performs what the fleet orders, and dies at the worst moments.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::{
    Action, Ailment, AppId, Event, Exit, Fleet, Goal, Invocation, Member, Moment, Request, Snapshot, Verdict,
};

use crate::{
    judge::{Input, Judge},
    keeper::Keeper,
    plan::{self, Character, File, Plan, Pool},
    random::Random,
    world::{Happening, World},
};

/// How many things happen in a world before its end.
const MOST_STEPS: usize = 160;

pub struct Drive {
    pub random: Random,
    pub pool: Pool,
    pub fleet: Fleet,
    pub keeper: Keeper,
    pub world: World,
    pub judge: Judge,
    pub now: Moment,
    /// Runs that ended, for rumours.
    past: Vec<(AppId, Invocation)>,
    /// How often a supervisor dies while it handles something, in percent.
    pub deaths: usize,
    /// How often the file is edited, in percent.
    edits: usize,
    pub tracing: bool,
}

/// Plays the whole world of a seed; panics at the first broken promise. Answers what it has led to.
pub fn play(seed: u64, tracing: bool) -> BTreeSet<&'static str> {
    let mut random = Random::new(seed);
    let pool = Pool::random(&mut random);
    let file = pool.first_file(&mut random);
    let mut drive = Drive {
        fleet: plan::fleet(&file, Invocation(0)),
        judge: Judge::new(&file),
        keeper: Keeper::new(file),
        world: World::default(),
        now: Moment::at(Duration::from_secs(100)),
        past: Vec::new(),
        deaths: random.pick(&[0, 0, 2, 10]),
        edits: random.pick(&[0, 2, 8]),
        pool,
        random,
        tracing,
    };
    drive.run();
    drive.judge.seen
}

impl Drive {
    fn run(&mut self) {
        for (id, app) in &self.keeper.file {
            trace(self.tracing, || format!("{id:?} needs {:?}, {:?}", app.needs, app.policy));
        }
        let all = self.fleet.ids().collect();
        self.request(Request::Start(all));
        for _ in 0..self.random.below(MOST_STEPS) {
            self.step();
            self.look_at_trial();
        }
        if self.random.percent(30) {
            self.live_in_peace();
        }
        self.end();
    }

    fn step(&mut self) {
        if self.random.percent(self.edits) {
            return self.edit();
        }
        match self.random.below(100) {
            0..7 => self.operate(),
            7..9 => self.event(Event::CauseMayBeGone),
            9..12 => self.event(Event::Refresh),
            12..14 => self.trouble(),
            14..20 => self.spread_rumour(),
            20..22 => {
                let longest = self.random.pick(&[200, 200, 2_000]);
                let pause = self.random.span(Duration::from_secs(longest));
                self.now = self.now.after(pause);
            }
            22..24 => {
                self.remember();
                self.succeed();
            }
            24..28 => self.tick(),
            _ => self.advance(),
        }
    }

    /// On to the next thing that happens or is due; sometimes late.
    pub fn advance(&mut self) {
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

    pub fn happen(&mut self, happening: Happening) {
        let (world, random, now) = (&mut self.world, &mut self.random, self.now);
        match happening {
            Happening::SaysReady(run) => world.says_ready(random, now, run),
            Happening::SaysLeaving(run) => world.says_leaving(random, now, run),
            Happening::AsksForTime(run) => world.asks_for_time(random, now, run),
            Happening::LeaderEnds(run, exit) => world.leader_ends(random, now, run, exit),
            Happening::TreeEnds(run) => world.tree_ends(random, now, run),
            Happening::Hear(app, event) => {
                self.call(Input::Event(app, event));
            }
        }
    }

    pub fn tick(&mut self) {
        if self.call(Input::Tick) {
            self.judge.check_tick(self.now, &self.fleet);
        }
    }

    fn any_app(&mut self) -> AppId {
        self.pool.any(&mut self.random)
    }

    fn event(&mut self, event: Event) {
        let app = self.any_app();
        self.call(Input::Event(app, event));
    }

    fn operate(&mut self) {
        let ids: Vec<AppId> = match self.random.below(4) {
            0 => self.pool.all().to_vec(),
            1 => vec![self.any_app(), self.any_app(), self.any_app()],
            _ => vec![self.any_app()],
        };
        match self.random.below(16) {
            0..3 => self.request(Request::Start(ids)),
            3..5 => self.request(Request::Stop(ids)),
            5..7 => self.request(Request::Restart(ids)),
            7..9 => self.request(Request::RestartWithDependants(ids)),
            9..12 => self.request(Request::Reload(ids)),
            12 => self.request(Request::Reset(ids)),
            13 => self.request(Request::StopAll),
            14 => self.event(Event::Wanted(Goal::Up)),
            _ => self.event(Event::Wanted(Goal::Down)),
        }
    }

    /// An operator who gets no answer asks again.
    pub fn request(&mut self, request: Request) {
        while !self.call(Input::Request(request.clone())) {}
    }

    /// What can be said of a run is said of one, whatever it does.
    fn trouble(&mut self) {
        let app = self.any_app();
        let runs = self.judge.live_runs(app);
        if runs.is_empty() {
            return;
        }
        let run = self.random.pick(&runs);
        let ailment = self.random.pick(&[Ailment::Health, Ailment::Watchdog, Ailment::Memory]);
        let until = self.now.after(self.random.span(Duration::from_secs(20)));
        let events = [Event::Unhealthy(run, ailment), Event::Extend(run, until), Event::Leaving(run)];
        let event = self.random.pick(&events);
        self.call(Input::Event(app, event));
    }

    /// Somebody edits the file or goes over to another profile.
    fn edit(&mut self) {
        let next = self.pool.edited(&mut self.random, &self.keeper.file);
        let members = plan::members(&mut self.random, &self.fleet, &next);
        if self.random.percent(5) {
            return self.refuse_circle(members);
        }
        let trial = self.random.percent(60).then(|| {
            let watched = next.keys().copied().filter(|_| self.random.percent(80)).collect();
            (lifecycle::Trial::new(&self.fleet, watched), self.keeper.file.clone())
        });
        self.keeper.trial = trial;
        self.reshape(next, members);
    }

    fn reshape(&mut self, next: File, members: Vec<Member>) {
        trace(self.tracing, || format!("    trial: {:?}", self.keeper.trial.as_ref().map(|(trial, _)| trial)));
        self.keeper.next = Some((next, members.clone()));
        self.call(Input::Reshape(members));
    }

    /// A file whose apps wait for each other in a circle changes nothing.
    fn refuse_circle(&mut self, mut members: Vec<Member>) {
        let Some(first) = members.first().map(|member| member.id) else { return };
        let last = members.last_mut().expect("there is a first");
        last.needs.push(last.id);
        last.needs.push(first);
        let before = self.snapshots();
        let refused = self.fleet.reshape(self.now, members);
        assert!(refused.is_err(), "a circle was let through");
        assert_eq!(before, self.snapshots(), "a circle changed something");
        self.judge.check(self.now, &self.fleet);
        self.judge.seen.insert("a circle refused");
    }

    /// Once the fleet is the one that is to be, the trial may end; if it failed, the file before comes back.
    pub fn look_at_trial(&mut self) {
        let Some((trial, before)) = self.keeper.trial.take() else { return };
        let verdict = trial.verdict(&self.fleet);
        assert_eq!(verdict, self.judge.verdict(&trial), "what a trial has come to: {trial:?}");
        match verdict {
            Verdict::Pending => self.keeper.trial = Some((trial, before)),
            Verdict::Passed => {
                self.judge.seen.insert("trial passed");
            }
            Verdict::Failed(app) => {
                trace(self.tracing, || format!("-- {app:?} failed; the file before comes back"));
                self.judge.seen.insert("trial failed and taken back");
                let members = plan::members(&mut self.random, &self.fleet, &before);
                self.reshape(before, members);
            }
        }
    }

    /// Something about a run that is over, or of another app, or never was: nothing may come of it.
    fn spread_rumour(&mut self) {
        let app = self.any_app();
        let other = if self.past.is_empty() { (app, Invocation(0)) } else { self.random.pick(&self.past) };
        let run = if self.random.percent(90) { other.1 } else { Invocation(self.random.next()) };
        if self.judge.live_runs(app).contains(&run) {
            return;
        }
        let until = self.now.after(Duration::from_secs(60));
        let events = [
            Event::Ready(run),
            Event::Exited(run, Exit::Code(1)),
            Event::Gone(run),
            Event::Unhealthy(run, Ailment::Memory),
            Event::Extend(run, until),
            Event::Leaving(run),
        ];
        let event = self.random.pick(&events);
        let before = self.snapshots();
        let actions = self.fleet.handle(self.now, app, event);
        assert_eq!(actions, [], "a rumour led to something: {event:?} of {app:?}");
        assert_eq!(before, self.snapshots(), "a rumour changed something: {event:?} of {app:?}");
    }

    pub fn snapshots(&self) -> Vec<(AppId, Snapshot)> {
        self.fleet.ids().map(|id| (id, self.fleet.snapshot(id))).collect()
    }

    /// Tells the fleet something and performs what it orders. Answers whether the supervisor lived to say so.
    pub fn call(&mut self, input: Input) -> bool {
        let now = self.now;
        trace(self.tracing, || format!("{now:?} {input:?}"));
        let dies = self.random.percent(self.deaths);
        let before = dies.then(|| self.remember());
        self.judge.hear(now, &input);
        let heard = dies.then(|| self.judge.records.clone());
        let actions = match &input {
            Input::Event(app, event) => self.fleet.handle(now, *app, *event),
            Input::Request(request) => self.fleet.request(now, request.clone()),
            Input::Reshape(members) => {
                self.fleet.reshape(now, members.clone()).expect("apps depend only on those before them")
            }
            Input::Tick => self.fleet.tick(now),
        };
        trace(self.tracing && !actions.is_empty(), || format!("    {actions:?}"));
        self.judge.order(now, &actions);
        self.judge.check(now, &self.fleet);
        let Some((before, heard)) = before.zip(heard) else {
            self.keeper.commit();
            self.perform(&actions);
            self.forget(&input);
            self.check_world();
            return true;
        };
        self.die(&before, &heard, &actions);
        false
    }

    pub fn perform(&mut self, actions: &[(AppId, Action)]) {
        let good = Character::good();
        for &(app, action) in actions {
            let (random, now) = (&mut self.random, self.now);
            match action {
                Action::Spawn(run) => {
                    let plan: &Plan = self.keeper.file.get(&app).expect("only what is in the file is spawned");
                    let character = if self.world.prompt { &good } else { &plan.character };
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

    /// Stopped means gone: whatever is alive is known to be.
    pub fn check_world(&self) {
        for (run, process) in self.world.processes.iter().filter(|(_, process)| process.alive) {
            let is_known = self.fleet.get(process.app).is_some_and(|app| app.runs().any(|known| known == *run));
            assert!(is_known, "{:?} has processes of {run:?}", process.app);
        }
    }
}

pub fn trace(tracing: bool, line: impl FnOnce() -> String) {
    if tracing {
        eprintln!("{}", line());
    }
}
