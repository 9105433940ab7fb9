//! `start`, `stop`, `restart`, `reload`, `delete`, `reset`.

use std::collections::BTreeSet;

use lifecycle::{AppId, Goal, Request, State};
use protocol::control::{Accepted, AcceptedApp, Targets};
use protocol::request::Act;

use crate::control::Reply;
use crate::supervisor::Supervisor;

impl Supervisor {
    pub(super) fn act(&mut self, act: Act, asked: &Targets) -> Reply {
        if matches!(act, Act::Start | Act::Restart | Act::Reload) {
            self.bring_back(&asked.targets);
        }
        let ids = match self.meant(&asked.targets) {
            Ok(ids) => ids,
            Err(refusal) => return refusal,
        };
        let accepted = Accepted { apps: ids.iter().filter_map(|id| self.accepted(act, *id)).collect() };
        if self.stopping {
            return Reply::json(&accepted); // stop wins; the watcher sees that we are leaving
        }
        for id in &ids {
            let notes = self.notes.entry(*id).or_default();
            (notes.cause, notes.asked) = (None, true); // an operator's wish is cause enough
        }
        let request = match act {
            Act::Start => Request::Start(ids),
            // By one deadline, whatever everything was called.
            Act::Stop if ids.len() == self.units().len() => Request::StopAll,
            Act::Stop => Request::Stop(ids),
            Act::Restart if asked.dependants => Request::RestartWithDependants(ids),
            Act::Restart => Request::Restart(ids),
            Act::Reload => Request::Reload(ids),
            Act::Reset => Request::Reset(ids),
            Act::Delete => {
                self.delete(&ids);
                return Reply::json(&accepted);
            }
        };
        self.decide(|fleet, now| fleet.request(now, request));
        Reply::json(&accepted)
    }

    /// Apps of the file that were deleted come back when they are asked for by name, or with all others.
    fn bring_back(&mut self, targets: &[String]) {
        let is_meant =
            |name: &&String| targets.is_empty() || targets.iter().any(|target| target == *name || target == "all");
        let back: Vec<String> = self.roster.changes().deleted.iter().filter(is_meant).cloned().collect();
        if !back.is_empty() && !self.stopping {
            let roster = self.roster.with_back(&back, &self.taken());
            self.change_roster(roster, None, |_| false); // the request that follows wants them up
        }
    }

    fn delete(&mut self, ids: &[AppId]) {
        let names: BTreeSet<String> =
            ids.iter().filter_map(|id| self.roster.unit(*id)).map(|unit| unit.app.name.clone()).collect();
        for name in self.roster.ad_hoc().map(|app| &app.name).filter(|name| names.contains(*name)) {
            self.order(&crate::supervisor::book::remember_ad_hoc(name, None));
        }
        let roster = self.roster.without(&names, &self.taken());
        self.change_roster(roster, None, |_| false);
    }

    fn accepted(&self, act: Act, id: AppId) -> Option<AcceptedApp> {
        let unit = self.unit(id)?;
        let lived = self.fleet.get(id)?;
        let goes_on = matches!(lived.state(), State::Starting { .. } | State::Running { .. });
        Some(AcceptedApp {
            unchanged: matches!(act, Act::Start | Act::Reset) && goes_on && lived.goal() == Goal::Up,
            ..self.accepted_app(unit, act == Act::Delete)
        })
    }
}
