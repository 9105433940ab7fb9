//! A stage for small plays: a fleet, its clock, and short words for what happens on it.

#![allow(dead_code, reason = "each play uses some of the words")]

use std::{collections::BTreeMap, time::Duration};

use lifecycle::{
    Action, Ailment, AppId, Event, Exit, Fleet, Invocation, Member, Moment, Policy, Request, Signal, State, StopReason,
};

pub const CRASH: Exit = Exit::Code(1);

/// A fleet and the time.
pub struct Stage {
    pub fleet: Fleet,
    pub now: Moment,
    /// What each app depends on, for a successor.
    needs: BTreeMap<AppId, Vec<AppId>>,
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The order to end, or to be killed, of the app's living run.
pub fn send(stage: &Stage, app: u32, signal: Signal) -> (AppId, Action) {
    (AppId(app), Action::Send(stage.run(app), signal))
}

/// Who was sent this signal.
pub fn sent(actions: &[(AppId, Action)], signal: Signal) -> Vec<u32> {
    let to = |(id, action): &(AppId, Action)| match action {
        Action::Send(_, which) if *which == signal => Some(id.0),
        Action::Send(..) | Action::Spawn(_) => None,
    };
    actions.iter().filter_map(to).collect()
}

/// Who was asked to end.
pub fn told(actions: &[(AppId, Action)]) -> Vec<u32> {
    sent(actions, Signal::Terminate)
}

pub fn spawned(actions: &[(AppId, Action)]) -> Vec<u32> {
    actions.iter().filter(|(_, action)| matches!(action, Action::Spawn(_))).map(|(id, _)| id.0).collect()
}

/// An app as it is to be: wanted up, and begun anew by nothing.
pub fn member(app: u32, needs: &[u32]) -> Member {
    let policy = Policy::default();
    Member { id: AppId(app), policy, needs: ids(needs), follows: vec![], relaunch: false, up: true }
}

impl Stage {
    /// One app, id 0, wanted up and spawned.
    pub fn with_one(policy: Policy) -> Self {
        let mut stage = Self::with([(policy, vec![])]);
        stage.start(0);
        stage
    }

    /// Apps with ids from 0, each with what it needs; all of them down.
    pub fn with(apps: impl IntoIterator<Item = (Policy, Vec<u32>)>) -> Self {
        let apps: Vec<_> = (0..).zip(apps).map(|(id, (policy, needs))| (AppId(id), policy, ids(&needs))).collect();
        let needs = apps.iter().map(|(id, _, needs)| (*id, needs.clone())).collect();
        let fleet = Fleet::new(apps, Invocation(0)).expect("the play has no circle");
        Self { fleet, now: Moment::at(seconds(1_000)), needs }
    }

    /// All are wanted up, and become ready in the order of their ids.
    pub fn all_up(mut self) -> Self {
        let all: Vec<AppId> = self.fleet.ids().collect();
        self.fleet.request(self.now, Request::Start(all.clone()));
        for id in all {
            self.ready(id.0);
        }
        self
    }

    /// Some time goes by, with a tick at its end.
    pub fn wait(&mut self, span: Duration) -> Vec<(AppId, Action)> {
        self.now = self.now.after(span);
        self.fleet.tick(self.now)
    }

    pub fn start(&mut self, app: u32) -> Vec<(AppId, Action)> {
        self.fleet.request(self.now, Request::Start(ids(&[app])))
    }

    pub fn stop(&mut self, apps: &[u32]) -> Vec<(AppId, Action)> {
        self.fleet.request(self.now, Request::Stop(ids(apps)))
    }

    pub fn restart(&mut self, app: u32) -> Vec<(AppId, Action)> {
        self.fleet.request(self.now, Request::Restart(ids(&[app])))
    }

    pub fn request(&mut self, request: Request) -> Vec<(AppId, Action)> {
        self.fleet.request(self.now, request)
    }

