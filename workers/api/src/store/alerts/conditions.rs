//! Takes a condition on: reads its state, asks the rules what follows, keeps the new state and does what follows.

use jiff::Timestamp;
use kit::{Home, clock, outbox::Event as News};
use rusqlite::{OptionalExtension, Transaction, params};

use super::told;
use crate::{
    alerts::{
        Condition, Topic,
        ladder::Ladder,
        limit::Limit,
        state::{Action, Event, Policy, State},
    },
    store::{people, readings::Reading},
};

pub const STATE: &str = "SELECT state FROM conditions WHERE subject = ? AND kind = ? AND direction = ?";
const FORGET: &str = "DELETE FROM conditions WHERE subject = ? AND kind = ? AND direction = ?";
const KEEP: &str = "INSERT INTO conditions (subject, kind, direction, state, due_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET state = excluded.state, due_at = excluded.due_at";

/// One resident's conditions, in one transaction.
pub struct Watch<'a> {
    pub transaction: &'a Transaction<'a>,
    pub subject: i64,
    pub home: &'a Home,
    pub now: Timestamp,
    ladder: Ladder,
    news: Vec<News>,
}

/// What an event comes with, for the record.
#[derive(Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The reading that was judged.
    pub reading: Option<&'a Reading>,
    /// The limit that it passed.
    pub limit: Option<&'a Limit>,
    /// The dose that was not taken.
    pub dose: Option<&'a NotTaken>,
    /// Who answered.
    pub by: Option<&'a str>,
}

/// A dose that was not taken, for people and for programs.
pub struct NotTaken {
    /// `Warfarin 5mg, due 2031-01-31 08:00`
    pub words: String,
    /// `rule/2031-01-31/0`
    pub occurrence: String,
}

impl<'a> Watch<'a> {
    pub fn begin(
        transaction: &'a Transaction<'a>,
        subject: i64,
        home: &'a Home,
        now: Timestamp,
    ) -> rusqlite::Result<Self> {
        let ladder = people::ladder_of(transaction, subject)?.0;
        Ok(Self { transaction, subject, home, now, ladder, news: Vec::new() })
    }

    /// What became true.
    pub fn news(self) -> Vec<News> {
        self.news
    }

    /// Something happens to a condition.
    pub fn happens(&mut self, condition: Condition, event: Event, evidence: Evidence<'_>) -> rusqlite::Result<()> {
        let policy = Policy { ladder: &self.ladder, direction: condition.direction, home: self.home };
        let before = self.state(condition)?;
        let (state, actions) = before.step(event, &policy, self.now);
        let due_at = state.deadline(&policy).map(clock::iso);
        let text =
            serde_json::to_string(&state).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let values = params![self.subject, condition.kind.name(), condition.direction.name(), text, due_at];
        self.transaction.prepare_cached(KEEP)?.execute(values)?;
        if matches!(condition.kind, Topic::Dose(_)) && state.open.is_none() {
            // A dose comes once: nothing is waited for any more.
            let values = params![self.subject, condition.kind.name(), condition.direction.name()];
            self.transaction.prepare_cached(FORGET)?.execute(values)?;
        }
        for action in actions {
            let news = told::tell(self, condition, action, evidence)?;
            self.news.extend(news);
        }
        Ok(())
    }

    /// Does something that no event asked for.
    pub fn does(&mut self, condition: Condition, action: Action) -> rusqlite::Result<()> {
        let news = told::tell(self, condition, action, Evidence::default())?;
        self.news.extend(news);
        Ok(())
    }

    /// A state that this version cannot read is none: what is wrong will be found again by the next reading.
    pub fn state(&self, condition: Condition) -> rusqlite::Result<State> {
        let values = params![self.subject, condition.kind.name(), condition.direction.name()];
        let text: Option<String> =
            self.transaction.prepare_cached(STATE)?.query_row(values, |row| row.get(0)).optional()?;
        Ok(text.map(|text| read(&text)).unwrap_or_default())
    }
}

pub fn read(text: &str) -> State {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!("the state of a condition cannot be understood, and begins anew: {error}");
        State::default()
    })
}
