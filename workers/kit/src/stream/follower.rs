//! One client's way through the outbox: what it missed comes from the database, a page at a time, what happens now is told.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::json;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};

use super::{BEHIND_FOR, RuleOf, Told};
use crate::{
    Identity, Rule, clock,
    database::{Database, DatabaseError},
    outbox::{self, Kept},
};

/// Events that are read at once.
const PAGE: u32 = 256;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Told(Told),
    /// It has been behind for too long.
    TooSlow,
    /// Nothing will come.
    Closed,
}

/// Where a client is.
enum Place {
    /// It has nothing and wants what comes, or has everything up to here; not looked up yet.
    Begins(Option<i64>),
    /// There is more in the database, as far as is known.
    Behind,
    /// Everything that was committed was sent, and what comes is told.
    Abreast,
}

pub(super) struct Follower {
    told: Receiver<Told>,
    database: Database,
    rule: RuleOf,
    /// Whom it leads.
    identity: Identity,
    place: Place,
    /// When nothing waited for it last.
    abreast: Instant,
    /// The last that was sent, or what counts as that.
    seq: i64,
    page: VecDeque<Told>,
}

impl Follower {
    /// `told` is subscribed before the database is asked, so that nothing falls in between.
    pub(super) fn new(
        told: Receiver<Told>,
        database: Database,
        rule: RuleOf,
        identity: Identity,
        since: Option<i64>,
    ) -> Self {
        let (place, seq, page) = (Place::Begins(since), since.unwrap_or(0), VecDeque::new());
        Self { told, database, rule, identity, place, abreast: Instant::now(), seq, page }
    }

    /// The last that was sent.
    pub(super) fn seq(&self) -> i64 {
        self.seq
    }

    /// May be dropped half-way and asked again.
    pub(super) async fn next(&mut self) -> Next {
        match self.step().await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!("what happened could not be read: {error}");
                Next::Closed
            }
        }
    }

    async fn step(&mut self) -> Result<Next, DatabaseError> {
        loop {
            if let Some(told) = self.page.pop_front() {
                self.seq = told.seq;
                if told.rule.admits(&self.identity, told.resident) {
                    return Ok(Next::Told(told));
                }
                continue;
            }
            match self.place {
                Place::Begins(since) => {
                    let (oldest, newest) = self.ends().await?;
                    self.begin(since, oldest, newest);
                }
                Place::Behind => self.read_on().await?,
                Place::Abreast => {
                    if self.told.is_empty() {
                        self.abreast = Instant::now();
                    }
                    match self.told.recv().await {
                        Ok(told) if told.seq <= self.seq => {} // it was in the database already
                        Ok(told) => {
                            self.seq = told.seq;
                            if told.rule.admits(&self.identity, told.resident) {
                                return Ok(Next::Told(told));
                            }
                        }
                        // So much happened at once that not all of it waits here.
                        Err(RecvError::Lagged(_)) if self.abreast.elapsed() < BEHIND_FOR => self.place = Place::Behind,
                        Err(RecvError::Lagged(_)) => return Ok(Next::TooSlow),
                        Err(RecvError::Closed) => return Ok(Next::Closed),
                    }
                }
            }
        }
    }

    fn begin(&mut self, since: Option<i64>, oldest: i64, newest: i64) {
        self.place = Place::Behind;
        match since {
            None => {
                self.seq = newest;
                self.place = Place::Abreast;
            }
            Some(since) if since > newest => self.resync("ahead", since, oldest, newest),
            Some(since) if since + 1 < oldest => self.resync("gone", since, oldest, newest),
            Some(_) => {}
        }
    }

    fn resync(&mut self, reason: &str, since: i64, oldest: i64, newest: i64) {
        let message = json!({
            "seq": newest, "ts": clock::iso(Timestamp::now()), "type": "resync", "resident": null,
            "data": {"reason": reason, "since": since, "oldest": oldest},
        });
        self.page.push_back(Told { seq: newest, rule: Rule::Public, resident: 0, text: message.to_string().into() });
    }

    async fn ends(&self) -> Result<(i64, i64), DatabaseError> {
        self.database.read(|connection| Ok((outbox::oldest(connection)?, outbox::newest(connection)?))).await
    }

    async fn read_on(&mut self) -> Result<(), DatabaseError> {
        let seq = self.seq;
        // What is told while we catch up is in the database too: only what comes after the last page has to be listened to.
        let listens = self.told.resubscribe();
        let news =
            self.database.read(move |connection| Ok::<_, DatabaseError>(outbox::after(connection, seq, PAGE)?)).await?;
        if is_whole(seq, &news) {
            if news.len() < PAGE as usize {
                (self.place, self.abreast) = (Place::Abreast, Instant::now());
            }
            self.told = listens;
            self.page.extend(news.iter().map(|kept| Told::of(kept, (self.rule)(kept))));
        } else {
            // What was to come next was removed while we were on the way.
            let (oldest, newest) = self.ends().await?;
            self.resync("gone", seq, oldest, newest);
        }
        Ok(())
    }
}

