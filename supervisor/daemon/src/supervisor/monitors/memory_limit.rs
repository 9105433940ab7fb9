//! Looks at the memory of all runs that have a limit (`max_memory_restart`), in one walk every [`SAMPLE_EVERY`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::Ailment;
use tokio::sync::{mpsc::UnboundedSender, watch};

use super::Task;
use crate::supervisor::Event;
use crate::supervisor::footprint;
use crate::supervisor::ready::Said;
use crate::supervisor::reason::bytes;
use crate::supervisor::runs::Census;

/// How often.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// All that a walk needs to know.
pub struct Limited {
    pub census: Census,
    /// In bytes, by run: those that are ready and have a limit.
    pub most: BTreeMap<u64, u64>,
}

/// The one task for all runs. It sleeps for good while no run has a limit.
pub struct MemoryLimit {
    limited: watch::Sender<Option<Arc<Limited>>>,
    _task: Task,
}

impl MemoryLimit {
    /// Says [`Said::Unhealthy`] of whoever is over its limit, at every sample, until it is no more among the limited.
    pub fn start(events: UnboundedSender<Event>) -> Self {
        let (limited, watched) = watch::channel(None);
        Self { limited, _task: Task::spawn(sample(watched, events)) }
    }

    /// From now on these; to be called whenever runs come, go, or become ready.
    pub fn set(&self, limited: Limited) {
        let limited = Some(limited).filter(|limited| !limited.most.is_empty()).map(Arc::new);
        let (before, after) = (self.limited.borrow().is_some(), limited.is_some());
        if before || after {
            self.limited.send_replace(limited);
        }
    }
}

async fn sample(mut watched: watch::Receiver<Option<Arc<Limited>>>, events: UnboundedSender<Event>) {
    while watched.wait_for(Option::is_some).await.is_ok() {
        tokio::time::sleep(SAMPLE_EVERY).await;
        let Some(limited) = watched.borrow_and_update().clone() else { continue };
        // Adding up a large process's pages may take a while; not on the thread that everything else waits for.
        let Ok(found) = tokio::task::spawn_blocking(move || over_limit(&limited)).await else { continue };
        for (run, words) in found {
            let _ = events.send(Event::Said(run, Said::Unhealthy(Ailment::Memory, words)));
        }
    }
}

/// Whoever uses more than it may, in words.
fn over_limit(limited: &Limited) -> Vec<(u64, String)> {
    let members = limited.census.take();
    let used = |run: &u64| members.get(run).map_or(0, |tree| footprint::used_by(tree));
    limited.most.iter().filter_map(|(run, most)| Some((*run, judge(used(run), *most)?))).collect()
}

fn judge(used: u64, most: u64) -> Option<String> {
    (used > most).then(|| format!("uses {}, more than max_memory_restart = {}", bytes(used), bytes(most)))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use lifecycle::AppId;
    use protocol::keeper::Row;
    use tokio::sync::mpsc;
    use tokio::task::LocalSet;

    use super::*;
    use crate::supervisor::runs::Run;
    use crate::tree;

    #[test]
    fn only_more_than_the_limit_is_too_much() {
        const MIB: u64 = 1 << 20;
        assert_eq!(judge(300 * MIB, 300 * MIB), None);
        let words = judge(312 * MIB, 300 * MIB).unwrap();
        assert_eq!(words, "uses 312 MiB, more than max_memory_restart = 300 MiB");
    }

    /// A shell with a child that holds some megabytes, and says so.
    fn fat_family(megabytes: u32) -> Child {
        let script =
            format!("bash -c 'x=$(head -c {megabytes}000000 /dev/zero | tr \"\\0\" x); echo up; sleep 1000; :' & wait");
        Command::new("bash").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn limited(runs: &[(u64, &Child, u64)]) -> Limited {
        let row = |run, child: &Child| Row { run, pid: Some(child.id().cast_signed()), ..row() };
        let known = runs.iter().map(|(run, child, _)| (*run, Run::new(AppId(0), row(*run, child)))).collect();
        Limited {
            // The children of this test are the runs.
            census: Census::of(&"0".repeat(32), std::process::id().cast_signed(), &known),
            most: runs.iter().map(|(run, _, most)| (*run, *most)).collect(),
        }
    }

    fn row() -> Row {
        serde_json::from_str(r#"{"run":1,"app":"a","pid":null,"spawned_at_ns":0,"exit":null,"exited_at_ns":null}"#)
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_over_its_limit_is_named_with_its_whole_tree_and_nobody_else() {
        use std::io::{BufRead, BufReader};
        const LIMIT: u64 = 20_000_000;
        let mut fat = fat_family(30);
        let mut thin = fat_family(1);
        for family in [&mut fat, &mut thin] {
            BufReader::new(family.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        }
        let body = async {
            let (events, mut heard) = mpsc::unbounded_channel();
            let limit = MemoryLimit::start(events);
            limit.set(limited(&[(1, &fat, LIMIT), (2, &thin, LIMIT)]));
            for _ in 0..2 {
                let next = tokio::time::timeout(SAMPLE_EVERY * 3, heard.recv()).await.unwrap();
                let Some(Event::Said(1, Said::Unhealthy(Ailment::Memory, words))) = next else {
                    panic!("run 1 and nobody else")
                };
                assert!(
                    words.starts_with("uses ") && words.ends_with("more than max_memory_restart = 19.1 MiB"),
                    "{words}"
                );
            }
            limit.set(limited(&[]));
            tokio::time::sleep(SAMPLE_EVERY * 3).await;
            assert!(heard.try_recv().is_err(), "nobody has a limit any more");
        };
        LocalSet::new().run_until(body).await;
        for mut family in [fat, thin] {
            for process in tree::subtree(family.id().cast_signed()) {
                tree::signal(process, nix::sys::signal::Signal::SIGKILL);
            }
            family.wait().unwrap();
        }
    }
}
