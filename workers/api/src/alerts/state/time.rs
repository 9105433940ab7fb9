//! What time does to a condition: a repeat that does not come, a reading that is missing, the next step of the ladder.

use jiff::{SignedDuration, Timestamp};

use super::{Action, Because, Cause, Policy, Silence, State, UNREPEATED};
use crate::alerts::{
    Severity,
    ladder::{AGAIN_EVERY, Step},
};

impl State {
    /// A clock that was set back takes what is waited for along: it is waited for as long as before, not for years.
    pub(super) fn follow_clock(&mut self, now: Timestamp) {
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
        if let Some(unrepeated) = &mut self.unrepeated {
            unrepeated.first_at = unrepeated.first_at.min(now);
            shift(&mut unrepeated.until);
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

    pub(super) fn heard(
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

    pub(super) fn started(&mut self, earliest: Timestamp) {
        if let Some(silence) = &mut self.silence {
            silence.until = silence.until.max(earliest);
        }
    }

    pub(super) fn time(&mut self, policy: &Policy<'_>, now: Timestamp, actions: &mut Vec<Action>) {
        self.snooze = self.snooze.filter(|snooze| snooze.until > now);
        if let Some(repeat) = self.repeat.take_if(|repeat| repeat.until <= now) {
            self.unrepeated = Some(repeat);
            self.not_repeated(repeat.severity, now, actions);
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

    /// Whoever knows of something milder, or does not want to hear of it for a while, knows nothing of this.
    fn not_repeated(&mut self, severe: Severity, now: Timestamp, actions: &mut Vec<Action>) {
        let open = self.open.map(|open| (open.severity, open.acknowledged || self.snooze.is_some()));
        let severity = match open {
            None => UNREPEATED,
            Some((severity, _)) if severity < UNREPEATED => UNREPEATED,
            Some((severity, true)) if severity < severe => severity,
            Some(_) => return,
        };
        self.snooze = self.snooze.filter(|snooze| severe <= snooze.severity);
        self.open(severity, Cause::Unrepeated, now, actions);
    }

    /// The next step of the ladder, and when it is due, seen from `now`.
    pub(super) fn next_step<'a>(&self, policy: &Policy<'a>, now: Timestamp) -> Option<(&'a Step, Timestamp)> {
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
}
