//! How each route is asked for what is the first resident's, and what somebody of another resident is to be answered. A new route
//! needs a line here, or the walk fails.

use serde_json::{Value, json};

use crate::home::{CUFF, CUFF_KEY, Ids, SCALE, counted, now, reading};

/// What the second resident's people are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Existing clients have this of the first resident, whoever is named: 403.
    Firsts,
    /// Whoever names the first resident: 403. Whoever names the second one gets what is theirs.
    Own,
    /// Whoever names the first resident: 403. For whoever names the second one it is not there, as if the id were nobody's.
    Absent,
    /// Whoever names the first resident: 403. Whoever names the second one is told that this cannot be.
    Mistaken(u16),
    /// Whomever the request names: it is not there, as if the id were nobody's.
    AbsentForAll,
    /// Whomever the request names, the same status, and what is said here of whom it shows what.
    Each(u16, &'static str),
    /// The hub's own workers only: 403.
    Hub,
    /// Whoever has no credential gets as much.
    Public,
    /// It goes on: another test listens, and hears nothing.
    Followed,
}

/// A request about the first resident.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its line in the table: method and pattern.
    pub route: &'static str,
    pub expected: Expected,
    /// The path, with what is asked for, and a query.
    pub path: String,
    /// Whose id stands in the path, if one does.
    pub id: Option<String>,
    pub body: Value,
    pub key: Option<&'static str>,
    /// Whether a device is let in no more afterwards.
    pub ends: bool,
    /// What the first resident is answered, if it is not that it was done.
    pub first: u16,
}

/// The first of the statuses that say that nothing was done.
pub const FAILED: u16 = 400;

fn ask(route: &'static str, expected: Expected) -> Ask {
    let path = route.split_once(' ').map_or("", |(_, path)| path).to_owned();
    Ask { route, expected, path, id: None, body: Value::Null, key: None, ends: false, first: 200 }
}

impl Ask {
    pub fn method(&self) -> &str {
        self.route.split_once(' ').map_or("", |(method, _)| method)
    }

    /// Puts it in the place of the first name in the path.
    fn with(mut self, text: &str) -> Self {
        let (open, close) = (self.path.find('{').expect("a name"), self.path.find('}').expect("a name"));
        self.path.replace_range(open..=close, text);
        self
    }

    /// The id of what is the first resident's.
    fn of(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self.with(id) }
    }

    fn query(mut self, query: &str) -> Self {
        self.path = format!("{}?{query}", self.path);
        self
    }

    fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    fn key(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    /// What the first resident themselves is answered.
    fn first(self, first: u16) -> Self {
        Self { first, ..self }
    }

    fn ending(self) -> Self {
        Self { ends: true, ..self }
    }
}

/// In the order in which the first resident can do all of it at last.
pub fn asks(ids: &Ids) -> Vec<Ask> {
    let groups = [
        readings(ids),
        alerts(ids),
        medicines(ids),
        doses(ids),
        visits(ids),
        visits_of_existing_clients(ids),
        food(ids),
        drinks(ids),
        activity(ids),
        fitness(ids),
        devices(),
        household(),
        passkeys(ids),
        access(ids),
        streams(),
    ];
    groups.into_iter().flatten().collect()
}

use Expected::{Absent, AbsentForAll, Each, Firsts, Followed, Hub, Mistaken, Own, Public};

