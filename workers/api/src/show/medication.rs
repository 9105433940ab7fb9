//! Medicines in the shapes that existing clients know.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kit::{clock, number};
use serde_json::{Map, Value, json};

use crate::{
    doses::{
        DoseState, Record,
        adherence::{Adherence, Tally},
        compat::row_of_rule,
        occurrence::on_date,
        prn::{standing, takings},
        record::{Act, Resolution},
        state,
    },
    medication::week,
    store::medications::{Cabinet, Dose, Medication, Row},
};

/// The row, with its active schedules.
pub fn row(medication: &Medication) -> Value {
    let entry = &medication.entry;
    json!({
        "id": medication.compat_id,
        "user_id": medication.subject,
        "name": entry.name,
        "dosage": entry.dosage,
        "dosage_unit": entry.dosage_unit,
        "instructions": entry.instructions,
        "prescriber": entry.prescriber,
        "pharmacy": entry.pharmacy,
        "rx_number": entry.rx_number,
        "refills_left": entry.refills_left,
        "start_date": entry.start_date,
        "end_date": entry.end_date,
        "is_active": i64::from(medication.is_active()),
        "is_prn": i64::from(entry.is_prn),
        "prn_max_daily": entry.prn_max_daily,
        "notes": entry.notes,
        "created_at": clock::sql(medication.recorded_at),
        "updated_at": clock::sql(medication.updated_at),
        "schedules": medication.active_rows().map(|row| schedule(medication, row)).collect::<Value>(),
    })
}

/// What creating answers: what was sent, and the new schedules in their order.
pub fn created(medication: &Medication, sent: &Value) -> Value {
    let mut rows: Vec<_> = medication.active_rows().collect();
    rows.sort_by_key(|row| row.compat_id);
    let mut answer = medication.entry.echo(sent);
    answer["id"] = medication.compat_id.into();
    answer["user_id"] = medication.subject.into();
    answer["schedules"] = rows.into_iter().map(bare_schedule).collect();
    answer
}

fn schedule(medication: &Medication, row: &Row) -> Value {
    let mut whole = bare_schedule(row);
    whole["medication_id"] = medication.compat_id.into();
    whole["created_at"] = clock::sql(row.recorded_at).into();
    whole["day_of_week"] = json!(row.entry.day_of_week);
    whole
}

fn bare_schedule(row: &Row) -> Value {
    json!({
        "id": row.compat_id,
        "dosage_amount": number::json(row.entry.dosage_amount),
        "schedule_time": row.entry.schedule_time,
        "frequency_type": row.entry.frequency_type,
        "days_of_week": row.entry.days_of_week,
        "interval_days": row.entry.interval_days,
        "interval_start": row.entry.interval_start,
        "is_active": i64::from(row.retired_at.is_none()),
    })
}

/// A moment of somebody's day, with what is known of their doses.
pub struct Day<'a> {
    pub cabinet: &'a Cabinet,
    pub records: &'a [Record],
    pub zone: &'a TimeZone,
    pub date: Date,
    pub now: Timestamp,
}

