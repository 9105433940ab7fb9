//! What to announce now, and when to look again. Decides, and announces nothing itself.
//!
//! The caller keeps two things on disk: the names of what was announced ([`Announced`]), in one transaction with whatever tells
//! people, and the instant of the last look ([`Situation::last_looked_at`]), after each. Then everything is announced once, whatever
//! restarts, and whatever the clock is set to:
//!
//! * each of a dose's announcements is made at most once, ever;
//! * only the newest one that applies is made: who was not reminded at the minute is told that it is due, or late, once;
//! * after a time without looking (no power, a clock that was wrong), what was late or missed meanwhile comes as one summary;
//! * a dose that went by while nobody looked is announced at the next look.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    Key, Occurrence, Plan, Record,
    occurrence::{KeyError, within},
    state::later,
};

/// A reminder comes so long before a dose is due.
pub const REMIND_MINUTES_BEFORE: u32 = 5;
/// What was due longer ago than this is history: it is counted, and announced no more.
pub const LOOK_BACK_DAYS: i64 = 7;
/// What came longer ago than this, and since the last look, came while nobody looked: several of them are one summary.
pub const AWAY_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// More late or missed doses than this at one look are a summary in any case.
pub const MOST_SINGLE_ANNOUNCEMENTS: usize = 12;
/// The longest that [`Next::wake_at`] is away: a clock that is set forwards is noticed by then, by whoever does not hear of it.
pub const LOOK_AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// What is said of a dose, in the order in which it comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Soon due.
    Reminder,
    Due,
    /// Due again, after this command had put it off.
    SnoozeOver(String),
    /// Its grace is over. A fact to keep: [`Record::notice_late`].
    Late,
    /// It counts as missed. A fact to keep: [`Record::notice_missed`].
    Missed,
}

/// What an announcement is known by. As text: `late rule/2031-01-31/0`, `snooze_over:COMMAND rule/2031-01-31/0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Announced {
    pub dose: Key,
    pub what: What,
}

/// What is to be announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    pub what: What,
    pub occurrence: Occurrence,
    /// Minutes until it is due, rounded up; 0 or less when it is due.
    pub minutes_until: i64,
}

/// All that the decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub plans: &'a [Plan],
    /// At least those of doses that were due in the last [`LOOK_BACK_DAYS`], and the newest of each elapsed rule.
    pub records: &'a [Record],
    pub zone: &'a TimeZone,
    /// At least those of doses that were due in the last [`LOOK_BACK_DAYS`] or are to come.
    pub announced: &'a BTreeSet<Announced>,
    pub now: Timestamp,
    /// `now` of the last look; none if there never was one.
    pub last_looked_at: Option<Timestamp>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// By due time.
    pub announce: Vec<Announcement>,
    /// Late and missed doses to be told in one message; critical ones first, then by due time. Empty, or at least two.
    pub summary: Vec<Announcement>,
    /// To be kept with the above as announced.
    pub keep: Vec<Announced>,
    /// The next instant at which there is something to announce, or to look anyway. Look earlier when plans or records change, or
    /// when the clock is set.
    pub wake_at: Timestamp,
}

/// Decides what to announce now.
pub fn next(situation: &Situation<'_>) -> Next {
    let mut next = Next {
        announce: Vec::new(),
        summary: Vec::new(),
        keep: Vec::new(),
        wake_at: situation.now.saturating_add(LOOK_AT_LEAST_EVERY).unwrap_or(Timestamp::MAX),
    };
    let mut belated = 0;
    for (occurrence, record) in unsaid(situation) {
        let announced =
            |what: &What| situation.announced.contains(&Announced { dose: occurrence.key.clone(), what: what.clone() });
        let stages = stages(&occurrence, record, announced(&What::Late));
        if let Some((at, _)) = stages.iter().find(|(at, what)| situation.now < *at && !announced(what)) {
            next.wake_at = next.wake_at.min(*at);
        }
        let come = stages.iter().filter(|(at, _)| *at <= situation.now);
        let Some((at, what)) = come.clone().next_back().filter(|(_, what)| !announced(what)) else { continue };
        belated += usize::from(is_gone(what) && is_belated(*at, situation));
        // The end of a snooze says nothing new after what came since.
        let said = |come: &&What| *come == what || matches!(come, What::SnoozeOver(_));
        let settled = come.map(|(_, what)| what).filter(said).filter(|what| !announced(what));
        next.keep.extend(settled.map(|what| Announced { dose: occurrence.key.clone(), what: what.clone() }));
        let minutes_until = minutes_until(occurrence.due_at, situation.now);
        next.announce.push(Announcement { what: what.clone(), occurrence, minutes_until });
    }
    if belated > 1 || next.announce.iter().filter(|one| is_gone(&one.what)).count() > MOST_SINGLE_ANNOUNCEMENTS {
        next.summary = next.announce.extract_if(.., |one| is_gone(&one.what)).collect();
        next.summary.sort_by_key(|one| !one.occurrence.policy.critical);
    }
    next
}

