//! One condition of one resident, and what follows from what happens to it: (state, event, now) → (state, actions).
//!
//! ```text
//!            severe, first          severe again, or a symptom
//!   quiet ─────────────► repeat ───────────────────────► open ── acknowledged, snoozed ──► open, and nobody is told
//!     │                    └── not repeated in time: open as a warning ──┘   │
//!     └── as many readings in a row as the limit asks for ──────────► open ──┴── well inside the limit ──► quiet
//! ```
//!
//! An alert that gets worse is closed and opened anew, so that an acknowledged one never goes on by itself.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use kit::Home;
use serde::{Deserialize, Serialize};

use super::{
    Direction, Severity,
    judge::Finding,
    ladder::{AGAIN_EVERY, Ladder, Step},
};

/// A repeat is asked for after this rest. Readings that are closer together are one.
pub const REST: SignedDuration = SignedDuration::from_mins(1);
/// Until then it has to be there.
pub const REPEAT_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// A reading that is older when it arrives raises nothing: it is history.
pub const RAISES_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// What a severe reading comes to that nobody repeated: somebody should look.
const UNREPEATED: Severity = Severity::Warn;

/// Where a condition stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// When it was looked at last, by the clock of that moment.
    pub at: Timestamp,
    /// When the newest reading was measured that was judged.
    pub judged_at: Option<Timestamp>,
    /// When the newest reading was measured that counts in a row.
    pub counted_at: Option<Timestamp>,
    /// How many readings in a row were as bad as this, or worse.
    pub in_a_row: [u32; 4],
    pub repeat: Option<Repeat>,
    pub silence: Option<Silence>,
    pub snooze: Option<Snooze>,
    pub open: Option<Open>,
}

/// Rest and a repeat are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    pub severity: Severity,
    /// When the first reading was measured.
    pub first_at: Timestamp,
    pub until: Timestamp,
}

/// The next reading is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// When the newest reading was measured.
    pub heard_at: Timestamp,
    pub until: Timestamp,
    pub severity: Severity,
}

/// Nobody is told for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snooze {
    pub until: Timestamp,
    /// What was known when it was snoozed; anything worse ends it.
    pub severity: Severity,
}

/// An alert is open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub severity: Severity,
    /// The severity with which it opened; that decides about its ladder.
    pub opened_as: Severity,
    /// How many steps of the ladder were taken.
    pub taken: u32,
    /// When the last one was, or when it opened.
    pub last_at: Timestamp,
    pub acknowledged: bool,
}

/// What happens to a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A reading was measured then.
    Judged {
        finding: Finding,
        at: Timestamp,
        symptom: bool,
    },
    /// A reading that was measured then says something else by now, or nothing; the newest one that is left says this.
    Corrected {
        touched_at: Timestamp,
        newest: Option<(Finding, Timestamp)>,
    },
    /// The resident has symptoms, said after a severe reading.
    Symptom,
    /// The newest reading was measured then, and the next is expected within this.
    Heard {
        at: Timestamp,
        within: SignedDuration,
        severity: Severity,
    },
    /// The hub has begun: what could not reach it meanwhile gets this long to arrive.
    Started {
        grace: SignedDuration,
    },
    Acknowledged,
    Snoozed {
        until: Timestamp,
    },
    /// Nothing watches for it any more.
    Lifted,
    /// Time has passed.
    Time,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    AskRepeat {
        severity: Severity,
        from: Timestamp,
        until: Timestamp,
    },
    /// Nobody is told before the snooze of the one before is over, if this is not worse.
    Open {
        severity: Severity,
        cause: Cause,
        snoozed_until: Option<Timestamp>,
    },
    /// It is less bad, and not over.
    Ease {
        severity: Severity,
    },
    /// Somebody is told.
    Escalate {
        step: Step,
    },
    Acknowledge,
    Snooze {
        until: Timestamp,
    },
    Clear {
        because: Because,
    },
}

/// Why an alert opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// As many readings as the limit asks for.
    Limit,
    /// A severe reading with a symptom.
    Symptom,
    /// A severe reading that was not repeated in time.
    Unrepeated,
    /// Nothing was measured for too long.
    NoData,
}

/// Why an alert is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// What was measured is well inside the limit, or something was measured again.
    Over,
    /// It got worse; another one opens.
    Worsened,
    /// Its limit is gone.
    LimitsChanged,
}

impl Cause {
    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Symptom => "symptom",
            Self::Unrepeated => "unrepeated",
            Self::NoData => "no_data",
        }
    }
}

impl Because {
    pub fn name(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Worsened => "worsened",
            Self::LimitsChanged => "limits_changed",
        }
    }
}

/// What a resident's conditions have in common.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    pub ladder: &'a Ladder,
    pub direction: Direction,
    pub home: &'a Home,
}

