//! `scale`: another number of instances, until the file says another one.

use std::rc::Rc;

use http::StatusCode;
use protocol::control::Accepted;
use protocol::request::{Amount, MOST_INSTANCES};

use crate::control::Reply;
use crate::supervisor::Supervisor;
use crate::supervisor::roster::Unit;

impl Supervisor {
    pub(super) fn scale(&mut self, target: &str, amount: Amount) -> Reply {
        let name = match self.only_app_meant(target) {
            Ok(name) => name,
            Err(refusal) => return refusal,
        };
        let before: Vec<Rc<Unit>> = self.roster.units().filter(|unit| unit.app.name == name).cloned().collect();
        let present = u32::try_from(before.len()).unwrap_or(u32::MAX);
        let Some(count) = amount.of(present) else {
            let error = format!(
                "{name} has {present} and must have from 1 to {MOST_INSTANCES} instances: betti-ctl stop {name} stops \
                 it, betti-ctl delete {name} takes it off the list"
            );
            return Reply::refusal(StatusCode::BAD_REQUEST, error);
        };
        if self.stopping {
            return Reply::refusal(StatusCode::CONFLICT, "everything is being stopped".to_owned());
        }
        if count > 1 && before.iter().any(|unit| unit.app.port_of_its_own().is_some()) {
            let error = format!(
                "every instance of {name} would open the same `port`: let the hub hold the address, with \
                 `listen`, and they share it"
            );
            return Reply::refusal(StatusCode::CONFLICT, error);
        }
        let wanted = before.iter().any(|unit| self.is_wanted(unit));
        let next = self.roster.scaled(&name, count, &self.taken());
        let comes = next.units().filter(|unit| unit.app.name == name && self.roster.unit(unit.id).is_none());
        let leaves = before.iter().filter(|unit| next.unit(unit.id).is_none());
        let comes = comes.filter(|_| wanted).map(|unit| self.accepted_app(unit, false));
        let accepted = Accepted { apps: comes.chain(leaves.map(|unit| self.accepted_app(unit, true))).collect() };
        // Instances of an app that an operator stopped are stopped too.
        self.change_roster(next, None, move |_| wanted);
        Reply::json(&accepted)
    }

    fn is_wanted(&self, unit: &Unit) -> bool {
        self.fleet.get(unit.id).is_some_and(|app| app.goal() == lifecycle::Goal::Up)
    }

    fn only_app_meant(&self, target: &str) -> Result<String, Reply> {
        let meant = self.meant(&[target.to_owned()])?;
        let mut names: Vec<&str> =
            meant.iter().filter_map(|id| self.roster.unit(*id)).map(|unit| unit.app.name.as_str()).collect();
        names.dedup();
        match names.as_slice() {
            [name] => Ok((*name).to_owned()),
            [] => Err(Reply::refusal(StatusCode::CONFLICT, format!("{target} is on its way out"))),
            several => {
                let error = format!("`{target}` means several apps, {}: name one of them", several.join(", "));
                Err(Reply::refusal(StatusCode::BAD_REQUEST, error))
            }
        }
    }
}
