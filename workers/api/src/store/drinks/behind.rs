//! Telling, once a day at most, that too little was drunk so far.

use jiff::{Timestamp, ToSpan, civil::Date};
use kit::{
    Home, clock,
    database::{Change, DatabaseError},
    number,
    outbox::Event,
};
use rusqlite::{Connection, params};
use serde_json::json;

use super::{
    Drink, OF_DAYS,
    entries::Kept,
    goals::{self, KeptGoal},
};
use crate::{
    drinks::{
        amount::shown_ml,
        pace::{self, Moment, Pace, behind_from},
    },
    store::{Store, residents::ResidentError},
};

/// A day is behind its pace: told once, in the afternoon, and never of a day of which nobody keeps account.
const DRINK_BEHIND: &str = "drink.behind";

/// Somebody's drinks are kept account of if one was recorded in so many days, or somebody set a goal: where nobody writes any,
/// what was drunk is unknown and not nothing.
const KEPT_ACCOUNT_OF: i32 = 7;
/// When to look again where the clock shows a time once more that it has shown already.
const SHORT_WHILE: i64 = 60;

const IS_TOLD: &str = "SELECT EXISTS (SELECT 1 FROM drinks_behind WHERE subject = ? AND local_date = ?)";
const TELL: &str = "INSERT INTO drinks_behind (subject, local_date, told_at) VALUES (?, ?, ?)";

/// What is to be done about somebody's day.
enum Next {
    Tell(Told),
    LookAt(Timestamp),
}

/// What is told.
struct Told {
    date: Date,
    drunk: f64,
    target: f64,
    pace: Pace,
}

impl Store {
    /// Tells that somebody's day is behind, if it is and was not told yet; when to look again if nothing more is drunk.
    ///
    /// # Errors
    /// If there is no such resident, or the database's.
    pub async fn look_at_drinks(&self, subject: i64, now: Timestamp) -> Result<Timestamp, ResidentError> {
        let home = self.home_of(subject).await?;
        let look = move |connection: &Connection| Ok::<_, DatabaseError>(next(connection, subject, home, now)?);
        if let Next::LookAt(at) = self.database.read(look).await? {
            return Ok(at);
        }
        let told = self.database.write(move |transaction| {
            // The process that this one replaces may have told it meanwhile.
            let told = match next(transaction, subject, home, now)? {
                Next::LookAt(at) => return Ok::<_, DatabaseError>(Change::none(at)),
                Next::Tell(told) => told,
            };
            transaction.prepare_cached(TELL)?.execute(params![subject, told.date.to_string(), clock::iso(now)])?;
            Ok(Change::new(tomorrow(home, told.date, now), Event::new(DRINK_BEHIND, told.whole(subject, home, now))))
        });
        Ok(told.await?)
    }
}

impl Told {
    fn whole(&self, subject: i64, home: &Home, now: Timestamp) -> serde_json::Value {
        let ml = |amount: f64| number::json(shown_ml(amount));
        json!({
            "subject": subject,
            "date": self.date.to_string(),
            "zone": home.zone_at(now),
            "total_ml": ml(self.drunk),
            "target_ml": ml(self.target),
            "expected_ml": ml(self.pace.expected),
            "behind_ml": ml(self.pace.behind),
            "told_at": clock::iso(now),
        })
    }
}

fn next(connection: &Connection, subject: i64, home: &Home, now: Timestamp) -> rusqlite::Result<Next> {
    let local = home.local(now);
    let date = local.date();
    let tomorrow = Next::LookAt(tomorrow(home, date, now));
    let is_told =
        connection.prepare_cached(IS_TOLD)?.query_row(params![subject, date.to_string()], |row| row.get(0))?;
    if is_told {
        return Ok(tomorrow);
    }
    let KeptGoal { goal, row, .. } = goals::goal(connection, subject, |at| home.date(at))?;
    let since = date.saturating_sub(KEPT_ACCOUNT_OF.days());
    let values = (subject, since.to_string(), date.to_string());
    let drinks: Vec<Drink> =
        connection.prepare_cached(OF_DAYS)?.query_map(values, Drink::read)?.collect::<rusqlite::Result<_>>()?;
    if drinks.is_empty() && row.is_none() {
        return Ok(tomorrow);
    }
    let of_day = drinks.iter().filter(|drink| drink.local_date == date.to_string());
    let (drunk, target) = (of_day.map(|drink| drink.ml).sum(), goal.target().0.ml());
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or_default();
    let Some(due) = behind_from(drunk, target, goal.waking).filter(|_| minute < goal.waking.last()) else {
        return Ok(tomorrow);
    };
    if due <= minute {
        let pace = pace::pace(drunk, target, goal.waking, Moment::Now(minute));
        return Ok(Next::Tell(Told { date, drunk, target, pace }));
    }
    let at = home.instant(&format!("{date}T{:02}:{:02}", due / 60, due % 60)).unwrap_or(Timestamp::MAX);
    Ok(Next::LookAt(at.max(now.saturating_add(SHORT_WHILE.seconds()).unwrap_or(now))))
}

