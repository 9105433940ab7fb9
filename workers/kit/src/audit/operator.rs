//! What is done on the hub's own command line is in the audit too: nobody else's key is shown there, and it may be about everything.

use std::path::Path;

use super::{Audit, Seen, What, Who, entry::EVERYBODY};
use crate::{Area, database::OpenError};
use jiff::Timestamp;

/// Answered as a request that is done.
const DONE: u16 = 200;

/// The audit, opened before anything is done that it could not tell.
pub struct Operator(Audit);

impl Operator {
    /// Opens the audit of the data in this folder.
    ///
    /// # Errors
    /// If it cannot be made or used.
    pub fn open(data: &Path) -> Result<Self, OpenError> {
        Ok(Self(Audit::open(data)?))
    }

    /// A command was carried out that changed something: `betti-api pair`.
    pub fn changed(self, command: &str, resident: i64) {
        self.note(What::Change, command, Some(Area::Sharing), resident);
    }

    /// A command handed something out: `betti-api export`.
    pub fn took(self, command: &str, resident: i64) {
        self.note(What::Read, command, None, resident);
    }

    /// A command changed something of everybody: `betti-ctl restore`.
    pub fn changed_all(self, command: &str) {
        self.note(What::Change, command, None, EVERYBODY);
    }

    fn note(self, what: What, command: &str, area: Option<Area>, resident: i64) {
        self.0.note(Seen {
            at: Timestamp::now(),
            who: Who { device: None, role: Who::OPERATOR },
            address: None,
            area,
            what,
            resident,
            route: command.to_owned(),
            thing: None,
            status: DONE,
        });
        self.0.close();
    }
}