fn readings(ids: &Ids) -> Vec<Ask> {
    let weight = json!({"vital_type": "weight", "value_primary": 70.5, "unit": "kg"});
    let mut sent_again = reading();
    sent_again["notes"].take();
    vec![
        ask("GET /api/vitals", Firsts),
        ask("GET /api/vitals/latest", Firsts),
        ask("GET /api/vitals/today", Firsts),
        ask("GET /api/vitals/history/{type}", Firsts).with("heart_rate"),
        ask("GET /api/vitals/meta/types", Firsts),
        ask("GET /api/vitals/{type}", Firsts).with("heart_rate"),
        ask("POST /api/vitals", Firsts).body(weight.clone()),
        // With the device, the value and the key of a reading that was sent before.
        ask("POST /api/vitals", Firsts).body(sent_again.clone()).key(CUFF_KEY),
        ask("POST /api/v1/readings", Own).body(weight.clone()),
        // With another resident's device.
        ask("POST /api/v1/readings", Own)
            .body(json!({"vital_type": "weight", "value_primary": 60, "unit": "kg", "device_address": SCALE})),
        ask("POST /api/v1/readings", Mistaken(422)).body(sent_again).key(CUFF_KEY),
        ask("GET /api/v1/readings/{id}", Absent).of(&ids.reading),
        ask("GET /api/v1/readings/{id}/history", Absent).of(&ids.reading),
        ask("PATCH /api/v1/readings/{id}", Absent)
            .of(&ids.reading)
            .body(json!({"value_primary": 119, "reason": "a slip"})),
        ask("POST /api/v1/readings/{id}/strike-out", Absent).of(&ids.reading).body(json!({"reason": "a slip"})),
        ask("GET /api/v1/trends/{kind}", Own).with("heart_rate"),
        ask("GET /api/v1/baseline/{kind}", Own).with("heart_rate"),
        ask("GET /api/v1/news2", Own),
        ask("GET /api/v1/limits", Own),
        ask("PUT /api/v1/limits", Own).body(json!({})),
    ]
}

fn alerts(ids: &Ids) -> Vec<Ask> {
    let people = json!({"people": [{"id": ids.person, "name": "Ben", "phone": "113"}]});
    let ladder = json!({"steps": [{"after": 0, "who": ids.person, "channel": "push"}]});
    vec![
        ask("GET /api/v1/alerts", Own),
        ask("GET /api/v1/alerts", Own).query("status=all"),
        ask("GET /api/v1/alerts/{id}", AbsentForAll).of(&ids.alert),
        ask("POST /api/v1/alerts/{id}/snooze", AbsentForAll).of(&ids.alert).body(json!({"minutes": 5, "by": "Ben"})),
        ask("POST /api/v1/alerts/{id}/ack", AbsentForAll).of(&ids.alert).body(json!({"by": "Ben"})),
        ask("GET /api/v1/repeats", Own),
        ask("POST /api/v1/symptoms", Own).body(json!({"by": "Ben"})),
        ask("GET /api/v1/people", Own),
        ask("PUT /api/v1/people", Mistaken(400)).body(people),
        ask("GET /api/v1/ladder", Own),
        ask("PUT /api/v1/ladder", Mistaken(400)).body(ladder),
    ]
}

fn medicines(ids: &Ids) -> Vec<Ask> {
    let (tablet, number) = (&ids.medicine, &ids.medicine_number);
    let rows = json!({"schedules": [{"time": "00:05"}]});
    let days = json!({"schedules": [{"time": "00:06", "doses": {"mon": 1}}]});
    vec![
        ask("GET /api/medications", Firsts),
        ask("GET /api/medications/today", Firsts),
        ask("GET /api/medications/adherence", Firsts),
        ask("GET /api/medications/overview", Firsts),
        ask("GET /api/medications/{id}", Firsts).of(number),
        ask("GET /api/medications/{id}/history", Firsts).of(number),
        ask("POST /api/medications", Firsts).body(json!({"name": "Other"})),
        ask("POST /api/medications/{id}/take", Firsts).of(number).body(json!({"notes": "taken"})),
        ask("POST /api/medications/{id}/skip", Firsts).of(number).body(json!({"reason": "no"})),
        ask("PUT /api/medications/{id}", Firsts).of(number).body(rows),
        ask("PUT /api/medications/{id}/schedule", Firsts).of(number).body(days),
        ask("GET /api/v1/medications", Own),
        ask("GET /api/v1/medications/{id}/as-needed", Absent).of(tablet),
        ask("GET /api/v1/medications/{id}/as-needed", Absent).of(number),
        ask("POST /api/v1/medications/{id}/as-needed", Absent).of(tablet).body(json!({"override_reason": "pain"})),
        ask("GET /api/v1/medications/{id}/stock", Absent).of(tablet),
        ask("POST /api/v1/medications/{id}/stock", Absent)
            .of(number)
            .key("stock-1")
            .body(json!({"kind": "dispensed", "packs": 1, "units_per_pack": 10, "refill": false})),
        ask("PUT /api/v1/medications/{id}/keeping", Absent).of(number).body(json!({"amount_per_unit": 3})),
    ]
}

