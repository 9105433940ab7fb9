//! Probes a run that starts, until it answers: `ready = {tcp = …}` and `ready = {http = …}`.
//!
//! Where the keeper holds the socket for an app (`listen`), the kernel accepts connections before the app does anything,
//! so `tcp` passes at once; `http` waits for the app itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use manifest::{Ready, Url};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use super::listener::Expected;
use super::{Task, probe};
use crate::supervisor::Event;
use crate::supervisor::ready::Said;
use crate::tree::Process;

/// The pause after the first attempt.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long one attempt may take. What hangs is tried again, because it may have hung while it was starting.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(2);

/// What has to answer before a run counts as ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    Tcp(SocketAddr),
    Http(Url),
}

impl Probe {
    /// The probe that a kind of readiness asks for, if it does.
    pub fn of(ready: &Ready) -> Option<Self> {
        match ready {
            Ready::Tcp(address) => Some(Self::Tcp(*address)),
            Ready::Http(url) => Some(Self::Http(url.clone())),
            Ready::None | Ready::Pipe | Ready::Log(_) => None,
        }
    }

    async fn attempt(&self) -> Result<SocketAddr, String> {
        match self {
            Self::Tcp(address) => probe::tcp(*address, ATTEMPT_WITHIN).await,
            Self::Http(url) => probe::http(url, ATTEMPT_WITHIN).await,
        }
    }

    /// Where it goes, as far as that is known without looking a name up.
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Http(url) => Some(SocketAddr::new(url.host.parse().ok()?, url.port)),
        }
    }
}

/// A run that starts.
pub struct Starting {
    pub run: u64,
    /// Its first process, while that lives: drop the task when it ends.
    pub first: Process,
    pub keeper: i32,
    /// It was spawned a moment ago, and not by a predecessor.
    pub just_spawned: bool,
}

/// Says [`Said::Passed`] when the probe passes, and [`Said::NotYet`] until then, whenever the words change.
pub fn spawn(probe: Probe, starting: Starting, events: UnboundedSender<Event>) -> Task {
    Task::spawn(until_ready(probe, starting, events))
}

async fn until_ready(probe: Probe, starting: Starting, events: UnboundedSender<Event>) {
    let run = starting.run;
    let expected = Arc::new(Expected::new(starting.first, starting.keeper, probe.address(), starting.just_spawned));
    let (mut pause, mut said) = (SHORTEST_PAUSE, None);
    loop {
        let attempt = probe.attempt().await;
        let judged = match attempt {
            Ok(address) => another(&expected, address).await.map_or(Ok(()), Err),
            Err(words) => Err(words),
        };
        let Err(words) = judged else { break };
        if said.as_ref() != Some(&words) {
            said = Some(words.clone());
            let _ = events.send(Event::Said(run, Said::NotYet(words)));
        }
        tokio::time::sleep(pause).await;
        pause = longer(pause);
    }
    let (done, is_done) = oneshot::channel();
    let _ = events.send(Event::Said(run, Said::Passed(done)));
    let _ = is_done.await;
}

/// All of /proc is read for this, which is not for the one thread that everything else waits for.
async fn another(expected: &Arc<Expected>, address: SocketAddr) -> Option<String> {
    let expected = Arc::clone(expected);
    tokio::task::spawn_blocking(move || expected.served_by_another(address)).await.ok().flatten()
}

fn longer(pause: Duration) -> Duration {
    (pause * 3 / 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use tokio::sync::mpsc::{self, UnboundedReceiver};
    use tokio::task::LocalSet;

    use super::*;
    use crate::tree::Stat;

    fn starting() -> Starting {
        let me = std::process::id().cast_signed();
        Starting { run: 7, first: Stat::of(me).unwrap().process, keeper: 1, just_spawned: false }
    }

    async fn next(heard: &mut UnboundedReceiver<Event>) -> Said {
        match heard.recv().await {
            Some(Event::Said(7, said)) => said,
            _ => panic!("a word of run 7"),
        }
    }

    fn free_address() -> SocketAddr {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    #[test]
    fn pauses_grow_to_the_longest() {
        let pauses: Vec<u128> = std::iter::successors(Some(SHORTEST_PAUSE), |pause| Some(longer(*pause)))
            .take(8)
            .map(|pause| pause.as_millis())
            .collect();
        assert_eq!(pauses, [50, 75, 112, 168, 253, 379, 500, 500]);
    }

    #[tokio::test]
    async fn it_says_once_what_is_missing_and_then_that_it_is_ready() {
        let body = async {
            let address = free_address();
            let (events, mut heard) = mpsc::unbounded_channel();
            let _task = spawn(Probe::Tcp(address), starting(), events);
            let Said::NotYet(words) = next(&mut heard).await else { panic!("nobody listens yet") };
            assert_eq!(words, format!("nobody listens on {address}"));
            let _listener = TcpListener::bind(address).unwrap();
            let Said::Passed(done) = next(&mut heard).await else { panic!("the same words are not said twice") };
            done.send(()).unwrap();
            assert!(heard.recv().await.is_none(), "that was all");
        };
        LocalSet::new().run_until(body).await;
    }

    #[tokio::test]
    async fn a_url_is_ready_when_it_is_answered_well() {
        let body = async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let (events, mut heard) = mpsc::unbounded_channel();
            let url = Url { host: "127.0.0.1".into(), port, path: "/health".into() };
            let _task = spawn(Probe::Http(url), starting(), events);
            for status in ["503 Service Unavailable", "200 OK"] {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = [0; 1024];
                assert!(stream.read(&mut asked).await.unwrap() > 0);
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            let Said::NotYet(words) = next(&mut heard).await else { panic!("first 503") };
            assert_eq!(words, format!("http://127.0.0.1:{port}/health answered 503"));
            assert!(matches!(next(&mut heard).await, Said::Passed(_)));
        };
        LocalSet::new().run_until(body).await;
    }
}