/// Whether nothing is missing behind this place: the outbox leaves out no number.
fn is_whole(seq: i64, news: &[Kept]) -> bool {
    news.iter().zip(seq + 1..).all(|(kept, seq)| kept.home_seq == seq)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::broadcast;

    use super::*;
    use crate::{
        database::Change,
        outbox::{Event, Kept},
        role::Role,
        rule::{Caller, FIRST_RESIDENT},
    };

    fn rule(kept: &Kept) -> Rule {
        if kept.kind == "public" { Rule::Public } else { Rule::Service }
    }

    struct House {
        database: Database,
        told: broadcast::Sender<Told>,
        _folder: tempfile::TempDir,
    }

    impl House {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(&folder.path().join("x.db"), &[]).unwrap();
            Self { database, told: broadcast::Sender::new(4), _folder: folder }
        }

        /// So many things become true, and perhaps are told.
        async fn happen(&self, count: i64, are_told: bool) {
            for number in 0..count {
                let change = move |_: &rusqlite::Transaction<'_>| {
                    Ok::<_, DatabaseError>(Change::new((), Event::new("x", json!({"subject": 1, "number": number}))))
                };
                self.database.write(change).await.unwrap();
            }
            if are_told {
                let newest = self.database.read(|c| Ok::<_, DatabaseError>(outbox::newest(c)?)).await.unwrap();
                self.kept(newest - count)
                    .await
                    .iter()
                    .for_each(|kept| drop(self.told.send(Told::of(kept, rule(kept)))));
            }
        }

        async fn kept(&self, after: i64) -> Vec<Kept> {
            self.database.read(move |c| Ok::<_, DatabaseError>(outbox::after(c, after, 9_999)?)).await.unwrap()
        }

        async fn forget_until(&self, seq: i64) {
            let change = move |transaction: &rusqlite::Transaction<'_>| {
                transaction.execute("DELETE FROM outbox WHERE home_seq <= ?", [seq])?;
                Ok::<_, DatabaseError>(Change::none(()))
            };
            self.database.write(change).await.unwrap();
        }

        fn follow(&self, since: Option<i64>) -> Follower {
            Follower::new(self.told.subscribe(), self.database.clone(), rule, service(), since)
        }
    }

    fn service() -> Identity {
        let caller = Caller {
            device: "hub".into(),
            name: "Hub".into(),
            role: Role::Service,
            resident: FIRST_RESIDENT,
            is_kiosk: false,
            grants: Vec::new(),
        };
        Identity::Known(Arc::new(caller))
    }

    async fn seqs(follower: &mut Follower, count: usize) -> Vec<i64> {
        let mut seqs = Vec::new();
        for _ in 0..count {
            match follower.next().await {
                Next::Told(told) => seqs.push(told.seq),
                other => panic!("{other:?} after {seqs:?}"),
            }
        }
        seqs
    }

    fn nothing_is_there(follower: &mut Follower) {
        use futures_util::FutureExt;
        assert!(follower.told.is_empty() || follower.next().now_or_never().is_none(), "there is more");
    }

    #[tokio::test]
    async fn what_was_missed_comes_first_and_nothing_twice() {
        let house = House::new();
        house.happen(600, false).await;
        let mut follower = house.follow(Some(3));
        assert_eq!(seqs(&mut follower, 100).await, (4..=103).collect::<Vec<_>>());
        house.happen(3, true).await; // told while it is behind, and in the database too
        assert_eq!(seqs(&mut follower, 500).await, (104..=603).collect::<Vec<_>>());
        house.happen(2, true).await;
        assert_eq!(seqs(&mut follower, 2).await, [604, 605]);
        nothing_is_there(&mut follower);
    }

    #[tokio::test]
    async fn whoever_names_nothing_is_told_what_comes() {
        let house = House::new();
        house.happen(5, false).await;
        let mut follower = house.follow(None);
        let told = async {
            tokio::task::yield_now().await;
            house.database.read(|c| Ok::<_, DatabaseError>(outbox::newest(c)?)).await.unwrap(); // it has looked by now
            house.happen(2, true).await;
        };
        let (seqs, ()) = tokio::join!(seqs(&mut follower, 2), told);
        assert_eq!(seqs, [6, 7]);
    }

    #[tokio::test]
    async fn a_gap_is_said_and_it_goes_on_from_there() {
        let house = House::new();
        house.happen(9, false).await;
        house.forget_until(5).await;
        for (since, reason) in [(3, "gone"), (0, "gone"), (10, "ahead")] {
            let mut follower = house.follow(Some(since));
            let Next::Told(told) = follower.next().await else { panic!("nothing was told") };
            let message: serde_json::Value = serde_json::from_str(&told.text).unwrap();
            assert_eq!((&message["type"], &message["data"]["reason"]), (&json!("resync"), &json!(reason)));
            assert_eq!((told.seq, &message["seq"]), (9, &json!(9)));
        }
        let mut none_is_missing = house.follow(Some(5));
        assert_eq!(seqs(&mut none_is_missing, 4).await, [6, 7, 8, 9]);
        let mut follower = house.follow(Some(1));
        assert_eq!(seqs(&mut follower, 1).await, [9], "the gap");
        // It catches up with the database before it listens.
        house.happen(2, false).await;
        assert_eq!(seqs(&mut follower, 2).await, [10, 11]);
    }

    #[tokio::test]
    async fn what_is_removed_while_somebody_catches_up_is_said_too() {
        let house = House::new();
        house.happen(900, false).await;
        let mut follower = house.follow(Some(0));
        assert_eq!(seqs(&mut follower, 100).await, (1..=100).collect::<Vec<_>>());
        house.forget_until(600).await;
        assert_eq!(seqs(&mut follower, 156).await, (101..=256).collect::<Vec<_>>(), "these were read already");
        let Next::Told(told) = follower.next().await else { panic!("nothing was told") };
        let message: serde_json::Value = serde_json::from_str(&told.text).unwrap();
        assert_eq!((&message["type"], &message["data"]["reason"]), (&json!("resync"), &json!("gone")));
        assert_eq!((&message["seq"], &message["data"]["oldest"]), (&json!(900), &json!(601)));
        house.happen(1, true).await;
        assert_eq!(seqs(&mut follower, 1).await, [901]);
    }

    #[tokio::test]
    async fn a_hole_within_a_page_is_no_smaller_a_gap() {
        let house = House::new();
        house.happen(9, false).await;
        let change = |transaction: &rusqlite::Transaction<'_>| {
            transaction.execute("DELETE FROM outbox WHERE home_seq = 5", [])?;
            Ok::<_, DatabaseError>(Change::none(()))
        };
        house.database.write(change).await.unwrap();
        let mut follower = house.follow(Some(3));
        let Next::Told(told) = follower.next().await else { panic!("nothing was told") };
        assert!(told.text.contains("resync"), "{}", told.text);
        assert_eq!(seqs(&mut house.follow(Some(5)), 4).await, [6, 7, 8, 9]);
    }

    #[tokio::test]
    async fn what_comes_all_at_once_drops_nobody() {
        let house = House::new();
        let mut follower = house.follow(Some(0));
        house.happen(1, true).await;
        assert_eq!(seqs(&mut follower, 1).await, [1]);
        house.happen(600, true).await; // more than waits, and more than is read at once
        assert_eq!(seqs(&mut follower, 600).await, (2..=601).collect::<Vec<_>>());
        house.happen(2, true).await;
        assert_eq!(seqs(&mut follower, 2).await, [602, 603]);
    }

    #[tokio::test]
    async fn whoever_is_too_far_behind_for_too_long_is_dropped() {
        let house = House::new();
        let mut follower = house.follow(Some(0));
        house.happen(1, true).await;
        assert_eq!(seqs(&mut follower, 1).await, [1]);
        house.happen(4, true).await;
        assert_eq!(seqs(&mut follower, 4).await, [2, 3, 4, 5]);
        house.happen(5, true).await;
        tokio::time::pause();
        tokio::time::advance(BEHIND_FOR).await;
        assert_eq!((follower.next().await, follower.seq()), (Next::TooSlow, 5));
    }

    #[tokio::test]
    async fn whoever_may_not_know_is_not_told_and_goes_on() {
        let house = House::new();
        let happens = |kind: &'static str| {
            house.database.write(move |_| Ok::<_, DatabaseError>(Change::new((), Event::new(kind, json!({})))))
        };
        for kind in ["public", "secret", "public"] {
            happens(kind).await.unwrap();
        }
        let follower =
            |identity| Follower::new(house.told.subscribe(), house.database.clone(), rule, identity, Some(0));
        let mut stranger = follower(Identity::Unknown);
        assert_eq!(seqs(&mut stranger, 2).await, [1, 3]);
        assert_eq!(seqs(&mut follower(service()), 3).await, [1, 2, 3]);
        for kind in ["secret", "public"] {
            happens(kind).await.unwrap();
        }
        house.kept(3).await.iter().for_each(|kept| drop(house.told.send(Told::of(kept, rule(kept)))));
        assert_eq!(seqs(&mut stranger, 1).await, [5], "also of what is told as it happens");
    }
}
