//! What a reading causes: the one call that whoever keeps or corrects a reading makes, in the same transaction.

use jiff::{SignedDuration, Timestamp, ToSpan};
use kit::{Home, clock, outbox::Event as News};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::conditions::{Evidence, Watch};
use crate::{
    alerts::{
        Condition, Direction,
        baseline::{self, Baseline},
        judge::{Context, Finding, Value, judge},
        limit::{Limit, Rule},
        limits::Expected,
        news2,
        state::Event,
    },
    store::{
        limits,
        readings::{self, CLOCK_TOLERANCE, Reading},
    },
    vitals::Kind,
};

/// The most readings that are looked back on, however dense they are.
const MOST_BEFORE: u32 = 500;

pub const BEFORE: &str = "SELECT effective_at, canonical_primary FROM readings
    WHERE subject = ? AND kind = ? AND effective_at < ? AND effective_at >= ? AND status <> 'entered-in-error'
    ORDER BY effective_at DESC, compat_id DESC LIMIT ?";
pub const NEWEST: &str = "SELECT compat_id FROM readings
    WHERE subject = ? AND kind = ? AND effective_at <= ? AND status <> 'entered-in-error'
    ORDER BY effective_at DESC, compat_id DESC LIMIT 1";
/// Days at the ends count, too; a day's value is the mean of its readings.
pub const USUAL: &str = "SELECT sum / count FROM reading_days
    WHERE subject = ? AND kind = ? AND local_date >= ? AND local_date <= ? AND count > 0";

/// A reading was kept. One from a clock that runs ahead says nothing of now.
pub fn after_reading(
    transaction: &Transaction<'_>,
    reading: &Reading,
    symptom: bool,
    home: &Home,
    now: Timestamp,
) -> rusqlite::Result<Vec<News>> {
    if reading.effective_at > now + CLOCK_TOLERANCE {
        return Ok(Vec::new());
    }
    let limits = limits::of(transaction, reading.subject)?.0;
    let of_kind = limits.of_kind(reading.kind);
    let mut watch = Watch::begin(transaction, reading.subject, home, now)?;
    for (direction, finding) in findings(transaction, &of_kind, reading, home)? {
        let condition = Condition { kind: reading.kind.into(), direction };
        let limit = finding.limit.clone();
        let evidence = Evidence { reading: Some(reading), limit: limit.as_ref(), ..Evidence::default() };
        watch.happens(condition, Event::Judged { finding, at: reading.effective_at, symptom }, evidence)?;
    }
    if let Some(expected) = limits.expected_of(reading.kind) {
        let condition = Condition { kind: reading.kind.into(), direction: Direction::NoData };
        let heard_at = watch.state(condition)?.silence.map(|silence| silence.heard_at);
        // A reading that comes late is not the newest one.
        let at = heard_at.map_or(reading.effective_at, |heard_at| heard_at.max(reading.effective_at));
        watch.happens(condition, heard(expected, at), Evidence { reading: Some(reading), ..Evidence::default() })?;
    }
    Ok(watch.news())
}

/// A reading was amended or struck out; `before` is how it was.
pub fn after_correction(
    transaction: &Transaction<'_>,
    before: &Reading,
    after: &Reading,
    home: &Home,
    now: Timestamp,
) -> rusqlite::Result<Vec<News>> {
    let (subject, kind) = (after.subject, after.kind);
    let limits = limits::of(transaction, subject)?.0;
    let of_kind = limits.of_kind(kind);
    let newest = newest(transaction, subject, kind, now)?;
    let mut found = match &newest {
        Some(newest) => findings(transaction, &of_kind, newest, home)?,
        None => directions(&of_kind).into_iter().map(|direction| (direction, Finding::default())).collect(),
    };
    let touched_at = before.effective_at.max(after.effective_at);
    let mut watch = Watch::begin(transaction, subject, home, now)?;
    for (direction, finding) in found.drain(..) {
        let limit = finding.limit.clone();
        let evidence = Evidence { reading: newest.as_ref(), limit: limit.as_ref(), ..Evidence::default() };
        let looks_back = of_kind.iter().any(|limit| limit.direction == direction && limit.rule.looks_back().is_some());
        let newest = newest.as_ref().map(|newest| (finding, newest.effective_at));
        watch.happens(
            Condition { kind: kind.into(), direction },
            Event::Corrected { touched_at, newest, looks_back },
            evidence,
        )?;
    }
    if let Some(expected) = limits.expected_of(kind) {
        // Nothing is expected of what was never measured.
        let event = newest.as_ref().map_or(Event::Lifted, |newest| heard(expected, newest.effective_at));
        let evidence = Evidence { reading: newest.as_ref(), ..Evidence::default() };
        watch.happens(Condition { kind: kind.into(), direction: Direction::NoData }, event, evidence)?;
    }
    Ok(watch.news())
}