impl State {
    /// What follows from an event, and from the time that has passed.
    pub fn step(mut self, event: Event, policy: &Policy<'_>, now: Timestamp) -> (Self, Vec<Action>) {
        self.follow_clock(now);
        let mut actions = Vec::new();
        match event {
            Event::Judged { finding, at, symptom } => self.judged(&finding, at, symptom, now, &mut actions),
            Event::Corrected { touched_at, newest } => self.corrected(touched_at, newest, now, &mut actions),
            Event::Symptom => self.symptom(now, &mut actions),
            Event::Heard { at, within, severity } => self.heard(at, within, severity, now, &mut actions),
            Event::Started { grace } => self.started(now + grace),
            Event::Acknowledged => self.acknowledged(&mut actions),
            Event::Snoozed { until } => self.snoozed(until, &mut actions),
            Event::Lifted => self.lifted(&mut actions),
            Event::Time => {}
        }
        self.time(policy, now, &mut actions);
        (self, actions)
    }

    /// When it has to be looked at again if nothing happens before.
    pub fn deadline(&self, policy: &Policy<'_>) -> Option<Timestamp> {
        let repeat = self.repeat.map(|repeat| repeat.until);
        let silence = self.silence.filter(|_| self.open.is_none()).map(|silence| silence.until);
        let ladder = self.next_step(policy, self.at).map(|(_, due)| due);
        [repeat, silence, ladder].into_iter().flatten().min()
    }

    /// A clock that was set back takes what is waited for along: it is waited for as long as before, not for years.
    fn follow_clock(&mut self, now: Timestamp) {
        let ahead = self.at.duration_since(now);
        self.at = now;
        if !ahead.is_positive() {
            return;
        }
        let shift = |at: &mut Timestamp| *at = at.checked_sub(ahead).unwrap_or(Timestamp::MIN);
        // Measured in the time that there is not yet: the next reading must not be older.
        for at in [&mut self.judged_at, &mut self.counted_at].into_iter().flatten() {
            *at = (*at).min(now);
        }
        if let Some(repeat) = &mut self.repeat {
            repeat.first_at = repeat.first_at.min(now);
            shift(&mut repeat.until);
        }
        if let Some(silence) = &mut self.silence {
            silence.heard_at = silence.heard_at.min(now);
            shift(&mut silence.until);
        }
        if let Some(snooze) = &mut self.snooze {
            shift(&mut snooze.until);
        }
        if let Some(open) = &mut self.open {
            shift(&mut open.last_at);
        }
    }

    fn judged(&mut self, finding: &Finding, at: Timestamp, symptom: bool, now: Timestamp, actions: &mut Vec<Action>) {
        let is_history = now.duration_since(at) > RAISES_WITHIN || self.judged_at.is_some_and(|newest| at < newest);
        let is_too_soon = self.repeat.is_some_and(|repeat| at.duration_since(repeat.first_at) < REST);
        if is_history || (is_too_soon && !symptom) {
            return;
        }
        self.judged_at = Some(at);
        self.count(finding, at);
        let as_asked = |severity: &Severity| {
            let needed = finding.passed[severity.rank()];
            needed.is_some_and(|needed| self.in_a_row[severity.rank()] >= needed)
        };
        let severe = worst(|severity| severity.is_severe() && finding.passed[severity.rank()].is_some());
        let sure = worst(|severity| as_asked(&severity)).max(severe.filter(|_| symptom));
        let known = sure.max(self.open.map(|open| open.severity));
        if let Some(severity) = severe.filter(|severity| Some(*severity) > known) {
            return self.ask_repeat(severity, at, now, actions);
        }
        self.repeat = None;
        let cause = if symptom && severe.is_some() { Cause::Symptom } else { Cause::Limit };
        match (sure, self.open) {
            (Some(severity), None) => self.open(severity, cause, now, actions),
            (Some(severity), Some(open)) if severity > open.severity => self.open(severity, cause, now, actions),
            (_, Some(_)) => self.ease(finding.holds, actions),
            (None, None) => {}
        }
    }

    fn count(&mut self, finding: &Finding, at: Timestamp) {
        // What a sensor says every second is not sustained because it says so twice.
        let is_same = self.counted_at.is_some_and(|last| at.duration_since(last) < REST);
        for (in_a_row, passed) in self.in_a_row.iter_mut().zip(finding.passed) {
            *in_a_row = match passed {
                None => 0,
                Some(_) if is_same => (*in_a_row).max(1),
                Some(_) => in_a_row.saturating_add(1),
            };
        }
        if finding.passed[0].is_some() && !is_same {
            self.counted_at = Some(at);
        }
    }

    fn ask_repeat(&mut self, severity: Severity, at: Timestamp, now: Timestamp, actions: &mut Vec<Action>) {
        let until = now + REPEAT_WITHIN;
        // Asked again by every reading, as often as the limit asks for; the first one began the wait only if it is new.
        self.repeat = Some(Repeat { severity, first_at: at, until });
        actions.push(Action::AskRepeat { severity, from: at.max(now - REST) + REST, until });
    }

