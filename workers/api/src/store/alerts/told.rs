//! What follows from an event, in tables and in the outbox.

use jiff::Timestamp;
use kit::{clock, outbox::Event as News};
use rusqlite::{OptionalExtension, params};
use serde_json::json;
use uuid::Uuid;

use super::{
    ALERT_ACKNOWLEDGED, ALERT_CLEARED, ALERT_EASED, ALERT_ESCALATED, ALERT_OPENED, ALERT_SNOOZED, Alert, Attempt,
    OPEN_OF_CONDITION, REPEAT_ASKED, TABLE, alert,
    conditions::{Evidence, Watch},
};
use crate::{
    alerts::{
        Condition, Severity,
        ladder::Step,
        state::{Action, Because, Cause},
    },
    store::{history, people},
    vitals::value_text,
};

/// No channel delivers yet: the attempt is on the stream.
const ANNOUNCED: &str = "announced";

const INSERT: &str =
    "INSERT INTO alerts (id, subject, kind, direction, severity, opened_as, cause, reading_id, value, unit,
        limit_name, limit_source, snoozed_until, opened_at, recorded_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13) RETURNING *";
const INSERT_ATTEMPT: &str = "INSERT INTO alert_attempts
        (id, subject, alert_id, person_id, person_name, channel, outcome, attempted_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

pub fn tell(
    watch: &Watch<'_>,
    condition: Condition,
    action: Action,
    evidence: Evidence<'_>,
) -> rusqlite::Result<Vec<News>> {
    let now = clock::iso(watch.now);
    let news = match action {
        Action::AskRepeat { severity, from, until } => {
            let repeat = json!({
                "subject": watch.subject,
                "kind": condition.kind.name(),
                "direction": condition.direction.name(),
                "severity": severity.name(),
                "reading_id": evidence.reading.map(|reading| &reading.id),
                "from": clock::iso(from),
                "until": clock::iso(until),
            });
            Some(News::new(REPEAT_ASKED, repeat))
        }
        Action::Open { severity, cause, snoozed_until } => {
            // One whose state was lost; two cannot be open.
            let left = clear(watch, condition, Because::Over)?;
            let alert = open(watch, condition, severity, cause, snoozed_until, evidence)?;
            let opened = News::new(ALERT_OPENED, alert.whole());
            return Ok(left.into_iter().chain([opened]).collect());
        }
        Action::Escalate { step } => escalate(watch, condition, &step)?,
        Action::Ease { severity } => change(watch, condition, ALERT_EASED, "severity = ?2", &[Some(severity.name())])?,
        Action::Acknowledge => {
            let set = "status = 'acknowledged', acknowledged_at = ?2, acknowledged_by = ?3";
            change(watch, condition, ALERT_ACKNOWLEDGED, set, &[Some(&now), evidence.by])?
        }
        Action::Snooze { until } => {
            let until = clock::iso(until);
            change(
                watch,
                condition,
                ALERT_SNOOZED,
                "snoozed_until = ?2, snoozed_by = ?3",
                &[Some(&until), evidence.by],
            )?
        }
        Action::Clear { because } => clear(watch, condition, because)?,
    };
    Ok(news.into_iter().collect())
}

fn clear(watch: &Watch<'_>, condition: Condition, because: Because) -> rusqlite::Result<Option<News>> {
    let set = "status = 'cleared', cleared_at = ?2, cleared_because = ?3";
    change(watch, condition, ALERT_CLEARED, set, &[Some(&clock::iso(watch.now)), Some(because.name())])
}

fn open(
    watch: &Watch<'_>,
    condition: Condition,
    severity: Severity,
    cause: Cause,
    snoozed_until: Option<Timestamp>,
    evidence: Evidence<'_>,
) -> rusqlite::Result<Alert> {
    let reading = evidence.reading;
    let value = reading.map(|reading| value_text(reading.kind, reading.primary, reading.secondary));
    let values = params![
        Uuid::now_v7().to_string(),
        watch.subject,
        condition.kind.name(),
        condition.direction.name(),
        severity.name(),
        cause.name(),
        reading.map(|reading| &reading.id),
        value.or_else(|| evidence.dose.map(|dose| dose.words.clone())),
        reading.map(|reading| &reading.unit),
        evidence.limit.map(|limit| limit.name()).or_else(|| evidence.dose.map(|dose| dose.occurrence.clone())),
        evidence.limit.map(|limit| &limit.source),
        snoozed_until.map(clock::iso),
        clock::iso(watch.now),
    ];
    watch.transaction.prepare_cached(INSERT)?.query_row(values, alert)
}

fn escalate(watch: &Watch<'_>, condition: Condition, step: &Step) -> rusqlite::Result<Option<News>> {
    let Some(alert) = current(watch, condition)? else { return Ok(None) };
    let name = people::name_of(watch.transaction, &step.who)?.unwrap_or_else(|| step.who.clone());
    let attempt = Attempt {
        id: Uuid::now_v7().to_string(),
        person_id: step.who.clone(),
        person_name: name,
        channel: step.channel.name().into(),
        outcome: ANNOUNCED.into(),
        attempted_at: clock::iso(watch.now),
    };
    watch.transaction.prepare_cached(INSERT_ATTEMPT)?.execute(params![
        attempt.id,
        watch.subject,
        alert.id,
        attempt.person_id,
        attempt.person_name,
        attempt.channel,
        attempt.outcome,
        attempt.attempted_at,
    ])?;
    let mut whole = alert.whole();
    whole["attempt"] = attempt.whole();
    Ok(Some(News::new(ALERT_ESCALATED, whole)))
}

/// Changes the open alert of a condition; its row is kept as it was.
fn change(
    watch: &Watch<'_>,
    condition: Condition,
    news: &'static str,
    set: &'static str,
    texts: &[Option<&str>],
) -> rusqlite::Result<Option<News>> {
    let Some(before) = current(watch, condition)? else { return Ok(None) };
    history::keep(watch.transaction, TABLE, before.compat_id, watch.now)?;
    let sql = format!("UPDATE alerts SET {set}, version = version + 1 WHERE compat_id = ?1 RETURNING *");
    let mut statement = watch.transaction.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, before.compat_id)?;
    for (place, text) in (2..).zip(texts) {
        statement.raw_bind_parameter(place, *text)?;
    }
    let mut rows = statement.raw_query();
    let changed = rows.next()?.map(alert).transpose()?;
    Ok(changed.map(|alert| News::new(news, alert.whole())))
}

fn current(watch: &Watch<'_>, condition: Condition) -> rusqlite::Result<Option<Alert>> {
    let values = params![watch.subject, condition.kind.name(), condition.direction.name()];
    watch.transaction.prepare_cached(OPEN_OF_CONDITION)?.query_row(values, alert).optional()
}
