//! Follows the outbox: the one reader of a worker, for everybody who is told what became true.
//!
//! It reads from the outbox what is to be told, and the database's own events only say when: so nothing is told twice, out of
//! order or not at all, also not what the process wrote that this one replaces. That one may finish for [`BESIDE_FOR`], in
//! which it is looked for; afterwards nobody else writes, and nothing is done while nothing happens.

use std::time::Duration;

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval},
};

use crate::{
    database::{Database, DatabaseError},
    outbox::{self, Kept, Recorded},
};

/// How long the process that this one replaces may still write: as long as this one may take to be ready (10 s in
/// `ecosystem.toml`), and that one to stop (5 s).
pub const BESIDE_FOR: Duration = Duration::from_secs(15);
/// How often to look in that time for what the other one wrote: late is no reading's loss, but a person waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Events that are read at once; between two such pages everybody who listens has a turn.
pub const MOST_AT_ONCE: u32 = 64;

/// A place in the home's history from which on it is told.
pub struct Follower {
    database: Database,
    events: Receiver<Recorded>,
    told: i64,
}

impl Follower {
    /// Of everything that becomes true from now on. To be made before the first request is served.
    ///
    /// # Errors
    /// If the outbox cannot be read.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        let events = database.events();
        let told = database.read(|connection| Ok::<_, DatabaseError>(outbox::newest(connection)?)).await?;
        Ok(Self { database: database.clone(), events, told })
    }

    /// Hands on what became true, in its order, until the database is closed.
    pub async fn run<F: Future<Output = ()>>(mut self, mut tell: impl FnMut(Vec<Kept>) -> F) {
        let alone = Instant::now() + BESIDE_FOR;
        let mut look = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Ok(event) if event.home_seq <= self.told => continue, // Read with those before it.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = look.tick(), if Instant::now() < alone => {}
            }
            self.tell_all(&mut tell).await;
        }
    }

    async fn tell_all<F: Future<Output = ()>>(&mut self, tell: &mut impl FnMut(Vec<Kept>) -> F) {
        loop {
            let told = self.told;
            let news = self
                .database
                .read(move |connection| Ok::<_, DatabaseError>(outbox::after(connection, told, MOST_AT_ONCE)?));
            let news = match news.await {
                Ok(news) => news,
                Err(error) => return tracing::error!(told, "what happened could not be read: {error}"),
            };
            let Some(last) = news.last() else { return };
            self.told = last.home_seq;
            let is_all = news.len() < MOST_AT_ONCE as usize;
            tell(news).await;
            if is_all {
                return;
            }
        }
    }
}
