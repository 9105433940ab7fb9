//! `start SCRIPT`: an app that is in no file.

use http::StatusCode;
use protocol::control::{Accepted, Run};

use crate::control::Reply;
use crate::supervisor::{Supervisor, book};

impl Supervisor {
    pub(super) fn run_ad_hoc(&mut self, run: &Run) -> Reply {
        let conflict = |error: String| Reply::refusal(StatusCode::CONFLICT, error);
        if self.stopping {
            return conflict("everything is being stopped".to_owned());
        }
        let app = match manifest::parse(&self.config, &run.table, None) {
            Ok(manifest) if manifest.apps.len() == 1 => manifest.apps.into_iter().next(),
            Ok(_) => None,
            Err(diagnostics) => return Reply::refusal(StatusCode::UNPROCESSABLE_ENTITY, diagnostics.to_string()),
        };
        let Some(app) = app else {
            return Reply::refusal(StatusCode::BAD_REQUEST, "one [[apps]] table is needed, no more".to_owned());
        };
        let name = app.name.clone();
        let is_in_file = self.roster.manifest.roster.iter().any(|(_, other)| *other == name);
        if is_in_file || !self.roster.ids_of(&name).is_empty() {
            return conflict(format!(
                "there is an app `{name}` already: betti-ctl restart {name} begins it anew, betti-ctl delete {name} makes \
                 room, and --name gives this one another name"
            ));
        }
        if !app.depends_on.is_empty() {
            return conflict("an app that is in no file cannot depend on others: write it into the file".to_owned());
        }
        self.order(&book::remember_ad_hoc(&name, Some(run.table.clone())));
        let roster = self.roster.with_ad_hoc(app, &self.taken());
        let new: Vec<_> = roster.units().filter(|unit| unit.app.name == name).cloned().collect();
        let accepted = Accepted { apps: new.iter().map(|unit| self.accepted_app(unit, false)).collect() };
        self.change_roster(roster, None, |_| true);
        Reply::json(&accepted)
    }
}
