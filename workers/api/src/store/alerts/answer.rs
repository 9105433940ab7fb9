//! What people answer to an alert.

use jiff::{SignedDuration, Timestamp};
use kit::{
    clock,
    database::{Change, DatabaseError},
};
use rusqlite::Transaction;

use super::{
    Alert, Store,
    caused::{newest, passed},
    conditions::{Evidence, Watch},
    find, waiting,
};
use crate::{
    alerts::{
        Condition, Severity, Topic,
        state::{Action, Because, Event},
    },
    store::residents::homes::Homes,
    vitals::Kind,
};

/// The longest snooze.
const LONGEST_SNOOZE: SignedDuration = SignedDuration::from_hours(24);
/// The longest snooze of what is urgent or critical.
const LONGEST_SEVERE_SNOOZE: SignedDuration = SignedDuration::from_hours(1);

/// Why an answer is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("there is no alert {0}")]
    Unknown(String),
    #[error("this alert was cleared at {0}: there is nothing to snooze any more")]
    Over(String),
    #[error("an alert that is {} can be snoozed for {most} minutes at most", .severity.name())]
    TooLong { severity: Severity, most: i64 },
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for AnswerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Store {
    /// Somebody knows. Once more changes nothing, and neither does it when the alert is over.
    pub async fn acknowledge_alert(
        &self,
        id: String,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<Alert, AnswerError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let alert = find(transaction, &id)?.ok_or_else(|| AnswerError::Unknown(id.clone()))?;
                if alert.cleared_at.is_some() {
                    return Ok(Change::none(alert));
                }
                answered(transaction, &homes, &alert, Event::Acknowledged, by.as_deref(), now)
            })
            .await
    }

    /// Nobody is told for so long.
    pub async fn snooze_alert(
        &self,
        id: String,
        long: SignedDuration,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<Alert, AnswerError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let alert = find(transaction, &id)?.ok_or_else(|| AnswerError::Unknown(id.clone()))?;
                if let Some(cleared_at) = alert.cleared_at {
                    return Err(AnswerError::Over(cleared_at));
                }
                let most = if alert.severity.is_severe() { LONGEST_SEVERE_SNOOZE } else { LONGEST_SNOOZE };
                if long > most {
                    return Err(AnswerError::TooLong { severity: alert.severity, most: most.as_mins() });
                }
                answered(transaction, &homes, &alert, Event::Snoozed { until: now + long }, by.as_deref(), now)
            })
            .await
    }

    /// The resident has symptoms, said after a severe reading that was not repeated; of which kind, if that is known. The
    /// alerts that opened.
    pub async fn symptom(
        &self,
        subject: i64,
        kind: Option<Kind>,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<Vec<Alert>, AnswerError> {
        let homes = self.homes.clone();
        self.database
            .write(move |transaction| {
                let home = homes.of(subject).unwrap_or_else(|| homes.new_home());
                let mut watch = Watch::begin(transaction, subject, home, now)?;
                for condition in waiting::of_resident(transaction, subject)? {
                    let Topic::Reading(of_kind) = condition.kind else { continue };
                    if kind.is_some_and(|kind| kind != of_kind) || !watch.state(condition)?.waits_for_symptom() {
                        continue;
                    }
                    let reading = newest(transaction, subject, of_kind, now)?;
                    let limit = reading.as_ref().map(|reading| passed(transaction, reading, condition.direction, home));
                    let limit = limit.transpose()?.flatten();
                    let evidence = Evidence {
                        reading: reading.as_ref(),
                        by: by.as_deref(),
                        limit: limit.as_ref(),
                        ..Evidence::default()
                    };
                    watch.happens(condition, Event::Symptom, evidence)?;
                }
                let opened = super::several(transaction, OPENED_AT, rusqlite::params![subject, clock::iso(now)])?;
                Ok(Change::several(opened, watch.news()))
            })
            .await
    }
}

const OPENED_AT: &str =
    "SELECT * FROM alerts WHERE subject = ? AND opened_at = ? AND cause = 'symptom' AND status <> 'cleared'";

fn answered(
    transaction: &Transaction<'_>,
    homes: &Homes,
    alert: &Alert,
    event: Event,
    by: Option<&str>,
    now: Timestamp,
) -> Result<Change<Alert>, AnswerError> {
    let home = homes.of(alert.subject).unwrap_or_else(|| homes.new_home());
    let condition = Condition { kind: alert.kind, direction: alert.direction };
    let mut watch = Watch::begin(transaction, alert.subject, home, now)?;
    if watch.state(condition)?.open.is_some() {
        watch.happens(condition, event, Evidence { by, ..Evidence::default() })?;
    } else {
        // Its state was lost: nobody can be told of it any more, and what is wrong is found again.
        watch.does(condition, Action::Clear { because: Because::Over })?;
    }
    let after = find(transaction, &alert.id)?.unwrap_or_else(|| alert.clone());
    Ok(Change::several(after, watch.news()))
}
