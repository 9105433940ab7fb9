//! How the keeper comes to an end: in order, through the supervisor; alone, when none can be had.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use super::{Ending, GRACE, Keeper};
use crate::clock;
use crate::tree::{self, Mark};

impl Keeper {
    pub(super) fn end(&mut self) {
        match self.ending {
            Ending::No => {
                say!("{} keeper: asked to end; stopping everything", clock::stamp());
                self.service_manager.is_stopping();
                self.ending = Ending::InOrder { patience: self.patience() };
                if let Some(head) = &mut self.head {
                    head.hurry();
                }
            }
            Ending::InOrder { .. } if !self.adopted() => self.end_alone(),
            Ending::InOrder { .. } | Ending::Alone { .. } | Ending::Leaving { .. } => {}
        }
    }

    /// Until when somebody may take over. If nobody has for as long already, nobody will.
    fn patience(&self) -> Duration {
        let now = clock::now();
        let is_headless = !self.adopted() && now.saturating_sub(self.at_work) >= GRACE;
        if is_headless { now } else { now + GRACE }
    }

    /// Whether it is time to go.
    pub(super) fn check_ending(&mut self) -> bool {
        let now = clock::now();
        match self.ending {
            Ending::No => false,
            Ending::InOrder { patience } => {
                if now >= patience && !self.adopted() {
                    self.end_alone();
                }
                false
            }
            Ending::Alone { kill_at } => {
                if now < kill_at && self.rows.any_alive() {
                    return false;
                }
                self.finish();
                true
            }
            Ending::Leaving { at } => {
                if now < at {
                    return false;
                }
                self.finish();
                true
            }
        }
    }

    /// Nobody can be had who knows the apps' own order and times.
    fn end_alone(&mut self) {
        say!("{} keeper: no supervisor takes over; stopping everything without one", clock::stamp());
        if let Some(head) = self.head.take() {
            let _ = kill(head.pid, Signal::SIGKILL);
        }
        self.rows.signal_all(Signal::SIGTERM);
        self.ending = Ending::Alone { kill_at: clock::now() + GRACE };
    }

    /// Whoever is left now is ended: normally nobody.
    fn finish(&mut self) {
        if let Some(head) = self.head.take() {
            let _ = kill(head.pid, Signal::SIGKILL);
        }
        self.rows.signal_all(Signal::SIGKILL);
        self.sockets.close_others(&[]);
        if let Some(groups) = &mut self.groups {
            self.rows.groups().for_each(|group| groups.end(group));
        }
        tree::sweep(&self.hub, &self.users, &self.rows.leaders(), Mark::is_the_hubs);
    }
}