fn doses(ids: &Ids) -> Vec<Ask> {
    let note = json!({"action": "note", "note": "changed", "id": "note-1"});
    vec![
        ask("GET /api/v1/doses", Own),
        ask("GET /api/v1/adherence", Own),
        // The id of what the first resident said.
        ask("PUT /api/v1/doses/{*occurrence}", Absent)
            .of(&ids.dose)
            .body(json!({"action": "undo", "id": "undo-1", "of": "dose-1"})),
        ask("PUT /api/v1/doses/{*occurrence}", Absent).of(&ids.dose).body(note),
        ask("PUT /api/v1/medications/{id}/plan", Absent).of(&ids.medicine).body(json!({"phases": []})).first(400),
        ask("DELETE /api/medications/{id}", Firsts).of(&ids.medicine_number),
    ]
}

fn visits(ids: &Ids) -> Vec<Ask> {
    let visit = json!({"title": "Dentist", "starts_at": "2032-04-01T10:00:00Z"});
    let changed = json!({"title": "changed"});
    vec![
        ask("GET /api/v1/appointments", Own).query("from=2032-03-01&to=2032-04-01"),
        ask("POST /api/v1/appointments", Own).body(visit),
        ask("GET /api/v1/appointments/providers", Own),
        ask("GET /api/v1/appointments/{id}", Absent).of(&ids.visit),
        ask("GET /api/v1/appointments/{id}/history", Absent).of(&ids.visit),
        ask("PATCH /api/v1/appointments/{id}", Absent).of(&ids.visit).body(changed.clone()),
        ask("PUT /api/v1/appointments/{id}/instances/{date}", Absent)
            .of(&ids.visit)
            .with("2032-03-01")
            .body(changed.clone()),
        ask("POST /api/v1/appointments/{id}/instances/{date}/split", Absent)
            .of(&ids.visit)
            .with("2032-03-15")
            .body(changed),
        ask("DELETE /api/v1/appointments/{id}/instances/{date}", Absent).of(&ids.visit).with("2032-03-08"),
    ]
}

fn visits_of_existing_clients(ids: &Ids) -> Vec<Ask> {
    let visit = json!({"title": "Dentist", "starts_at": "2032-04-01T10:00:00Z", "user_id": 1});
    vec![
        ask("GET /api/appointments", Firsts).query("startDate=2032-01-01&endDate=2032-12-31"),
        ask("GET /api/appointments/today", Firsts),
        ask("GET /api/appointments/upcoming", Firsts).query("days=3000"),
        ask("GET /api/appointments/month/{year}/{month}", Firsts).with("2032").with("3"),
        ask("POST /api/appointments", Firsts).body(visit),
        ask("GET /api/appointments/{id}", Firsts).of(&ids.visit_number),
        ask("PUT /api/appointments/{id}", Firsts).of(&ids.visit_number).body(json!({"title": "changed"})),
        ask("POST /api/appointments/{id}/complete", Firsts).of(&ids.visit_number).body(json!({"notes": "done"})),
        ask("POST /api/appointments/{id}/uncomplete", Firsts).of(&ids.visit_number).body(json!({})),
        ask("POST /api/appointments/{id}/reschedule", Firsts)
            .of(&ids.visit_number)
            .body(json!({"starts_at": "2032-03-02T10:00:00Z"})),
        ask("POST /api/appointments/{id}/cancel", Firsts).of(&ids.visit_number).body(json!({"reason": "ill"})),
        ask("DELETE /api/appointments/{id}", Firsts).of(&ids.visit_number),
    ]
}