    /// What was judged was not so: what is left is judged as if it were new.
    fn corrected(
        &mut self,
        touched_at: Timestamp,
        newest: Option<(Finding, Timestamp)>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        if self.judged_at.is_none_or(|judged_at| touched_at < judged_at) {
            return;
        }
        (self.repeat, self.judged_at, self.counted_at, self.in_a_row) = (None, None, None, [0; 4]);
        match newest {
            Some((finding, at)) => {
                // Also one that is too old to raise anything ends what is over.
                self.ease(finding.holds, actions);
                self.judged(&finding, at, false, now, actions);
            }
            None => self.clear(Because::Over, actions),
        }
    }

    fn symptom(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if let Some(repeat) = self.repeat.take() {
            self.open(repeat.severity, Cause::Symptom, now, actions);
        }
    }

    fn heard(
        &mut self,
        at: Timestamp,
        within: SignedDuration,
        severity: Severity,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let until = at.checked_add(within).unwrap_or(Timestamp::MAX);
        self.silence = Some(Silence { heard_at: at, until, severity });
        if until > now {
            self.clear(Because::Over, actions);
        }
    }

    fn started(&mut self, earliest: Timestamp) {
        if let Some(silence) = &mut self.silence {
            silence.until = silence.until.max(earliest);
        }
    }

    fn acknowledged(&mut self, actions: &mut Vec<Action>) {
        if let Some(open) = self.open.as_mut().filter(|open| !open.acknowledged) {
            open.acknowledged = true;
            actions.push(Action::Acknowledge);
        }
    }

    fn snoozed(&mut self, until: Timestamp, actions: &mut Vec<Action>) {
        if let Some(open) = self.open {
            self.snooze = Some(Snooze { until, severity: open.severity });
            actions.push(Action::Snooze { until });
        }
    }

    fn lifted(&mut self, actions: &mut Vec<Action>) {
        (self.repeat, self.silence, self.in_a_row) = (None, None, [0; 4]);
        self.clear(Because::LimitsChanged, actions);
    }

    fn time(&mut self, policy: &Policy<'_>, now: Timestamp, actions: &mut Vec<Action>) {
        self.snooze = self.snooze.filter(|snooze| snooze.until > now);
        if self.repeat.is_some_and(|repeat| repeat.until <= now) {
            self.repeat = None;
            if self.open.is_none_or(|open| open.severity < UNREPEATED) {
                self.open(UNREPEATED, Cause::Unrepeated, now, actions);
            }
        }
        if let Some(silence) = self.silence.filter(|silence| silence.until <= now && self.open.is_none()) {
            self.open(silence.severity, Cause::NoData, now, actions);
        }
        while let Some((step, _)) = self.next_step(policy, now).filter(|(_, due)| *due <= now) {
            let step = step.clone();
            if let Some(open) = &mut self.open {
                (open.taken, open.last_at) = (open.taken.saturating_add(1), now);
            }
            actions.push(Action::Escalate { step });
        }
    }

    /// The next step of the ladder, and when it is due, seen from `now`.
    fn next_step<'a>(&self, policy: &Policy<'a>, now: Timestamp) -> Option<(&'a Step, Timestamp)> {
        let open = self.open.filter(|open| !open.acknowledged)?;
        let steps = policy.ladder.steps_for(policy.direction, open.opened_as);
        let taken = usize::try_from(open.taken).ok()?;
        let (step, wait) = match steps.get(taken) {
            Some(step) => {
                let before = taken.checked_sub(1).map_or(0, |before| steps[before].after_minutes);
                let minutes = step.after_minutes.saturating_sub(before);
                (*step, SignedDuration::from_mins(i64::from(minutes)))
            }
            None => (*steps.iter().rfind(|step| step.until_ack)?, AGAIN_EVERY),
        };
        let due = open.last_at.checked_add(wait).unwrap_or(Timestamp::MAX);
        let due = self.snooze.map_or(due, |snooze| due.max(snooze.until));
        Some((step, policy.ladder.release(open.severity, due.max(now), policy.home)))
    }

    fn open(&mut self, severity: Severity, cause: Cause, now: Timestamp, actions: &mut Vec<Action>) {
        if self.open.is_some() {
            self.clear(Because::Worsened, actions);
        }
        self.snooze = self.snooze.filter(|snooze| severity <= snooze.severity);
        self.open = Some(Open { severity, opened_as: severity, taken: 0, last_at: now, acknowledged: false });
        let snoozed_until = self.snooze.map(|snooze| snooze.until);
        actions.push(Action::Open { severity, cause, snoozed_until });
    }

    /// To what still holds, if that is less than before.
    fn ease(&mut self, holds: Option<Severity>, actions: &mut Vec<Action>) {
        match (holds, &mut self.open) {
            (None, Some(_)) => self.clear(Because::Over, actions),
            (Some(severity), Some(open)) if severity < open.severity => {
                open.severity = severity;
                actions.push(Action::Ease { severity });
            }
            (_, _) => {}
        }
    }

    fn clear(&mut self, because: Because, actions: &mut Vec<Action>) {
        if self.open.take().is_some() {
            actions.push(Action::Clear { because });
        }
    }
}

fn worst(is_so: impl Fn(Severity) -> bool) -> Option<Severity> {
    Severity::ALL.into_iter().rev().find(|severity| is_so(*severity))
}
