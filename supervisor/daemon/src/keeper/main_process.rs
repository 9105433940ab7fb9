//! Which process of a run is its main one, after `MAINPID=` named it: a daemon's first process starts it and ends.
//!
//! ```text
//!   first process alone ── MAINPID ──► both live ──────── main ends ──────────────► the run has ended
//!                                         │ first ends, and main is our child           ▲
//!                                         ▼                                             │
//!                                      main alone ──────── main ends ───────────────────┘
//! ```
//!
//! We are the subreaper, so a process whose parent has ended is our child, and we hear of its end. While its own parent
//! lives we do not: then the first process's end is the run's, as it is without a main process.
//!
//! An app's word is not enough: the process must be below us, of the run's tree, and of the run's user. Else an app could
//! have another one's process stopped in its own place.

use std::path::Path;

use super::Keeper;
use super::head::Queued;
use super::rows::{Held, is_our_child};
use crate::cgroup;
use crate::clock;
use crate::tree::{Mark, Process, Stat};
use crate::users::user_of;

/// As deep as a tree of processes is climbed.
const MOST_ANCESTORS: usize = 1000;

impl Keeper {
    pub(super) fn name_main_process(&mut self, run: u64, pid: i32) {
        let is_the_head = self.head.as_ref().is_some_and(|head| head.pid.as_raw() == pid);
        let Some(held) = self.rows.held(run) else { return };
        match accepted(held, pid, &self.hub).filter(|_| !is_the_head) {
            Some(_) if held.row.pid == Some(pid) => held.name_main(None), // the first process again, while it lives
            Some(main) => {
                held.name_main(Some(main));
                if held.row.exit.take().is_some() {
                    held.row.exited_at_ns = None;
                    held.row.first_ended = true;
                }
            }
            None => {
                say!("{} keeper: process {pid} cannot be the main one of run {run} ({})", clock::stamp(), held.row.app)
            }
        }
        self.tell(Queued::Row(run));
    }
}

fn accepted(held: &Held, pid: i32, hub: &str) -> Option<Process> {
    let first = held.row.pid?;
    let stat = Stat::of(pid)?;
    let goes_on_with_it = held.row.exit.is_none() && !held.row.first_ended;
    if pid == first {
        return goes_on_with_it.then_some(stat.process);
    }
    let ancestors = ancestors_below_us(pid)?;
    let is_of_the_tree = ancestors.contains(&first)
        || [stat.session, stat.group].contains(&first)
        || Mark::of(pid, hub) == Mark::Run(held.row.run)
        || held.row.cgroup.as_ref().is_some_and(|group| cgroup::members(Path::new(group)).contains(&pid));
    let user = user_of(pid)?;
    // What we start as ourselves may become whom it likes, if it can.
    let is_its_user = user == held.user || held.user == nix::unistd::geteuid().as_raw();
    let will_be_heard_of = goes_on_with_it || is_our_child(stat.process);
    (is_of_the_tree && is_its_user && will_be_heard_of).then_some(stat.process)
}

/// Everybody between a process and us; `None` if it is not below us.
fn ancestors_below_us(pid: i32) -> Option<Vec<i32>> {
    let us = std::process::id() as i32;
    let mut ancestors = Vec::new();
    let mut parent = Stat::of(pid)?.parent;
    while parent != us {
        if parent <= 1 || ancestors.len() == MOST_ANCESTORS {
            return None;
        }
        ancestors.push(parent);
        parent = Stat::of(parent)?.parent;
    }
    Some(ancestors)
}
