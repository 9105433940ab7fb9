//! `why`: what became of some apps lately.

use protocol::control::Why;

use crate::control::Reply;
use crate::supervisor::Supervisor;

impl Supervisor {
    pub(super) fn why(&mut self, targets: &[String]) -> Reply {
        let ids = match self.meant(targets) {
            Ok(ids) => ids,
            Err(refusal) => return refusal,
        };
        let _ = self.status(); // measures what is to be told
        let known = ids.into_iter().filter(|id| self.fleet.get(*id).is_some());
        let told: Vec<Why> = known
            .filter_map(|id| {
                let happenings = self.chronicles.get(&id).map(crate::supervisor::Chronicle::told).unwrap_or_default();
                Some(Why { app: self.status_of(self.unit(id)?), happenings })
            })
            .collect();
        Reply::json(&told)
    }
}