impl Day<'_> {
    /// `{scheduled, prn}`
    pub fn today(&self) -> Value {
        json!({"scheduled": self.scheduled(), "prn": self.as_needed()})
    }

    /// Every medicine that is not stopped with its week, and today.
    pub fn overview(&self) -> Value {
        let medications = self.cabinet.medications.iter().filter(|medication| medication.is_active());
        json!({
            "medications": medications.map(|medication| self.weekly(medication)).collect::<Value>(),
            "today_summary": {
                "date": self.date,
                "day_of_week": week::day_name(self.date),
                "scheduled_doses": self.scheduled(),
                "prn_medications": self.as_needed(),
            },
        })
    }

    /// What is asked for today, by time. What was replaced or stopped today is not, whatever became of it.
    fn scheduled(&self) -> Value {
        let mut doses: Vec<(String, &str, Value)> = Vec::new();
        for occurrence in on_date(&self.cabinet.plans(), self.records, self.zone, self.date) {
            let Some(medication) = self.cabinet.of_plan(&occurrence.medication) else { continue };
            let row = row_of_rule(&occurrence.key.rule).and_then(|row| medication.row(row));
            let is_followed = match row {
                Some(row) => row.retired_at.is_none(),
                None => {
                    medication.own_plan().is_some_and(|plan| plan.rules().any(|rule| rule.id == occurrence.key.rule))
                }
            };
            if !is_followed || !medication.is_taken_on(self.date) || occurrence.provisional {
                continue;
            }
            let record = self.records.iter().find(|record| record.key == occurrence.key);
            let due_here = || self.zone.to_datetime(occurrence.due_at).strftime("%H:%M").to_string();
            let time = row.map_or_else(due_here, |row| row.entry.schedule_time.clone());
            let said = record.and_then(Record::note).or(medication.entry.notes.as_deref());
            let shown = json!({
                "medication_id": medication.compat_id,
                "medication_name": medication.entry.name,
                "dosage": medication.entry.dosage,
                "dosage_unit": medication.entry.dosage_unit,
                "dosage_amount": number::json(occurrence.amount),
                "instructions": medication.entry.instructions,
                "schedule_id": row.map(|row| row.compat_id),
                "scheduled_time": time,
                "frequency_type": row.map_or("daily", |row| &row.entry.frequency_type),
                "status": status(state::of(&occurrence, record, self.now), state::is_late(&occurrence, record, self.now)),
                "taken_at": record.and_then(taken_at),
                "notes": said,
            });
            doses.push((time, &medication.entry.name, shown));
        }
        doses.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        doses.into_iter().map(|(_, _, shown)| shown).collect()
    }

    fn as_needed(&self) -> Value {
        let taken = self.cabinet.medications.iter().filter(|one| one.entry.is_prn && one.is_taken_on(self.date));
        taken.map(|medication| self.one_as_needed(medication)).collect()
    }

    fn one_as_needed(&self, medication: &Medication) -> Value {
        let takings = takings(self.records, &medication.compat_id.to_string());
        let today = takings.iter().filter(|taking| self.zone.to_datetime(taking.at).date() == self.date).count();
        let plans = medication.plans();
        let bounds = plans.iter().rev().find_map(|plan| plan.prn_on(self.date));
        // Any 24 hours, not since midnight: two before and two after it are four.
        let left = bounds.and_then(|(_, prn)| standing(prn, &takings, 1.0, self.now).doses_left);
        json!({
            "medication_id": medication.compat_id,
            "medication_name": medication.entry.name,
            "dosage": medication.entry.dosage,
            "dosage_unit": medication.entry.dosage_unit,
            "instructions": medication.entry.instructions,
            "is_prn": true,
            "prn_max_daily": medication.entry.prn_max_daily,
            "doses_taken_today": today,
            "can_take_more": left != Some(0),
            "notes": medication.entry.notes,
        })
    }

    fn weekly(&self, medication: &Medication) -> Value {
        let entry = &medication.entry;
        let week = match medication.own_plan() {
            Some(plan) => week::of(std::slice::from_ref(plan), self.zone, self.date),
            None => week::of_rows(medication.plan_of_rows(), self.zone, self.date),
        };
        let (kind, words) = if entry.is_prn {
            let most = entry.prn_max_daily.map(|most| format!(" (max {most}/day)"));
            ("prn", format!("As needed{}", most.unwrap_or_default()))
        } else {
            (if week::is_daily(&week) { "daily" } else { "variable" }, week::in_words(&week, &entry.dosage_unit))
        };
        json!({
            "id": medication.compat_id,
            "name": entry.name,
            "dosage": entry.dosage,
            "dosage_unit": entry.dosage_unit,
            "instructions": entry.instructions,
            "is_prn": entry.is_prn,
            "prn_max_daily": entry.prn_max_daily,
            "weekly_schedule": week::shown(&week),
            "schedule_type": kind,
            "schedule_description": words,
            "schedules": overview_schedules(medication),
        })
    }
}

/// By day as it is written, then time.
fn overview_schedules(medication: &Medication) -> Value {
    let mut rows: Vec<_> = medication.active_rows().collect();
    rows.sort_by_key(|row| row.entry.day_of_week.as_deref());
    rows.into_iter().map(overview_schedule).collect()
}

fn overview_schedule(row: &Row) -> Value {
    let entry = &row.entry;
    json!({
        "id": row.compat_id,
        "schedule_time": entry.schedule_time,
        "dosage_amount": number::json(entry.dosage_amount),
        "day_of_week": entry.day_of_week,
        "frequency_type": entry.frequency_type,
        "days_of_week": entry.days_of_week,
        "interval_days": entry.interval_days,
        "interval_start": entry.interval_start,
    })
}

