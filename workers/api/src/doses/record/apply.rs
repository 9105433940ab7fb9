//! What a person asks, done or refused.

use std::mem::discriminant;

use jiff::Timestamp;

use super::{
    Act, CLOCKS_AGREE_WITHIN_SECONDS, Command, Done, EARLIEST_BEFORE, Entry, KEPT_FOR_SETTLING, MOST_ENTRIES, Record,
    Refused, Resolution,
};

impl Record {
    /// Does what a person asks, once. Refused commands change nothing.
    pub fn apply(&mut self, command: &Command, now: Timestamp) -> Result<Done, Refused> {
        if let Some(entry) = self.entry(&command.id) {
            // A repeated wish may bear another default time, but it is of the same kind.
            let same = discriminant(&entry.command.act) == discriminant(&command.act);
            return if same { Ok(Done::Already) } else { Err(Refused::IdUsed) };
        }
        if command.seen_version.is_some_and(|version| version != self.version()) {
            return Err(self.changed(self.entries.last()));
        }
        let left = MOST_ENTRIES.saturating_sub(self.entries.len());
        if left <= command.act.leaves() {
            return Err(Refused::TooOften { most: self.entries.len(), left });
        }
        self.allow(command, now)?;
        self.entries.push(Entry { command: command.clone(), recorded_at: now });
        Ok(Done::Changed)
    }

    fn allow(&self, command: &Command, now: Timestamp) -> Result<(), Refused> {
        match &command.act {
            Act::Take { at, amount, .. } => self.allow_take(command, *at, *amount, now),
            Act::Skip { .. } => self.allow_settling(command),
            Act::Snooze { until } => self.allow_snooze(*until, now),
            Act::Correct { taken_at } => {
                self.when_it_can_be(*taken_at, now)?;
                self.taken_at().map(|_| ()).ok_or(Refused::NotTaken)
            }
            Act::Note { .. } => Ok(()),
            Act::Undo { of } => {
                let newest = self.holding().last().copied().ok_or(Refused::NothingToUndo)?;
                let meant = of.as_ref().is_none_or(|id| *id == newest.command.id);
                if meant { Ok(()) } else { Err(self.changed(Some(newest))) }
            }
        }
    }

    fn allow_take(&self, command: &Command, at: Timestamp, amount: Option<f64>, now: Timestamp) -> Result<(), Refused> {
        self.when_it_can_be(at, now)?;
        if let Some(amount) = amount.filter(|amount| !(amount.is_finite() && *amount > 0.0)) {
            return Err(Refused::Amount { amount });
        }
        self.allow_settling(command)?;
        let earliest = self.policy.earliest(self.due_at);
        let asks_back = !self.as_needed && command.override_reason.is_none() && self.resolution().is_none();
        if asks_back && at < earliest { Err(Refused::TooEarly { due_at: self.due_at, earliest }) } else { Ok(()) }
    }

    fn when_it_can_be(&self, at: Timestamp, now: Timestamp) -> Result<(), Refused> {
        not_in_the_future(at, now)?;
        let due_at = self.due_at;
        if due_at.duration_since(at) > EARLIEST_BEFORE { Err(Refused::LongBefore { due_at, at }) } else { Ok(()) }
    }

    /// Whether it may be taken or skipped, as far as nobody did before.
    fn allow_settling(&self, command: &Command) -> Result<(), Refused> {
        match self.settled() {
            _ if command.override_reason.is_some() => Ok(()),
            // Who skipped it may think better of it; somebody else asks first.
            Some(Refused::AlreadySkipped { by, .. }) if by == command.by => Ok(()),
            Some(refused) => Err(refused),
            None => Ok(()),
        }
    }

    fn allow_snooze(&self, until: Timestamp, now: Timestamp) -> Result<(), Refused> {
        let latest = self.policy.missed_at(self.due_at);
        match self.settled() {
            Some(refused) => Err(refused),
            None if until <= now || latest <= until => Err(Refused::Snooze { due_at: self.due_at, latest }),
            None => Ok(()),
        }
    }

    /// Who settled it, as a refusal to settle it again.
    fn settled(&self) -> Option<Refused> {
        let refused = match self.resolution()? {
            Resolution::Taken { at, by, .. } => Refused::AlreadyTaken { by, at },
            Resolution::Skipped { at, by, .. } => Refused::AlreadySkipped { by, at },
        };
        Some(refused)
    }

    fn changed(&self, entry: Option<&Entry>) -> Refused {
        entry.map_or(Refused::NothingToUndo, |entry| Refused::Changed {
            by: entry.command.by.clone(),
            at: entry.recorded_at,
        })
    }
}

impl Act {
    /// How many entries of a record it leaves to others.
    fn leaves(&self) -> usize {
        match self {
            Self::Snooze { .. } | Self::Note { .. } => KEPT_FOR_SETTLING,
            Self::Take { .. } | Self::Skip { .. } | Self::Correct { .. } | Self::Undo { .. } => 0,
        }
    }
}

fn not_in_the_future(at: Timestamp, now: Timestamp) -> Result<(), Refused> {
    let ahead = at.duration_since(now).as_secs();
    if ahead > CLOCKS_AGREE_WITHIN_SECONDS { Err(Refused::InTheFuture { at }) } else { Ok(()) }
}
