//! What a reading, or its correction, does to a condition.

use jiff::Timestamp;

use super::{Action, Because, Cause, RAISES_WITHIN, REPEAT_WITHIN, REST, Repeat, State};
use crate::alerts::{Severity, judge::Finding};

impl State {
    pub(super) fn judged(
        &mut self,
        finding: &Finding,
        at: Timestamp,
        symptom: bool,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
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

    pub(super) fn count(&mut self, finding: &Finding, at: Timestamp) {
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

    pub(super) fn ask_repeat(&mut self, severity: Severity, at: Timestamp, now: Timestamp, actions: &mut Vec<Action>) {
        let until = now + REPEAT_WITHIN;
        // Asked again by every reading, as often as the limit asks for; the first one began the wait only if it is new.
        self.repeat = Some(Repeat { severity, first_at: at, until });
        actions.push(Action::AskRepeat { severity, from: at.max(now - REST) + REST, until });
    }

    /// What was judged was not so: what is left is judged as if it were new.
    pub(super) fn corrected(
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

    pub(super) fn symptom(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if let Some(repeat) = self.repeat.take() {
            self.open(repeat.severity, Cause::Symptom, now, actions);
        }
    }
}

fn worst(is_so: impl Fn(Severity) -> bool) -> Option<Severity> {
    Severity::ALL.into_iter().rev().find(|severity| is_so(*severity))
}