/// When the next day begins.
fn tomorrow(home: &Home, date: Date, now: Timestamp) -> Timestamp {
    let begins = date.tomorrow().ok().and_then(|date| home.instant(&date.to_string())).unwrap_or(Timestamp::MAX);
    begins.max(now.saturating_add(SHORT_WHILE.seconds()).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plans::{assert_indexed, empty};

    #[test]
    fn what_was_told_is_found_by_its_day() {
        let (_folder, connection) = empty();
        for sql in [IS_TOLD, TELL] {
            assert_indexed(&connection, sql);
        }
    }

    const HOUR: i64 = 3_600;

    /// A store whose only resident lives in Berlin, and their midnight on a day in June.
    async fn home(folder: &tempfile::TempDir) -> (Store, Timestamp) {
        let berlin = Home::of_name("Europe/Berlin").unwrap();
        let store = Store::open(&folder.path().join("api.db"), berlin).await.unwrap();
        (store, "2031-06-09T22:00:00Z".parse().unwrap())
    }

    async fn drink(store: &Store, ml: f64, at: Timestamp) {
        let home = store.home();
        let body = json!({"amount": ml, "drunk_at": clock::iso(at)});
        let entry = crate::drinks::Entry::read(&body, at, home).unwrap();
        store.record_drink(1, entry, None, at).await.unwrap();
    }

    async fn told(store: &Store) -> Vec<serde_json::Value> {
        let events = store.events_after(0, 100).await.unwrap();
        events.into_iter().filter(|event| event.kind == DRINK_BEHIND).map(|event| event.payload).collect()
    }

    #[tokio::test]
    async fn a_day_is_told_to_be_behind_at_two_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let (store, midnight) = home(&folder).await;
        let at = |hours: i64| midnight + (hours * HOUR).seconds();
        drink(&store, 300.0, at(8)).await;
        assert_eq!(store.look_at_drinks(1, at(9)).await.unwrap(), at(14), "nobody is told in the morning");
        assert_eq!(told(&store).await.len(), 0);
        assert_eq!(store.look_at_drinks(1, at(14)).await.unwrap(), at(24));
        assert_eq!(store.look_at_drinks(1, at(17)).await.unwrap(), at(24));
        let told = told(&store).await;
        assert_eq!((told.len(), &told[0]["date"], &told[0]["total_ml"]), (1, &json!("2031-06-10"), &json!(300)));
        assert_eq!(
            (&told[0]["expected_ml"], &told[0]["behind_ml"]),
            (&json!(1019), &json!(719)),
            "of 1893 mL from 7 to 20"
        );
        assert_eq!(store.look_at_drinks(1, at(25)).await.unwrap(), at(24 + 14), "another day");
    }

    #[tokio::test]
    async fn it_is_told_later_when_a_day_falls_behind_later_and_never_towards_bedtime() {
        let folder = tempfile::tempdir().unwrap();
        let (store, midnight) = home(&folder).await;
        let at = |hours: i64| midnight + (hours * HOUR).seconds();
        drink(&store, 1_000.0, at(13)).await;
        let due = store.look_at_drinks(1, at(14)).await.unwrap();
        assert!(due > at(15) && due < at(16), "{due}");
        drink(&store, 600.0, at(15)).await;
        assert!(store.look_at_drinks(1, due).await.unwrap() > due, "somebody drank meanwhile");
        assert_eq!(store.look_at_drinks(1, at(20)).await.unwrap(), at(24), "who drinks late has to get up");
        assert_eq!(store.look_at_drinks(1, at(23)).await.unwrap(), at(24));
        assert_eq!(told(&store).await.len(), 0);
    }

    #[tokio::test]
    async fn nobody_is_told_where_drinks_are_not_kept_account_of() {
        let folder = tempfile::tempdir().unwrap();
        let (store, midnight) = home(&folder).await;
        let at = |hours: i64| midnight + (hours * HOUR).seconds();
        assert_eq!(store.look_at_drinks(1, at(14)).await.unwrap(), at(24));
        drink(&store, 300.0, at(-24 * 8)).await;
        assert_eq!(store.look_at_drinks(1, at(14)).await.unwrap(), at(24), "the last one is too long ago");
        assert_eq!(told(&store).await.len(), 0);
        store.put_drink_goal(1, Ok, at(14)).await.unwrap();
        store.look_at_drinks(1, at(14)).await.unwrap();
        assert_eq!(told(&store).await.len(), 1, "somebody set a goal");
    }
}
