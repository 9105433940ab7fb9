//! Whether the kernel ended a run for want of memory. The kernel sends SIGKILL like anybody else, so that is judged from what
//! else it says: its log, which names processes, and its count for a control group, which the keeper reads at the run's end.
//!
//! It is judged here and not in the keeper, because the log also holds what programs wrote and the names that they chose. The
//! count is part of the keeper's row and the log stays, so that a successor that hears of the same end judges it the same.

use std::time::Duration;

use lifecycle::{AppId, Exit};
use nix::sys::signal::Signal;
use protocol::keeper::Row;

use super::kernel_log::{KernelLog, Killed};
use super::{Supervisor, memory};
use crate::clock;
use crate::tree::{Mark, Stat};

/// What was counted so long before an end may have been for another process that the log names.
const ABOUT_THEN: Duration = Duration::from_secs(20);

/// How a run ended, where its row says that it did.
pub fn judge(row: &Row, log: &mut KernelLog) -> Option<Exit> {
    let exit = memory::exit_in(row.exit?);
    if !matches!(exit, Exit::Signal { signal, .. } if signal == Signal::SIGKILL as i32) {
        return Some(exit);
    }
    let pids: Vec<i32> = [row.pid, row.main_pid].into_iter().flatten().collect();
    let exited = row.exited_at_ns.map_or_else(clock::now, Duration::from_nanos);
    let is_named = log.says_killed(&pids, Duration::from_nanos(row.spawned_at_ns), exited);
    let is_counted = || row.memory_kill && !log.explains_by_another(&pids, exited, ABOUT_THEN);
    Some(if is_named || is_counted() { Exit::OutOfMemory } else { exit })
}

impl Supervisor {
    /// Somebody was ended for want of memory. A run's first or main process is heard of when it is gone; that a child is, the
    /// run has to see to itself, and we only say it.
    pub(super) fn hear_of_killed(&self, killed: &Killed) {
        let Some(app) = self.whose_child(killed.pid) else { return };
        let name = self.unit(app).map(|unit| unit.key()).unwrap_or_default();
        let Killed { pid, name: process, .. } = killed;
        say!("{} {name}: the kernel ended its child {process} (pid {pid}) for want of memory", clock::stamp());
    }

    /// Of a run whose own process it is not. It is on its way out, and may be gone already.
    fn whose_child(&self, pid: i32) -> Option<AppId> {
        let is_its_own = |row: &Row| [row.pid, row.main_pid].contains(&Some(pid));
        if self.runs.values().any(|run| is_its_own(&run.row)) {
            return None;
        }
        let session = Stat::of(pid)?.session;
        let marked = match Mark::of(pid, &self.hub) {
            Mark::Run(run) => self.runs.get(&run),
            Mark::Supervisor | Mark::None | Mark::Unknown => None,
        };
        marked.or_else(|| self.runs.values().find(|run| run.row.pid == Some(session))).map(|run| run.app)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(exit: &str, memory_kill: bool) -> Row {
        let text = format!(
            r#"{{"run":1,"app":"a","pid":9,"spawned_at_ns":5,"exit":{exit},"exited_at_ns":6,"memory_kill":{memory_kill}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn only_a_kill_that_the_kernel_owns_up_to_is_one_for_want_of_memory() {
        let killed = r#"{"signal":{"signal":9,"core_dumped":false}}"#;
        let sigkill = Exit::Signal { signal: 9, core_dumped: false };
        for (exit, counted, named, expected) in [
            (killed, false, &[][..], sigkill),
            (killed, true, &[], Exit::OutOfMemory),
            (killed, false, &[9], Exit::OutOfMemory),
            (killed, false, &[8], sigkill),
            (killed, true, &[8], sigkill),
            (killed, true, &[8, 9], Exit::OutOfMemory),
            (r#"{"code":137}"#, true, &[9], Exit::Code(137)),
            (
                r#"{"signal":{"signal":11,"core_dumped":true}}"#,
                true,
                &[9],
                Exit::Signal { signal: 11, core_dumped: true },
            ),
        ] {
            let mut log = KernelLog::saying(named);
            assert_eq!(judge(&row(exit, counted), &mut log), Some(expected), "{exit} {counted} {named:?}");
        }
        assert_eq!(judge(&Row { exit: None, ..row(killed, true) }, &mut KernelLog::saying(&[])), None);
    }
}