/// The newest reading of a kind that is not of the future.
pub fn newest(connection: &Connection, subject: i64, kind: Kind, now: Timestamp) -> rusqlite::Result<Option<Reading>> {
    let values = params![subject, kind.name(), clock::iso(now + CLOCK_TOLERANCE)];
    let found: Option<i64> = connection.prepare_cached(NEWEST)?.query_row(values, |row| row.get(0)).optional()?;
    found.map(|compat_id| readings::by_compat_id(connection, compat_id)).transpose()
}

/// What is usual for a resident on a day: of the days before it.
pub fn usual(
    connection: &Connection,
    subject: i64,
    kind: Kind,
    home: &Home,
    at: Timestamp,
) -> rusqlite::Result<Option<Baseline>> {
    let today = home.date(at);
    let [first, last] = [baseline::DAYS, 1].map(|days| today.saturating_sub(days.days()).to_string());
    let days: rusqlite::Result<Vec<f64>> = connection
        .prepare_cached(USUAL)?
        .query_map(params![subject, kind.name(), first, last], |row| row.get(0))?
        .collect();
    Ok(Baseline::of(&days?))
}

/// The worst limit that a reading passes in a direction.
pub fn passed(
    connection: &Connection,
    reading: &Reading,
    direction: Direction,
    home: &Home,
) -> rusqlite::Result<Option<Limit>> {
    let of_kind = limits::of(connection, reading.subject)?.0.of_kind(reading.kind);
    let found = findings(connection, &of_kind, reading, home)?;
    Ok(found.into_iter().find(|(found, _)| *found == direction).and_then(|(_, finding)| finding.limit))
}

fn directions(limits: &[Limit]) -> Vec<Direction> {
    let watched = |direction: &Direction| limits.iter().any(|limit| limit.direction == *direction);
    Direction::ALL.into_iter().filter(watched).collect()
}

/// What a reading says in each direction that has a limit.
fn findings(
    connection: &Connection,
    limits: &[Limit],
    reading: &Reading,
    home: &Home,
) -> rusqlite::Result<Vec<(Direction, Finding)>> {
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let value =
        Value { primary: reading.canonical_primary, secondary: reading.canonical_secondary, at: reading.effective_at };
    let context = context(connection, limits, reading, home)?;
    let finding = |direction| (direction, judge(limits, direction, &value, &context));
    Ok(directions(limits).into_iter().map(finding).collect())
}

/// Only what one of the limits asks for is looked up: most readings need nothing.
fn context(connection: &Connection, limits: &[Limit], reading: &Reading, home: &Home) -> rusqlite::Result<Context> {
    let (subject, at) = (reading.subject, reading.effective_at);
    let mut context = Context::default();
    if let Some(back) = limits.iter().filter_map(|limit| limit.rule.looks_back()).max() {
        let from = at.checked_sub(back).unwrap_or(Timestamp::MIN);
        let values = params![subject, reading.kind.name(), clock::iso(at), clock::iso(from), MOST_BEFORE];
        let mut statement = connection.prepare_cached(BEFORE)?;
        let rows = statement.query_map(values, |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        for row in rows {
            let (at, value) = row?;
            context.before.extend(at.parse().ok().map(|at| (at, value)));
        }
    }
    if limits.iter().any(|limit| matches!(limit.rule, Rule::AboveBaseline { .. })) {
        context.median = usual(connection, subject, reading.kind, home, at)?.map(|baseline| baseline.median);
    }
    if limits.iter().any(|limit| matches!(limit.rule, Rule::Beyond { on_oxygen: true, .. })) {
        let oxygen = newest(connection, subject, Kind::OxygenSupplement, at)?;
        context.on_oxygen = oxygen.is_some_and(|oxygen| {
            oxygen.canonical_primary > 0.0 && at.duration_since(oxygen.effective_at) <= NEWS2_AGE_LIMIT
        });
    }
    Ok(context)
}

const NEWS2_AGE_LIMIT: SignedDuration = SignedDuration::from_hours(news2::AGE_LIMIT_HOURS);

/// The newest reading was measured then.
pub fn heard(expected: Expected, at: Timestamp) -> Event {
    let within = SignedDuration::from_hours(i64::from(expected.within_hours));
    Event::Heard { at, within, severity: expected.severity }
}
