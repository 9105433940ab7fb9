//! Checks a run that is online, again and again, and says so when it fails too often in a row.
//!
//! Checks come at the same interval whether the last one passed or failed, as in Kubernetes: an app that is slow under load
//! is not asked more often because it is slow. The first one comes when the grace after becoming ready is over, because
//! what failed before that would not count. A successor counts anew.

use std::time::Duration;

use lifecycle::Ailment;
use manifest::{Check, Health};
use tokio::sync::mpsc::UnboundedSender;

use super::program::{self, ExecCheck};
use super::{Task, probe};
use crate::supervisor::Event;
use crate::supervisor::ready::Said;

/// Failures in a row.
#[derive(Debug, Default, PartialEq, Eq)]
struct Streak(u32);

impl Streak {
    /// Whether with this outcome it is too many.
    fn note(&mut self, passed: bool, threshold: u32) -> bool {
        self.0 = if passed { 0 } else { self.0.saturating_add(1) };
        self.0 >= threshold.max(1)
    }

    /// `3 health checks failed`
    fn in_words(&self) -> String {
        match self.0 {
            1 => "a health check failed".to_owned(),
            failures => format!("{failures} health checks failed"),
        }
    }
}

/// What one check tries, ready to be tried.
#[derive(Clone, Debug)]
pub enum Attempt {
    Tcp(std::net::SocketAddr),
    Http(manifest::Url),
    Exec(ExecCheck),
}

impl Attempt {
    /// `exec` makes a program of the words in the file.
    pub fn of(check: &Check, exec: impl FnOnce(&[String]) -> ExecCheck) -> Self {
        match check {
            Check::Tcp(address) => Self::Tcp(*address),
            Check::Http(url) => Self::Http(url.clone()),
            Check::Exec(words) => Self::Exec(exec(words)),
        }
    }

    async fn run(&self, timeout: Duration) -> Result<(), String> {
        match self {
            Self::Tcp(address) => probe::tcp(*address, timeout).await.map(drop),
            Self::Http(url) => probe::http(url, timeout).await.map(drop),
            Self::Exec(check) => program::exec(check, timeout).await,
        }
    }
}

/// Says [`Said::CheckFailed`] of every failure that is forgiven, then [`Said::Unhealthy`] once, with the words of the last one, and
/// is done. `online_for` is how long the run has been
/// ready already.
pub fn spawn(
    run: u64,
    health: &Health,
    attempt: Attempt,
    online_for: Duration,
    events: UnboundedSender<Event>,
) -> Task {
    let (interval, timeout, threshold) = (health.interval, health.timeout, health.threshold);
    let first = health.grace.saturating_sub(online_for);
    Task::spawn(async move {
        tokio::time::sleep(first).await;
        let mut streak = Streak::default();
        loop {
            let outcome = attempt.run(timeout).await;
            let too_many = streak.note(outcome.is_ok(), threshold);
            match outcome {
                Err(words) if too_many => {
                    let words = format!("{}: {words}", streak.in_words());
                    let _ = events.send(Event::Said(run, Said::Unhealthy(Ailment::Health, words)));
                    return;
                }
                Err(_) => drop(events.send(Event::Said(run, Said::CheckFailed))),
                Ok(()) => {}
            }
            tokio::time::sleep(interval).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio::task::LocalSet;
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn only_failures_in_a_row_count() {
        // Outcomes ('.' passed, 'x' failed), threshold, whether the last one is one too many.
        for (outcomes, threshold, expected) in [
            ("", 3, false),
            ("...", 3, false),
            ("xx", 3, false),
            ("xxx", 3, true),
            ("xx.xx", 3, false),
            ("xx.xxx", 3, true),
            (".x", 1, true),
            ("x", 0, true),
            (".", 0, false),
        ] {
            let mut streak = Streak::default();
            let last = outcomes.chars().fold(false, |_, outcome| streak.note(outcome == '.', threshold));
            // A threshold of none is one of one: nobody is unhealthy who has not failed.
            assert_eq!(last, expected, "{outcomes:?} of {threshold}");
        }
    }

    fn health(threshold: u32) -> Health {
        Health {
            check: Check::Exec(Vec::new()),
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            threshold,
            grace: Duration::from_secs(60),
        }
    }

    /// Fails at once, so that a clock which stands still does not run away meanwhile.
    fn unreachable() -> Attempt {
        Attempt::Tcp("255.255.255.255:9".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_unhealthy_after_the_grace_and_as_many_checks_as_are_forgiven() {
        let body = async {
            let (events, mut heard) = mpsc::unbounded_channel();
            let begun = Instant::now();
            let _task = spawn(7, &health(3), unreachable(), Duration::from_secs(20), events);
            for _ in 0..2 {
                assert!(matches!(heard.recv().await, Some(Event::Said(7, Said::CheckFailed))), "forgiven");
            }
            let Some(Event::Said(7, Said::Unhealthy(Ailment::Health, words))) = heard.recv().await else {
                panic!("unhealthy")
            };
            assert!(words.starts_with("3 health checks failed: cannot connect to 255.255.255.255:9: "), "{words}");
            assert_eq!(begun.elapsed().as_secs(), 40 + 10 + 10, "the rest of the grace, then two intervals");
            assert!(heard.recv().await.is_none(), "once");
        };
        LocalSet::new().run_until(body).await;
    }

    #[tokio::test]
    async fn one_that_passes_is_left_alone() {
        let body = async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (events, mut heard) = mpsc::unbounded_channel();
            let quick = Health { interval: Duration::from_millis(1), grace: Duration::ZERO, ..health(1) };
            let attempt = Attempt::Tcp(listener.local_addr().unwrap());
            let _task = spawn(7, &quick, attempt, Duration::ZERO, events);
            for _ in 0..5 {
                listener.accept().await.unwrap();
            }
            assert!(heard.try_recv().is_err());
            drop(listener);
            assert!(matches!(heard.recv().await, Some(Event::Said(7, Said::Unhealthy(..)))));
        };
        LocalSet::new().run_until(body).await;
    }

    #[tokio::test]
    async fn a_program_is_a_check_as_well() {
        let body = async {
            let (events, mut heard) = mpsc::unbounded_channel();
            let quick = Health { grace: Duration::ZERO, ..health(1) };
            let attempt = Attempt::of(&Check::Exec(vec!["/bin/false".into()]), |words| ExecCheck {
                program: words[0].clone().into(),
                cwd: "/".into(),
                ..ExecCheck::default()
            });
            let _task = spawn(7, &quick, attempt, Duration::ZERO, events);
            let Some(Event::Said(7, Said::Unhealthy(_, words))) = heard.recv().await else { panic!("unhealthy") };
            assert_eq!(words, "a health check failed: false exited with code 1");
        };
        LocalSet::new().run_until(body).await;
    }
}
