//! Hears what a run says at its `sd_notify` socket. A datagram is taken only when what it says is remembered, so that a
//! successor sees the same one; one of somebody who is not believed is taken and forgotten.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv};
use nix::unistd::geteuid;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use super::notify::{Word, words};
use crate::supervisor::ready::{Said, remembered};
use crate::supervisor::{Event, notes};

/// So many datagrams in a row that nobody has to remember are heard at once; then there is a pause. A run that floods us is
/// kept waiting by its full socket, and everybody else has their turn.
const LONGEST_BURST: u32 = 32;
const PAUSE: Duration = Duration::from_millis(20);

/// Who is believed.
#[derive(Clone, Copy, Debug)]
pub struct Senders {
    /// The app's user, where anybody could send: at an address that is not in a directory of ours.
    only: Option<u32>,
}

impl Senders {
    /// The app's user, if it is another one than ours: beside them only we and root are believed.
    pub fn of(user: Option<u32>) -> Self {
        Self { only: user }
    }

    pub fn believe(self, user: u32) -> bool {
        self.only.is_none_or(|own| [own, 0, geteuid().as_raw()].contains(&user))
    }
}

/// Follows a run's socket for as long as there is one who listens to us.
pub async fn follow(socket: OwnedFd, run: u64, senders: Senders, events: UnboundedSender<Event>) {
    let Ok(socket) = Receiver::from_owned_fd_unchecked(socket) else { return };
    let mut burst = 0;
    while socket.readable().await.is_ok() {
        let note = match socket.try_io(|| Ok(notes::first(&socket)?)) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                burst = 0;
                continue;
            }
            Err(_) => return,
        };
        // An older keeper asks for no credentials.
        let said = if note.user.is_none_or(|user| senders.believe(user)) { words(&note.text) } else { Vec::new() };
        let paced = said.iter().any(is_remembered);
        for word in said {
            if !tell(word, run, &events).await {
                return;
            }
        }
        let _ = recv(socket.as_raw_fd(), &mut [0; 1], MsgFlags::MSG_DONTWAIT);
        burst = if paced { 0 } else { burst + 1 };
        if burst < LONGEST_BURST {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(PAUSE).await;
            burst = 0;
        }
    }
}

/// Whether hearing it waits until it is remembered, which paces whoever says it.
fn is_remembered(word: &Word) -> bool {
    match word {
        Word::MainPid(_) | Word::Status(_) | Word::Stopping | Word::Ready => true,
        Word::WatchdogInterval(_) | Word::Extend(_) | Word::Watchdog | Word::WatchdogTrigger => false,
    }
}

