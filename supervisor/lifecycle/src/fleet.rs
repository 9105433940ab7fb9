//! All apps, and the order they start and stop in.

use std::collections::BTreeMap;

use crate::{Action, App, AppId, CycleError, Event, Goal, Invocation, Moment, Policy, Request, Snapshot, order::Order};

/// All apps. Told what happened and when, it answers with what to do.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub(crate) apps: BTreeMap<AppId, App>,
    pub(crate) order: Order,
    pub(crate) last_run: Invocation,
}

impl Fleet {
    /// A fleet of apps that are all stopped and wanted down, each with its policy and what it depends on. Runs are
    /// numbered from the one after `last_run`. A dependency that is not among the apps is never ready.
    ///
    /// # Errors
    /// If apps wait for each other in a circle.
    pub fn new(
        apps: impl IntoIterator<Item = (AppId, Policy, Vec<AppId>)>,
        last_run: Invocation,
    ) -> Result<Self, CycleError> {
        let (mut by_id, mut dependencies) = (BTreeMap::new(), BTreeMap::new());
        for (id, policy, needs) in apps {
            by_id.insert(id, App::new(policy));
            dependencies.insert(id, needs);
        }
        Ok(Self { apps: by_id, order: Order::new(dependencies)?, last_run })
    }

    /// The apps, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = AppId> + '_ {
        self.apps.keys().copied()
    }

    /// One app, if the fleet has it.
    #[must_use]
    pub fn get(&self, id: AppId) -> Option<&App> {
        self.apps.get(&id)
    }

    /// One app.
    ///
    /// # Panics
    /// If there is no such app.
    #[must_use]
    pub fn app(&self, id: AppId) -> &App {
        &self.apps[&id]
    }

    /// Takes something that happened to one app; answers with what is to be done now. What is about an earlier run, or
    /// about no app of ours, changes nothing.
    pub fn handle(&mut self, now: Moment, id: AppId, event: Event) -> Vec<(AppId, Action)> {
        match event {
            Event::Wanted(Goal::Up) => return self.request(now, Request::Start(vec![id])),
            Event::Wanted(Goal::Down) => return self.request(now, Request::Stop(vec![id])),
            Event::Ready(_) | Event::Exited(..) | Event::Gone(_) => {}
            Event::Unhealthy(..) | Event::Extend(..) | Event::Leaving(_) => {}
            Event::Refresh | Event::CauseMayBeGone | Event::Tick => {}
        }
        let Some(app) = self.apps.get_mut(&id) else { return Vec::new() };
        if app.is_stale(event) {
            return Vec::new();
        }
        let was_ready = app.is_ready();
        let action = app.handle(now, event);
        // A job that is done has encouraged them already, when it became ready.
        if !was_ready && app.is_ready() {
            self.encourage_dependants(now, id);
        }
        self.settle(now, action.map(|action| (id, action)).into_iter().collect())
    }

    /// Does what is due. Afterwards nothing is due until [`Fleet::next_deadline`].
    pub fn tick(&mut self, now: Moment) -> Vec<(AppId, Action)> {
        let ids: Vec<AppId> = self.ids().collect();
        let mut actions = Vec::new();
        loop {
            self.each(&ids, |app| app.handle(now, Event::Tick), &mut actions);
            self.each(&ids, |app| app.tick_beside(now), &mut actions);
            actions = self.settle(now, actions);
            // Something is due again only with timeouts of zero: what is told to end is to be killed at the same moment.
            if self.next_deadline().is_none_or(|due| due > now) {
                return actions;
            }
        }
    }

    /// When to [`tick`](Fleet::tick), if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        // What others hold back has nothing to wake up for: they do.
        let own = self.apps.iter().filter(|(id, _)| !self.is_held_back(**id)).filter_map(|(_, app)| app.deadline());
        own.chain(self.apps.values().filter_map(App::deadline_beside)).min()
    }

    /// Whether a stop of everything is complete: every app is wanted down and nothing is alive.
    #[must_use]
    pub fn is_settled_down(&self) -> bool {
        self.apps.values().all(|app| app.goal() == Goal::Down && !app.is_alive())
    }

    /// All that is known of an app.
    ///
    /// # Panics
    /// If there is no such app.
    #[must_use]
    pub fn snapshot(&self, id: AppId) -> Snapshot {
        self.app(id).snapshot()
    }

    /// Makes an app what its snapshot says. `exists` tells whether the keeper knows of a run, alive or ended; one that
    /// it does not know was never spawned, or is long gone. An app that the fleet does not have is passed over.
    ///
    /// Nothing is decided until all apps are restored and the next [`tick`](Fleet::tick) or event comes.
    pub fn restore(&mut self, now: Moment, id: AppId, snapshot: Snapshot, exists: impl Fn(Invocation) -> bool) {
        self.last_run = self.last_run.max(snapshot.newest_run.unwrap_or_default());
        if let Some(app) = self.apps.get_mut(&id) {
            app.restore(now, snapshot, exists);
        }
    }

    /// Makes an app that was leaving go on leaving: one that was remembered, and that the fleet has no longer. It takes
    /// its policy and what it needed from the fleet that it was in. If nothing of it is alive, there is nothing to do.
    pub fn restore_leaving(
        &mut self,
        now: Moment,
        id: AppId,
        policy: Policy,
        needs: Vec<AppId>,
        snapshot: Snapshot,
        exists: impl Fn(Invocation) -> bool,
    ) {
        if self.apps.contains_key(&id) {
            return self.restore(now, id, snapshot, exists);
        }
        self.last_run = self.last_run.max(snapshot.newest_run.unwrap_or_default());
        let mut app = App::new(policy);
        let leaves = Snapshot { goal: Goal::Down, leaving: true, reload: None, ..snapshot };
        app.restore(now, leaves, exists);
        self.apps.insert(id, app);
        self.order.insert(id, needs);
        self.drop_what_has_left();
    }

    /// Passes each app of `ids` once to `step` and adds what it answers to `actions`.
    pub(crate) fn each(
        &mut self,
        ids: &[AppId],
        step: impl Fn(&mut App) -> Option<Action>,
        actions: &mut Vec<(AppId, Action)>,
    ) {
        for &id in ids {
            let action = self.apps.get_mut(&id).and_then(&step);
            actions.extend(action.map(|action| (id, action)));
        }
    }

    /// Spawns and tells to end whoever may be, now that something changed.
    pub(crate) fn settle(&mut self, now: Moment, mut actions: Vec<(AppId, Action)>) -> Vec<(AppId, Action)> {
        self.drop_what_has_left();
        actions.extend(self.roll_on(now));
        for id in self.ids().collect::<Vec<_>>() {
            let (may_start, may_stop) = (!self.is_held_back(id), self.may_be_told(id, now));
            let Some(app) = self.apps.get_mut(&id) else { continue };
            if may_start && app.is_due(now) {
                self.last_run = self.last_run.next();
                actions.push((id, app.spawn(now, self.last_run)));
            } else if may_stop {
                actions.extend(app.tell(now).map(|action| (id, action)));
            }
        }
        actions
    }

    /// What failed for want of `id` may do better now.
    fn encourage_dependants(&mut self, now: Moment, id: AppId) {
        for user in self.order.dependants(id) {
            if let Some(app) = self.apps.get_mut(user) {
                app.handle(now, Event::CauseMayBeGone);
            }
        }
    }
}