fn food(ids: &Ids) -> Vec<Ask> {
    let meal = json!({"mealType": "dinner", "foods": [{"name": "Rice", "quantity": 1, "calories": 100}]});
    vec![
        ask("GET /api/nutrition/{*rest}", Firsts).with("daily"),
        ask("GET /api/nutrition/{*rest}", Firsts).with(&format!("meal/{}", ids.meal)),
        ask("POST /api/nutrition/log-meal", Firsts).body(meal.clone()),
        ask("PUT /api/nutrition/meal/{id}", Firsts).of(&ids.meal).body(meal.clone()),
        ask("DELETE /api/nutrition/meal/{id}", Firsts).of(&ids.meal),
        ask("PUT /api/nutrition/{*rest}", Firsts).with("goals").body(json!({"calories": 1})),
        ask("POST /api/nutrition/{*rest}", Firsts).with("Log-Meal/").body(meal),
        ask("DELETE /api/nutrition/{*rest}", Firsts).with("nothing").first(404),
    ]
}

fn drinks(ids: &Ids) -> Vec<Ask> {
    vec![
        ask("POST /api/hydration/log", Firsts).body(json!({"amount_oz": 8, "userId": 1})),
        ask("GET /api/hydration/today", Firsts),
        ask("GET /api/hydration/history", Firsts),
        ask("GET /api/hydration/goal", Firsts),
        ask("PUT /api/hydration/goal", Firsts).body(json!({"daily_goal_oz": 1, "userId": 1})),
        ask("POST /api/v1/drinks", Own).body(json!({"amount": 100, "subject": 1, "resident": 1, "userId": 1})),
        ask("POST /api/v1/drinks", Mistaken(422))
            .body(json!({"amount": 200, "beverage": "first-person broth"}))
            .key("drink-1"),
        ask("GET /api/v1/hydration", Own),
        ask("GET /api/v1/goals/hydration", Own),
        ask("PUT /api/v1/goals/hydration", Own).body(json!({"target": 1000, "subject": 1})),
        ask("DELETE /api/hydration/{id}", Firsts).of(&ids.drink),
    ]
}

fn activity(ids: &Ids) -> Vec<Ask> {
    let test = json!({"kind": "timed_up_and_go", "seconds": 13.4, "notes": "first-person slow"});
    vec![
        ask("GET /api/v1/activity", Own),
        ask("POST /api/v1/activity", Own).body(counted("watch")),
        ask("GET /api/v1/goals/activity", Own),
        ask("GET /api/v1/assessments", Own),
        ask("POST /api/v1/assessments", Own).body(json!({"kind": "timed_up_and_go", "seconds": 20})),
        ask("POST /api/v1/assessments", Mistaken(422)).body(test).key("assessment-1"),
        ask("POST /api/v1/assessments/{id}/strike-out", Absent).of(&ids.assessment).body(json!({})),
        ask("POST /api/accelerometer/save", Firsts).body(json!({"data": [{"timestamp": 0, "x": 1, "y": 2, "z": 3}]})),
        ask("GET /api/accelerometer/list", Firsts),
    ]
}

fn fitness(ids: &Ids) -> Vec<Ask> {
    let workout = json!({"workout_type": "walking", "duration_min": 30, "started_at": now(), "userId": 1});
    vec![
        ask("POST /api/fitness/workout", Firsts).body(workout),
        ask("GET /api/fitness/workouts", Firsts),
        ask("GET /api/fitness/workout/{id}", Firsts).of(&ids.workout),
        ask("GET /api/fitness/today", Firsts),
        ask("GET /api/fitness/weekly", Firsts),
        ask("PUT /api/fitness/daily", Firsts).body(json!({"steps": 1})),
        ask("GET /api/fitness/devices", Firsts),
        ask("GET /api/fitness/device/current", Firsts),
        ask("POST /api/fitness/device/register", Firsts).body(json!({"address": "aa:02", "name": "Band", "userId": 1})),
        ask("POST /api/fitness/device/activity", Firsts).body(json!({"deviceAddress": "aa:01", "steps": 1})),
        ask("POST /api/fitness/device/sync", Firsts).body(json!({"deviceAddress": "aa:01", "steps": 1})),
        ask("PUT /api/fitness/device/timezone", Firsts).body(json!({"offsetMinutes": 60})),
        ask("DELETE /api/fitness/device/{address}", Firsts).of("aa:01"),
        ask("DELETE /api/fitness/workout/{id}", Firsts).of(&ids.workout),
    ]
}