/// Whether somebody listened.
async fn tell(word: Word, run: u64, events: &UnboundedSender<Event>) -> bool {
    let remember = async |said: &dyn Fn(oneshot::Sender<()>) -> Said| remembered(run, said, events).await;
    let say = |said| events.send(Event::Said(run, said)).is_ok();
    match word {
        Word::MainPid(pid) => remember(&move |done| Said::MainPid(pid, done)).await,
        Word::Status(text) => remember(&move |done| Said::Status(text.clone(), done)).await,
        Word::Stopping => remember(&Said::Stopping).await,
        Word::Ready => remember(&Said::Ready).await,
        Word::WatchdogInterval(interval) => say(Said::WatchdogInterval(interval)),
        Word::Extend(time) => say(Said::Extend(time)),
        Word::Watchdog => say(Said::Watchdog),
        Word::WatchdogTrigger => say(Said::WatchdogTrigger),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use nix::sys::socket::{setsockopt, sockopt::PassCred};
    use tokio::sync::mpsc::{self, UnboundedReceiver};
    use tokio::task::LocalSet;

    use super::super::Task;
    use super::*;

    struct Heard {
        app: UnixDatagram,
        /// As a successor would look at it.
        socket: OwnedFd,
        events: UnboundedReceiver<Event>,
        _task: Task,
    }

    impl Heard {
        fn start(senders: Senders, credentials: bool) -> Self {
            let (app, socket) = UnixDatagram::pair().unwrap();
            app.set_nonblocking(true).unwrap();
            socket.set_nonblocking(true).unwrap();
            setsockopt(&socket, PassCred, &credentials).unwrap();
            let socket = OwnedFd::from(socket);
            let (tell, events) = mpsc::unbounded_channel();
            let followed = follow(socket.try_clone().unwrap(), 7, senders, tell);
            Self { app, socket, events, _task: Task::spawn(followed) }
        }

        async fn next(&mut self) -> Said {
            match self.events.recv().await {
                Some(Event::Said(7, said)) => said,
                _ => panic!("a word of run 7"),
            }
        }
    }

    async fn local(test: impl Future<Output = ()>) {
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test]
    async fn what_matters_is_taken_only_when_it_is_remembered() {
        local(async {
            let mut heard = Heard::start(Senders::of(None), true);
            heard.app.send(b"READY=1\nSTATUS=up").unwrap();
            let Said::Status(text, status) = heard.next().await else { panic!("its status") };
            assert_eq!((text.as_str(), notes::waiting(&heard.socket).len()), ("up", 1));
            status.send(()).unwrap();
            let Said::Ready(ready) = heard.next().await else { panic!("ready") };
            assert_eq!(notes::waiting(&heard.socket).len(), 1);
            ready.send(()).unwrap();
            heard.app.send(b"STOPPING=1").unwrap();
            let Said::Stopping(_done) = heard.next().await else { panic!("stopping") };
            assert_eq!(notes::waiting(&heard.socket)[0].text, "STOPPING=1", "the first one was taken");
        })
        .await;
    }

    #[tokio::test]
    async fn what_only_counts_now_is_told_and_taken() {
        local(async {
            let mut heard = Heard::start(Senders::of(None), true);
            let datagrams =
                ["WATCHDOG=1", "WATCHDOG=trigger", "WATCHDOG_USEC=5", "EXTEND_TIMEOUT_USEC=6", "MAINPID=77"];
            for datagram in datagrams {
                heard.app.send(datagram.as_bytes()).unwrap();
            }
            assert!(matches!(heard.next().await, Said::Watchdog));
            assert!(matches!(heard.next().await, Said::WatchdogTrigger));
            assert!(matches!(heard.next().await, Said::WatchdogInterval(interval) if interval.as_micros() == 5));
            assert!(matches!(heard.next().await, Said::Extend(time) if time.as_micros() == 6));
            assert!(matches!(heard.next().await, Said::MainPid(77, _)));
            assert_eq!(notes::waiting(&heard.socket).len(), 1, "all but the last");
        })
        .await;
    }

    #[tokio::test]
    async fn only_some_are_believed_and_all_where_nobody_says_who_they_are() {
        assert!(Senders::of(None).believe(12_345) && Senders::of(Some(5)).believe(5));
        assert!(Senders::of(Some(5)).believe(0) && Senders::of(Some(5)).believe(geteuid().as_raw()));
        assert!(!Senders::of(Some(5)).believe(12_345));
        local(async {
            let mut heard = Heard::start(Senders::of(Some(5)), false);
            heard.app.send(b"WATCHDOG=1").unwrap();
            assert!(matches!(heard.next().await, Said::Watchdog));
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_heard_in_bursts_with_pauses_so_that_others_have_their_turn() {
        local(async {
            let mut heard = Heard::start(Senders::of(None), true);
            let begun = tokio::time::Instant::now();
            let mut sent = 0;
            while sent < LONGEST_BURST * 3 && heard.app.send(b"WATCHDOG=1").is_ok() {
                sent += 1;
            }
            for _ in 0..sent {
                assert!(matches!(heard.next().await, Said::Watchdog));
            }
            assert!(sent > 1);
            assert_eq!(begun.elapsed(), PAUSE * ((sent - 1) / LONGEST_BURST));
        })
        .await;
    }
}