/// The doses of which nothing was said yet and that may have to be announced now or next, by due time.
fn unsaid<'a>(situation: &Situation<'a>) -> impl Iterator<Item = (Occurrence, Option<&'a Record>)> + use<'a> {
    let from = situation.now.saturating_sub(SignedDuration::from_hours(24 * LOOK_BACK_DAYS)).unwrap_or(Timestamp::MIN);
    let soon = LOOK_AT_LEAST_EVERY + SignedDuration::from_mins(i64::from(REMIND_MINUTES_BEFORE));
    let until = situation.now.saturating_add(soon + SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    let occurrences = within(situation.plans, situation.records, situation.zone, from, until);
    let records: BTreeMap<&Key, &Record> = situation.records.iter().map(|record| (&record.key, record)).collect();
    let firm = occurrences.into_iter().filter(|occurrence| !occurrence.provisional);
    let beside = firm.map(move |occurrence| {
        let record = records.get(&occurrence.key).copied();
        // A dose is judged, and so announced, by when it was due when its record began, also if what it follows was corrected.
        let due_at = record.map_or(occurrence.due_at, |record| record.due_at);
        (Occurrence { due_at, ..occurrence }, record)
    });
    beside.filter(|(_, record)| record.is_none_or(|record| record.resolution().is_none()))
}

/// What is to be said of an unsaid dose, and from when on, in order.
fn stages(occurrence: &Occurrence, record: Option<&Record>, told_late: bool) -> Vec<(Timestamp, What)> {
    let due_at = occurrence.due_at;
    let policy = record.map_or(&occurrence.policy, |record| &record.policy);
    let mut late_at = policy.late_at(due_at);
    let mut stages = vec![(later(due_at, -i64::from(REMIND_MINUTES_BEFORE)), What::Reminder), (due_at, What::Due)];
    if let Some((command_id, until)) = record.and_then(Record::snooze) {
        // Whoever put it off has heard of it and is left alone until then. Of a critical one that is late, others hear in time.
        stages.retain(|(at, _)| until <= *at);
        if !told_late && !policy.critical {
            late_at = late_at.max(until);
        }
        stages.push((until, What::SnoozeOver(command_id.into())));
    }
    stages.extend([(late_at, What::Late), (policy.missed_at(due_at), What::Missed)]);
    stages.sort();
    stages
}

fn is_gone(what: &What) -> bool {
    matches!(what, What::Late | What::Missed)
}

/// Whether what came then came while nobody looked. Who sleeps until the alarm was not away.
fn is_belated(at: Timestamp, situation: &Situation<'_>) -> bool {
    situation.now.duration_since(at) > AWAY_AFTER && situation.last_looked_at.is_none_or(|last| last < at)
}

fn minutes_until(due_at: Timestamp, now: Timestamp) -> i64 {
    let seconds = due_at.duration_since(now).as_secs_f64();
    #[expect(clippy::cast_possible_truncation, reason = "instants are at most some billion minutes apart")]
    let minutes = (seconds / 60.0).ceil() as i64;
    minutes
}

impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reminder => formatter.write_str("reminder"),
            Self::Due => formatter.write_str("due"),
            Self::SnoozeOver(command_id) => write!(formatter, "snooze_over:{command_id}"),
            Self::Late => formatter.write_str("late"),
            Self::Missed => formatter.write_str("missed"),
        }
    }
}

impl fmt::Display for Announced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.what, self.dose)
    }
}

impl FromStr for Announced {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // Ids of commands may have spaces, ids of rules have none.
        let (what, dose) = text.rsplit_once(' ').ok_or_else(|| KeyError::of(text))?;
        let what = match what.split_once(':') {
            Some(("snooze_over", command_id)) => What::SnoozeOver(command_id.into()),
            _ => [What::Reminder, What::Due, What::Late, What::Missed]
                .into_iter()
                .find(|known| known.to_string() == what)
                .ok_or_else(|| KeyError::of(text))?,
        };
        Ok(Self { dose: dose.parse()?, what })
    }
}

impl TryFrom<String> for Announced {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<Announced> for String {
    fn from(announced: Announced) -> Self {
        announced.to_string()
    }
}