fn devices() -> Vec<Ask> {
    vec![
        ask("GET /api/health", Public),
        ask("POST /api/ble/state", Hub).body(json!({"state": "off", "words": "off"})),
        ask("GET /api/ble/wanted", Hub),
        ask("GET /api/ble/status", Firsts),
        ask("GET /api/ble/paired", Firsts),
        ask("POST /api/ble/scan", Firsts),
        ask("POST /api/ble/pair", Firsts).body(json!({"macAddress": CUFF, "name": "Mine"})),
        ask("POST /api/ble/unpair", Firsts).body(json!({"macAddress": CUFF})),
        ask("GET /api/v1/devices", Own),
        ask("GET /api/v1/environment", Own),
        ask("PATCH /api/v1/devices/{address}", Absent).of(CUFF).body(json!({"name": "Mine", "subject": 2})).first(404),
        ask("PATCH /api/v1/devices/{address}", Absent).of(CUFF).body(json!({"name": "Cuff"})),
    ]
}

fn household() -> Vec<Ask> {
    vec![
        ask("GET /api/v1/residents", Each(200, "those of whom the caller may see anything")),
        ask("POST /api/v1/residents", Own).body(json!({"name": "Carla"})),
        ask("PATCH /api/v1/residents/{resident}", Absent).of("1").body(json!({"name": "Nobody"})),
    ]
}

fn access(ids: &Ids) -> Vec<Ask> {
    let of_first = json!({"role": "carer", "resident": 1});
    vec![
        ask("POST /api/v1/access/pair", Public).body(json!({"code": "AAAA-AAAA"})),
        ask("GET /api/v1/access/me", Each(200, "the caller's own device and what it was granted")),
        ask(
            "GET /api/v1/access/devices",
            Each(200, "those of residents whose sharing the caller may see, its own, and those that it let in"),
        ),
        ask("POST /api/v1/access/invitations", Own).body(json!({"role": "carer"})),
        ask("POST /api/v1/access/invitations", Each(403, "nobody is let in to what the caller may not see"))
            .body(of_first)
            .first(201),
        ask("POST /api/v1/access/unlock", Each(409, "the tablet on the wall only, and its own resident"))
            .body(json!({"pin": "2580"}))
            .first(409),
        ask("POST /api/v1/access/lock", Each(409, "the tablet on the wall only, and its own resident")).first(409),
        ask("PUT /api/v1/access/pin", Own).body(json!({"pin": "8461", "present": "8461"})),
        ask("GET /api/v1/access/report", Own),
        ask("GET /api/v1/access/audit", Own),
        ask("GET /api/v1/access/export", Own),
        // A device of whomever can be let see more of the second resident by whoever knows its id, which it alone is told.
        ask("PUT /api/v1/access/grants/{device}/{area}", Own)
            .with(&ids.phone)
            .with("vitals")
            .body(json!({"level": "read"})),
        ask("DELETE /api/v1/access/grants/{device}/{area}", Own).with(&ids.phone).with("vitals"),
        ask("DELETE /api/v1/access/devices/{device}", AbsentForAll).of(&ids.phone),
        ask("DELETE /api/v1/access/devices", Own).ending(),
        ask("DELETE /api/v1/access/me", Each(200, "the caller's own device")).ending(),
    ]
}

fn passkeys(ids: &Ids) -> Vec<Ask> {
    let answer = json!({"ceremony": "none", "credential": {}});
    vec![
        ask("GET /api/v1/access/passkeys/here", Public),
        ask("POST /api/v1/access/passkeys/sign-in/begin", Public),
        ask("POST /api/v1/access/passkeys/sign-in/finish", Public).body(answer.clone()),
        ask("GET /api/v1/access/passkeys", Each(200, "those of devices that the caller sees in the list of devices")),
        ask("POST /api/v1/access/passkeys/begin", Each(409, "the caller's own device, where a passkey can be made"))
            .first(409),
        ask("POST /api/v1/access/passkeys/finish", Each(409, "the caller's own device, where a passkey can be made"))
            .body(answer)
            .first(409),
        ask("DELETE /api/v1/access/passkeys/{passkey}", AbsentForAll).of(&ids.passkey),
    ]
}

fn streams() -> Vec<Ask> {
    vec![ask("GET /api/v1/stream", Followed), ask("- /api/v1/stream", Followed), ask("- *", Followed)]
}
