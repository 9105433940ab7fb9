//! What an appointment says, and how it changes. A change is a merge patch (RFC 7396) of fields that were checked.

use jiff::{SignedDuration, Timestamp};
use kit::clock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What becomes of it. FHIR says booked, fulfilled, cancelled, noshow, entered-in-error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    #[default]
    Scheduled,
    Completed,
    Cancelled,
    /// The resident did not come.
    NoShow,
    /// Deleted: kept in the file and shown to nobody.
    EnteredInError,
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Scheduled, Self::Completed, Self::Cancelled, Self::NoShow, Self::EnteredInError];

    /// As it is kept.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no-show",
            Self::EnteredInError => "entered-in-error",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// As existing clients know it: they have three words, and what nobody came to did not take place.
    pub fn for_existing_clients(self) -> &'static str {
        match self {
            Self::Scheduled | Self::Completed | Self::Cancelled => self.name(),
            Self::NoShow | Self::EnteredInError => "cancelled",
        }
    }

    /// What came of it, if that is known.
    pub fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Completed => Some("fulfilled"),
            Self::NoShow => Some("no-show"),
            Self::Scheduled | Self::Cancelled | Self::EnteredInError => None,
        }
    }

    /// Whether it takes up the time.
    pub fn takes_place(self) -> bool {
        matches!(self, Self::Scheduled | Self::Completed)
    }
}

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
pub mod tests {
    use serde_json::json;

    use super::*;

    pub fn dentist() -> Content {
        let content = json!({"title": "Dentist", "appointment_type": "dental", "starts_at": "2031-05-07T09:30",
            "all_day": false, "reminder_min": 60, "is_recurring": false});
        serde_json::from_value(content).unwrap()
    }

    fn settled(content: &Content, changes: Value, now: &str) -> Content {
        let Value::Object(said) = changes else { panic!("an object") };
        let mut changes = said.clone();
        content.settle(&mut changes, content, content, &said, now.parse().unwrap()).unwrap();
        content.with(&changes).unwrap()
    }

    #[test]
    fn what_is_completed_says_since_when_and_saying_so_again_does_not_change_it() {
        let first = settled(&dentist(), json!({"status": "completed"}), "2031-05-07T14:00Z");
        assert_eq!(first.completed_at.as_deref(), Some("2031-05-07T14:00:00.000Z"));
        assert_eq!(settled(&first, json!({"status": "completed"}), "2031-05-07T15:00Z"), first);
        assert_eq!(settled(&first, json!({"status": "no-show"}), "2031-05-07T15:00Z").completed_at, None);
    }

    #[test]
    fn a_drivers_word_is_for_one_driver_and_one_time() {
        let asked = settled(&dentist(), json!({"driver": "Anna"}), "2031-05-01T08:00Z");
        let confirmed = settled(&asked, json!({"driver_confirmed_by": "Anna"}), "2031-05-01T09:00Z");
        assert_eq!(confirmed.driver_confirmed_at.as_deref(), Some("2031-05-01T09:00:00.000Z"));
        let again = json!({"driver": "Anna", "driver_confirmed_by": "Anna"});
        assert_eq!(settled(&confirmed, again, "2031-05-02T09:00Z"), confirmed);
        for change in [json!({"driver": "Ben"}), json!({"starts_at": "2031-05-08T09:30"}), json!({"driver": null})] {
            let after = settled(&confirmed, change.clone(), "2031-05-02T09:00Z");
            assert_eq!((after.driver_confirmed_by, after.driver_confirmed_at), (None, None), "{change}");
        }
        let both = settled(&confirmed, json!({"driver": "Ben", "driver_confirmed_by": "Ben"}), "2031-05-02T09:00Z");
        assert_eq!(both.driver_confirmed_by.as_deref(), Some("Ben"));
        let notes = settled(&confirmed, json!({"notes": "side door"}), "2031-05-02T09:00Z");
        assert_eq!(notes.driver_confirmed_at, confirmed.driver_confirmed_at);
    }

    #[test]
    fn a_new_one_may_be_over_and_confirmed_already() {
        let now: Timestamp = "2031-05-01T09:00Z".parse().unwrap();
        let said = |more: Value| {
            let mut said = json!({"title": "Lab", "appointment_type": "lab", "starts_at": "2031-05-07T09:30",
                "all_day": false, "reminder_min": 60, "is_recurring": false, "driver": "Anna"});
            said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Content::new(said.as_object().unwrap(), now).unwrap()
        };
        let plain = said(json!({}));
        assert_eq!((plain.status, plain.completed_at, plain.driver_confirmed_at), (Status::Scheduled, None, None));
        let over = said(json!({"status": "completed", "driver_confirmed_by": "Anna"}));
        let at = Some("2031-05-01T09:00:00.000Z".to_owned());
        assert_eq!((over.completed_at, over.driver_confirmed_at), (at.clone(), at));
    }

    #[test]
    fn every_status_has_one_name_and_a_word_that_existing_clients_know() {
        for status in Status::ALL {
            assert_eq!(Status::of_name(status.name()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
            assert!(["scheduled", "completed", "cancelled"].contains(&status.for_existing_clients()));
        }
    }
}
