//! What an appointment says, and how it changes. A change is a merge patch (RFC 7396) of fields that were checked.

use jiff::{SignedDuration, Timestamp};
use kit::clock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::status::Status;

/// Something to bring along or to do before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    pub text: String,
    #[serde(default)]
    pub kind: PreparationKind,
    /// The tick.
    #[serde(default)]
    pub done: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreparationKind {
    #[default]
    Bring,
    Do,
}

/// Everything about an appointment that can be changed. Times as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub title: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub location: Option<String>,
    pub appointment_type: String,
    #[serde(default)]
    pub provider_name: Option<String>,
    #[serde(default)]
    pub provider_phone: Option<String>,
    /// Where the provider is, when that is not where the appointment is.
    #[serde(default)]
    pub provider_place: Option<String>,
    pub starts_at: String,
    #[serde(default)]
    pub ends_at: Option<String>,
    pub all_day: bool,
    /// How long before to remind, in minutes; 0 is at the time itself.
    pub reminder_min: i64,
    pub is_recurring: bool,
    /// As it was sent.
    #[serde(default)]
    pub recurrence_rule: Option<String>,
    #[serde(default)]
    pub notes: Option<String>,
    #[serde(default)]
    pub status: Status,
    #[serde(default)]
    pub completed_at: Option<String>,
    #[serde(default)]
    pub outcome_notes: Option<String>,
    #[serde(default)]
    pub prepare: Vec<Preparation>,
    /// The way there, in minutes.
    #[serde(default)]
    pub travel_min: i64,
    /// Getting ready before the way, in minutes.
    #[serde(default)]
    pub preparation_min: i64,
    /// Who drives.
    #[serde(default)]
    pub driver: Option<String>,
    /// Who said that this stands.
    #[serde(default)]
    pub driver_confirmed_by: Option<String>,
    #[serde(default)]
    pub driver_confirmed_at: Option<String>,
}

impl Content {
    /// What is said of a new appointment, which may be over already, and with whom somebody goes.
    ///
    /// # Errors
    /// If a field is missing, or has another type than it has here.
    pub fn new(said: &Map<String, Value>, now: Timestamp) -> serde_json::Result<Self> {
        let whole: Self = serde_json::from_value(said.clone().into())?;
        let open = Self { status: Status::Scheduled, driver_confirmed_by: None, ..whole.clone() };
        let mut changes = said.clone();
        whole.settle(&mut changes, &open, &open, said, now)?;
        whole.with(&changes)
    }

    /// With these fields changed.
    ///
    /// # Errors
    /// If a field has another type than it has here.
    pub fn with(&self, changes: &Map<String, Value>) -> serde_json::Result<Self> {
        let mut content = serde_json::to_value(self)?;
        for (field, value) in changes {
            content[field.as_str()] = value.clone();
        }
        serde_json::from_value(content)
    }

    /// Adds to `changes` of this content what follows from them: since when it is completed, and whether the driver's word
    /// still counts, which was for one driver and one time. `before` is what was shown until now, `said` what was sent; where
    /// `said` is silent on the driver's word, that of `spoken` goes on. Saying the same again changes nothing.
    ///
    /// # Errors
    /// If a field has another type than it has here.
    pub fn settle(
        &self,
        changes: &mut Map<String, Value>,
        before: &Self,
        spoken: &Self,
        said: &Map<String, Value>,
        now: Timestamp,
    ) -> serde_json::Result<()> {
        let after = self.with(changes)?;
        let now = clock::iso(now);
        let since =
            before.completed_at.clone().filter(|_| before.status == after.status).unwrap_or_else(|| now.clone());
        changes.insert("completed_at".into(), (after.status == Status::Completed).then_some(since).into());
        let says_so = said.contains_key("driver_confirmed_by");
        let earlier = if says_so { before } else { spoken };
        let still_counts = after.drive() == earlier.drive() && after.driver_confirmed_by == earlier.driver_confirmed_by;
        let confirmed_at = match &after.driver_confirmed_by {
            Some(_) if still_counts => earlier.driver_confirmed_at.clone().or(Some(now)),
            Some(_) if says_so => Some(now),
            _ => None,
        };
        if confirmed_at.is_none() {
            changes.insert("driver_confirmed_by".into(), Value::Null);
        }
        changes.insert("driver_confirmed_at".into(), confirmed_at.into());
        Ok(())
    }

    /// The fields of `changes` that are different here. A time stays: that of another visit may be written like this one's.
    ///
    /// # Errors
    /// Never, for what was read from JSON.
    pub fn different(&self, changes: Map<String, Value>) -> serde_json::Result<Map<String, Value>> {
        let own = serde_json::to_value(self)?;
        let after = serde_json::to_value(self.with(&changes)?)?;
        let is_time = |field: &str| field == "starts_at" || field == "ends_at";
        let stays = |field: &str| is_time(field) || own[field] != after[field];
        Ok(changes.into_iter().filter(|(field, _)| stays(field)).collect())
    }

    /// What a driver's word is for.
    fn drive(&self) -> (&Option<String>, &str) {
        (&self.driver, &self.starts_at)
    }

    /// How long before the beginning one has to leave.
    pub fn travel(&self) -> SignedDuration {
        SignedDuration::from_mins(self.travel_min)
    }

    /// How long before leaving one has to begin to get ready.
    pub fn preparation(&self) -> SignedDuration {
        SignedDuration::from_mins(self.preparation_min)
    }
}

#[cfg(test)]
pub mod tests;