/// What was said of a dose, as a row of the log.
pub fn log_row(medication: &Medication, dose: &Dose, zone: &TimeZone, now: Timestamp) -> Value {
    let record = &dose.record;
    let row = row_of_rule(&record.key.rule);
    json!({
        "id": dose.compat_id,
        "medication_id": medication.compat_id,
        "schedule_id": row,
        "scheduled_date": record.key.date,
        "scheduled_time": scheduled_time(medication, record, zone),
        "status": record_status(record, now),
        "taken_at": taken_at(record),
        "notes": record.note(),
        "created_at": clock::sql(dose.recorded_at),
    })
}

/// The newest first, with what its schedule said.
pub fn history(medication: &Medication, doses: &[Dose], zone: &TimeZone, now: Timestamp) -> Value {
    let mut rows: Vec<Value> = doses
        .iter()
        .map(|dose| {
            let mut shown = log_row(medication, dose, zone, now);
            shown["schedule_time"] = shown["scheduled_time"].clone();
            let planned = (!dose.record.as_needed).then(|| number::json(dose.record.amount));
            shown["dosage_amount"] = planned.into();
            shown
        })
        .collect();
    let place = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        (text("scheduled_date"), text("scheduled_time"))
    };
    rows.sort_by_key(|row| std::cmp::Reverse(place(row)));
    rows.into()
}

/// `{period, summary, by_day, by_medication}`
pub fn adherence(counted: &Adherence, cabinet: &Cabinet, (first, last): (Date, Date)) -> Value {
    let named = |(medication, tally): (&String, &Tally)| {
        let name = cabinet.of_plan(medication).map(|medication| medication.entry.name.clone()).unwrap_or_default();
        (name, tally_row(tally))
    };
    let mut medications: Vec<(String, Map<String, Value>)> = counted.by_medication.iter().map(named).collect();
    medications.sort_by(|one, other| one.0.cmp(&other.0));
    let labelled = |label: &str, value: Value, mut row: Map<String, Value>| {
        row.insert(label.into(), value);
        Value::Object(row)
    };
    let days = counted.by_day.iter().map(|(date, tally)| labelled("date", json!(date), tally_row(tally)));
    json!({
        "period": {"start": first, "end": last, "days": counted.by_day.len()},
        "summary": tally_row(&counted.total),
        "by_day": days.collect::<Value>(),
        "by_medication": medications.into_iter().map(|(name, row)| labelled("medication_name", name.into(), row)).collect::<Value>(),
    })
}

/// What was taken late was taken; what nobody said anything of is late, however long ago.
fn tally_row(tally: &Tally) -> Map<String, Value> {
    let rate = tally.taken_percent().unwrap_or(100.0).round();
    let row = json!({
        "total": tally.due,
        "taken": tally.taken + tally.taken_late,
        "skipped": tally.skipped,
        "late": tally.late + tally.missed,
        "pending": tally.pending,
        "adherence_rate": number::json(rate),
    });
    row.as_object().cloned().unwrap_or_default()
}

fn scheduled_time(medication: &Medication, record: &Record, zone: &TimeZone) -> Option<String> {
    if record.as_needed {
        return None;
    }
    let row = row_of_rule(&record.key.rule).and_then(|row| medication.row(row));
    let due_here = || zone.to_datetime(record.due_at).strftime("%H:%M").to_string();
    Some(row.map_or_else(due_here, |row| row.entry.schedule_time.clone()))
}

/// When it was last said to be taken: a skip does not take that back on the wire.
fn taken_at(record: &Record) -> Option<String> {
    let said = || match record.resolution() {
        Some(Resolution::Skipped { .. }) => record.entries.iter().rev().find_map(|entry| match entry.command.act {
            Act::Take { at, .. } => Some(at),
            _ => None,
        }),
        Some(Resolution::Taken { .. }) | None => None,
    };
    record.taken_at().or_else(said).map(clock::iso)
}

fn record_status(record: &Record, now: Timestamp) -> &'static str {
    let state = state::of_record(record, now);
    status(state, record.late_at.is_some() || record.policy.late_at(record.due_at) <= now)
}

fn status(state: DoseState, is_late: bool) -> &'static str {
    match state {
        DoseState::Taken | DoseState::TakenLate => "taken",
        DoseState::Skipped => "skipped",
        DoseState::Missed => "late",
        DoseState::Due | DoseState::Snoozed if is_late => "late",
        DoseState::Upcoming | DoseState::Due | DoseState::Snoozed => "pending",
    }
}
