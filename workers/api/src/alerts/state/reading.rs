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
        // Of a clock that runs ahead: what is measured after this must not be older.
        let at = at.min(now);
        let is_history = now.duration_since(at) > RAISES_WITHIN || self.judged_at.is_some_and(|newest| at < newest);
        let is_too_soon = self.repeat.is_some_and(|repeat| at.duration_since(repeat.first_at) < REST);
        if is_history || (is_too_soon && !symptom) {
            return;
        }
        (self.judged_at, self.unrepeated) = (Some(at), None);
        self.count(finding, at);
        let severe = worst(|severity| severity.is_severe() && finding.passed[severity.rank()].is_some());
        let sure = self.as_asked(finding).max(severe.filter(|_| symptom));
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
        looks_back: bool,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let Some(judged_at) = self.judged_at else { return };
        if touched_at < judged_at {
            if let Some((finding, _)) = newest.filter(|_| looks_back) {
                self.compared_anew(&finding, now, actions);
            }
            return;
        }
        (self.repeat, self.unrepeated, self.judged_at) = (None, None, None);
        (self.counted_at, self.in_a_row) = (None, [0; 4]);
        match newest {
            Some((finding, at)) => {
                // Also one that is too old to raise anything ends what is over.
                self.ease(finding.holds, actions);
                self.judged(&finding, at, false, now, actions);
            }
            None => self.clear(Because::Over, actions),
        }
    }

    /// The newest reading is what it was; what it was compared with is not.
    fn compared_anew(&mut self, finding: &Finding, now: Timestamp, actions: &mut Vec<Action>) {
        for (in_a_row, passed) in self.in_a_row.iter_mut().zip(finding.passed) {
            *in_a_row = passed.map_or(0, |_| (*in_a_row).max(1));
        }
        self.ease(finding.holds, actions);
        let sure = self.as_asked(finding).filter(|severity| self.open.is_none_or(|open| *severity > open.severity));
        if let Some(severity) = sure {
            self.open(severity, Cause::Limit, now, actions);
        }
    }

    /// The worst severity of which there were as many readings in a row as its limit asks for.
    fn as_asked(&self, finding: &Finding) -> Option<Severity> {
        worst(|severity| {
            let needed = finding.passed[severity.rank()];
            needed.is_some_and(|needed| self.in_a_row[severity.rank()] >= needed)
        })
    }

    /// It counts also when it is ticked later than a repeat was asked for, as long as nothing else is known.
    pub(super) fn symptom(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let severe = self.repeat.take().or(self.unrepeated.take());
        let severe = severe.filter(|severe| now.duration_since(severe.first_at) <= RAISES_WITHIN);
        let worse = severe.filter(|severe| self.open.is_none_or(|open| severe.severity > open.severity));
        if let Some(severe) = worse {
            self.open(severe.severity, Cause::Symptom, now, actions);
        }
    }
}

fn worst(is_so: impl Fn(Severity) -> bool) -> Option<Severity> {
    Severity::ALL.into_iter().rev().find(|severity| is_so(*severity))
}