    pub fn reshape(&mut self, members: impl IntoIterator<Item = Member>) -> Vec<(AppId, Action)> {
        let members: Vec<Member> = members.into_iter().collect();
        self.needs.extend(members.iter().map(|member| (member.id, member.needs.clone())));
        self.fleet.reshape(self.now, members).expect("the play has no circle")
    }

    pub fn stop_all(&mut self) -> Vec<(AppId, Action)> {
        self.fleet.request(self.now, Request::StopAll)
    }

    pub fn handle(&mut self, app: u32, event: Event) -> Vec<(AppId, Action)> {
        self.fleet.handle(self.now, AppId(app), event)
    }

    pub fn ready(&mut self, app: u32) -> Vec<(AppId, Action)> {
        let run = self.run(app);
        self.handle(app, Event::Ready(run))
    }

    /// The first process ends.
    pub fn exit(&mut self, app: u32, exit: Exit) -> Vec<(AppId, Action)> {
        let run = self.run(app);
        self.handle(app, Event::Exited(run, exit))
    }

    /// The last process ends.
    pub fn gone(&mut self, app: u32) -> Vec<(AppId, Action)> {
        let run = self.run(app);
        self.handle(app, Event::Gone(run))
    }

    pub fn ails(&mut self, app: u32, ailment: Ailment) -> Vec<(AppId, Action)> {
        let run = self.run(app);
        self.handle(app, Event::Unhealthy(run, ailment))
    }

    /// The run asks for time, from now on.
    pub fn extend(&mut self, app: u32, time: Duration) -> Vec<(AppId, Action)> {
        let run = self.run(app);
        self.handle(app, Event::Extend(run, self.now.after(time)))
    }

    /// The run says that it is ending.
    pub fn leave(&mut self, app: u32) -> Vec<(AppId, Action)> {
        let run = self.run(app);
        self.handle(app, Event::Leaving(run))
    }

    /// The stage as the next supervisor finds it, with the same file; `exists` tells which runs the keeper knows.
    pub fn succeed(&self, exists: impl Fn(Invocation) -> bool) -> Self {
        let apps = self.fleet.ids().map(|id| (id, self.fleet.app(id).policy().clone(), self.needs[&id].clone()));
        let mut fleet = Fleet::new(apps, Invocation(0)).expect("there was none before");
        for id in self.fleet.ids() {
            fleet.restore(self.now, id, self.fleet.snapshot(id), &exists);
        }
        Self { fleet, now: self.now, needs: self.needs.clone() }
    }

    /// The only process ends.
    pub fn end(&mut self, app: u32, exit: Exit) -> Vec<(AppId, Action)> {
        self.exit(app, exit);
        self.gone(app)
    }

    /// The run of which something is alive.
    pub fn run(&self, app: u32) -> Invocation {
        self.fleet.app(AppId(app)).alive().unwrap_or_else(|| panic!("app {app} has no run: {:?}", self.state(app)))
    }

    pub fn state(&self, app: u32) -> State {
        self.fleet.app(AppId(app)).state()
    }

    pub fn is_running(&self, app: u32) -> bool {
        matches!(self.state(app), State::Running { .. })
    }

    pub fn is_starting(&self, app: u32) -> bool {
        matches!(self.state(app), State::Starting { .. })
    }

    pub fn is_stopping(&self, app: u32, reason: StopReason) -> bool {
        matches!(self.state(app), State::Stopping { why, .. } if why == reason)
    }

    pub fn is_cooling(&self, app: u32) -> bool {
        matches!(self.state(app), State::Cooling { .. })
    }

    /// How long until the app is tried again.
    pub fn delay(&self, app: u32) -> Duration {
        match self.state(app) {
            State::Backoff { retry_at } | State::Cooling { retry_at, .. } => retry_at.since(self.now),
            state => panic!("app {app} is not waiting for another try: {state:?}"),
        }
    }
}

pub fn ids(apps: &[u32]) -> Vec<AppId> {
    apps.iter().copied().map(AppId).collect()
}
