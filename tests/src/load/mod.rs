//! Clients that ask all the time, each as strict as the one before, and a count of what became of it.
//!
//! ```text
//!   Load::on(address, …) ──► a thread for each client ──► Client::ask ──► Tally
//!   load.goes_on()       waits until every client was answered some more
//!   load.end()           the tally of all
//! ```
//!
//! # What counts
//!
//! Every request has to be answered, by the status that is expected. Nothing is sent twice, with one exception, which is
//! counted apart ([`Tally::unread`]) and which no server that closes idle connections can avoid:
//!
//! > A request that went out on a connection that had been used before, while the server was closing it as idle, and of
//! > which the server read nothing.
//!
//! HTTP/1.1 lets either side close an idle connection at any time (RFC 9112, section 9.5), so the two may cross. That the
//! server read nothing is proven by the reset that TCP answers data with that nobody will read. Whoever reads a request
//! and closes without an answer ends the connection without a reset: that is a failure, as is every end of a connection
//! that had not been used before, and every refusal. Because the request was never applied, it may be sent again whatever its
//! method is (RFC 9110, section 9.2.2), and that time it has to be answered.
//!
//! A server can avoid even this by announcing the end (`Connection: close`) in one more answer on each connection.

mod answer;
mod client;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use self::client::{Client, Outcome};
use crate::wait;

/// Each client is answered so often before the load counts as going on.
const SOME_MORE: usize = 15;
/// Clients of a kind.
const CLIENTS_OF_A_KIND: usize = 2;
/// Between two requests of a client. Without it the load is the machine's whole time, and restarts are slow for that reason.
const THINKS: Duration = Duration::from_millis(1);
/// So many failures are told in full; after the first few the rest say the same.
const MOST_TOLD: usize = 10;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Question {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// What is asked.
    pub path: &'static str,
    /// JSON; empty for none.
    pub body: &'static str,
    /// Whose token is shown, if any.
    pub token: Option<String>,
    /// The only status that is an answer.
    pub status: u16,
}

/// What became of the requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Answered as expected.
    pub answered: usize,
    /// Of those, by a method that changes something.
    pub posted: usize,
    /// Connections that were opened.
    pub connections: usize,
    /// Connections of which the server announced the end in an answer.
    pub announced: usize,
    /// Requests that crossed with the close of an idle connection and were sent again; see above.
    pub unread: usize,
    /// Requests that were not answered as expected.
    pub failed: usize,
    /// The first of those, in words.
    pub failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.posted += other.posted;
        self.connections += other.connections;
        self.announced += other.announced;
        self.unread += other.unread;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.failures.truncate(MOST_TOLD);
    }
}

/// Clients at work.
pub struct Load {
    clients: Vec<(Arc<AtomicUsize>, JoinHandle<Tally>)>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Clients for each question: half of them keep their connections for as long as the server lets them, half open another
    /// one for each request.
    #[must_use]
    pub fn on(address: SocketAddr, questions: &[Question]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let kinds = questions.iter().flat_map(|question| [(question, true), (question, false)]);
        let all = kinds.flat_map(|kind| std::iter::repeat_n(kind, CLIENTS_OF_A_KIND));
        let clients = all.map(|(question, keeps)| {
            let (count, stop) = (Arc::new(AtomicUsize::new(0)), stop.clone());
            let (counted, client) = (count.clone(), Client::new(address, question.clone(), keeps));
            (count, std::thread::spawn(move || ask_until(&stop, &counted, client)))
        });
        Self { clients: clients.collect(), stop }
    }

    /// Waits until every client was answered some more.
    pub fn goes_on(&self) {
        let counts = || self.clients.iter().map(|(count, _)| count.load(Ordering::Relaxed));
        let before: Vec<usize> = counts().collect();
        wait::until("every client was answered some more", || {
            let slow = counts().zip(&before).filter(|(now, before)| *now < **before + SOME_MORE).count();
            if slow == 0 { Ok(()) } else { Err(format!("{slow} clients wait")) }
        });
    }

    /// Ends it, and counts.
    ///
    /// # Panics
    /// If a client did.
    #[must_use]
    pub fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().fold(Tally::default(), |mut all, (_, client)| {
            all.add(client.join().expect("a client"));
            all
        })
    }
}

fn ask_until(stop: &AtomicBool, count: &AtomicUsize, mut client: Client) -> Tally {
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let outcome = match client.ask() {
            Outcome::Unread => {
                tally.unread += 1;
                client.ask() // on a connection of its own: what goes wrong there is a failure
            }
            other => other,
        };
        match outcome {
            Outcome::Answered => {
                tally.answered += 1;
                tally.posted += usize::from(client.changes_something());
                count.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Unread => unreachable!("a new connection has not been used before"),
            Outcome::Failed(why) => {
                tally.failed += 1;
                tally.failures.push(why);
                tally.failures.truncate(MOST_TOLD);
            }
        }
        std::thread::sleep(THINKS);
    }
    (tally.connections, tally.announced) = client.connections();
    tally
}
