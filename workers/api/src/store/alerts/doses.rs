//! Doses of critical medicines that nobody took in time. Each is a condition of its own, which climbs the ladder until somebody
//! acknowledges it, or takes or skips the dose.

use jiff::Timestamp;
use kit::{Home, outbox::Event as News};
use rusqlite::{Connection, Transaction};

use super::{
    conditions::{Evidence, NotTaken, Watch},
    waiting,
};
use crate::{
    alerts::{Condition, Direction, Severity, Topic, state::Event},
    doses::DoseState,
    store::medications::{Dose, Medication},
};

/// It is late, or missed.
pub fn dose_not_taken(
    transaction: &Transaction<'_>,
    home: &Home,
    (medication, dose): (&Medication, &Dose),
    state: DoseState,
    now: Timestamp,
) -> rusqlite::Result<Vec<News>> {
    // No quiet hours hold back what is urgent: a medicine is critical because somebody is to hear of it in time.
    let severity = if state == DoseState::Missed { Severity::Critical } else { Severity::Urgent };
    let entry = &medication.entry;
    let dosage = entry.dosage.as_deref().map(|dosage| format!(" {dosage}")).unwrap_or_default();
    let due = home.local(dose.record.due_at).strftime("%Y-%m-%d %H:%M");
    let evidence =
        NotTaken { words: format!("{}{dosage}, due {due}", entry.name), occurrence: dose.record.key.to_string() };
    let mut watch = Watch::begin(transaction, medication.subject, home, now)?;
    let evidence = Evidence { dose: Some(&evidence), ..Evidence::default() };
    watch.happens(condition(dose.compat_id), Event::NotTaken { severity }, evidence)?;
    Ok(watch.news())
}

/// Somebody said what became of it.
pub fn dose_settled(
    transaction: &Transaction<'_>,
    (subject, home): (i64, &Home),
    dose: i64,
    by: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<News>> {
    over(transaction, (subject, home), dose, Event::Settled, Some(by), now)
}

/// No plan asks for it any more.
pub fn dose_lifted(
    transaction: &Transaction<'_>,
    (subject, home): (i64, &Home),
    dose: i64,
    now: Timestamp,
) -> rusqlite::Result<Vec<News>> {
    over(transaction, (subject, home), dose, Event::Lifted, None, now)
}

/// The numbers of a resident's doses that are waited for.
pub fn open_doses(connection: &Connection, subject: i64) -> rusqlite::Result<Vec<i64>> {
    let doses = waiting::of_resident(connection, subject)?.into_iter().filter_map(|condition| match condition.kind {
        Topic::Dose(number) => Some(number),
        Topic::Reading(_) => None,
    });
    Ok(doses.collect())
}

fn over(
    transaction: &Transaction<'_>,
    (subject, home): (i64, &Home),
    dose: i64,
    event: Event,
    by: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<Vec<News>> {
    let mut watch = Watch::begin(transaction, subject, home, now)?;
    if watch.state(condition(dose))?.open.is_some() {
        watch.happens(condition(dose), event, Evidence { by, ..Evidence::default() })?;
    }
    Ok(watch.news())
}

fn condition(dose: i64) -> Condition {
    Condition { kind: Topic::Dose(dose), direction: Direction::Late }
}
