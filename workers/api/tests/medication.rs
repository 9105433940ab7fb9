//! Medicines over HTTP, where the recordings show what is not to be copied, and what is new.

#[path = "medication/noon.rs"]
mod noon;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use jiff::{Timestamp, ToSpan, civil::Weekday};
use serde_json::{Value, json};
use worker::Running;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn start(data: &tempfile::TempDir) -> Running {
    let environment = [("MEDICATION_REMINDERS_ENABLED", "false"), ("TZ", noon::zone_name())];
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &environment)
}

fn today() -> jiff::civil::Date {
    noon::zone().to_datetime(Timestamp::now()).date()
}

fn day_name(day: Weekday) -> &'static str {
    DAYS[usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

/// Adds a medicine; its id and the ids of its schedules.
fn add(api: &Running, body: &Value) -> (i64, Vec<i64>) {
    let (status, answer) = api.post("/api/medications", body);
    assert_eq!(status, 201, "{answer}");
    let rows = answer["data"]["schedules"].as_array().expect("schedules");
    let id = |row: &Value| row["id"].as_i64().expect("an id");
    (id(&answer["data"]), rows.iter().map(id).collect())
}

fn scheduled(api: &Running) -> Vec<Value> {
    api.get("/api/medications/today").1["data"]["scheduled"].as_array().expect("a list").clone()
}

fn put(api: &Running, path: &str, body: &Value) -> (u16, Value) {
    api.request("PUT", path, &[], Some(body))
}

#[test]
fn a_row_for_one_day_of_the_week_is_listed_on_that_day_only() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, _) = add(&api, &json!({"name": "Warfarin"}));
    let doses: serde_json::Map<_, _> = DAYS.iter().zip(1..).map(|(day, dose)| ((*day).into(), json!(dose))).collect();
    let body = json!({"schedules": [{"time": "23:58", "doses": doses}]});
    assert_eq!(put(&api, &format!("/api/medications/{id}/schedule"), &body).0, 200);
    let listed = scheduled(&api);
    let expected = 1 + today().weekday().to_monday_zero_offset();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["dosage_amount"], expected);
}

#[test]
fn an_interval_is_counted_in_the_residents_days_and_shown_on_the_days_of_this_week() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (today, tomorrow) = (today(), today().tomorrow().unwrap());
    for (name, start, days) in
        [("Now", today, 2), ("Tomorrow", tomorrow, 2), ("Third", today.saturating_sub(3.days()), 3)]
    {
        let row =
            json!({"time": "23:58", "frequency_type": "interval", "interval_days": days, "interval_start": start});
        add(&api, &json!({"name": name, "schedules": [row]}));
    }
    let listed: Vec<_> = scheduled(&api).iter().map(|dose| dose["medication_name"].clone()).collect();
    assert_eq!(listed, ["Now", "Third"]);
    let (_, overview) = api.get("/api/medications/overview");
    let summary = &overview["data"]["today_summary"];
    assert_eq!((&summary["date"], &summary["day_of_week"]), (&json!(today), &json!(day_name(today.weekday()))));
    let monday = today.saturating_sub(i64::from(today.weekday().to_monday_zero_offset()).days());
    let week = &overview["data"]["medications"][1]["weekly_schedule"];
    assert_eq!(overview["data"]["medications"][1]["name"], "Third");
    for (place, day) in DAYS.iter().enumerate() {
        let date = monday.saturating_add(i64::try_from(place).unwrap().days());
        let away = date.since(today).unwrap().get_days();
        let falls = away >= -3 && away % 3 == 0;
        assert_eq!(week[day].as_array().unwrap().len(), usize::from(falls), "{day}");
    }
}

#[test]
fn adherence_counts_doses_of_which_nobody_said_anything() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    // Due at the first minute of today, so due whenever this runs; the day after a new medicine is entered is whole.
    add(&api, &json!({"name": "Ignored", "schedules": [{"time": "00:00"}]}));
    let (_, rows) = add(&api, &json!({"name": "Taken", "schedules": [{"time": "00:00"}]}));
    let (_, medications) = api.get("/api/medications");
    let taken =
        medications["data"].as_array().unwrap().iter().find(|one| one["name"] == "Taken").unwrap()["id"].clone();
    let (status, _) = api.post(&format!("/api/medications/{taken}/take"), &json!({"scheduleId": rows[0]}));
    assert_eq!(status, 200);
    let (_, counted) = api.get("/api/medications/adherence");
    let summary = &counted["data"]["summary"];
    assert_eq!((&summary["total"], &summary["taken"], &summary["adherence_rate"]), (&json!(2), &json!(1), &json!(50)));
    let names: Vec<_> =
        counted["data"]["by_medication"].as_array().unwrap().iter().map(|one| &one["medication_name"]).collect();
    assert_eq!(names, ["Ignored", "Taken"]);
    let (_, counted) = api.get("/api/v1/adherence?days=1");
    assert_eq!((&counted["data"]["total"]["due"], &counted["data"]["taken_percent"]), (&json!(2), &json!(50.0)));
}

#[test]
fn a_dose_that_was_late_stays_so_after_it_is_taken() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, rows) = add(&api, &json!({"name": "Late", "schedules": [{"time": "00:01"}]}));
    assert_eq!(scheduled(&api)[0]["status"], "late");
    api.post(&format!("/api/medications/{id}/take"), &json!({"scheduleId": rows[0]}));
    assert_eq!(scheduled(&api)[0]["status"], "taken");
    let (_, doses) = api.get("/api/v1/doses");
    let dose = &doses["data"]["doses"][0];
    assert_eq!((&dose["state"], &dose["was_ever_late"]), (&json!("taken_late"), &json!(true)));
}

#[test]
fn a_schedule_without_time_is_refused_and_nothing_of_the_medicine_stays() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (status, answer) = api.post("/api/medications", &json!({"name": "Half", "schedules": [{"dosage_amount": 1}]}));
    assert_eq!((status, &answer["error"]), (400, &json!("schedule_time is required")));
    assert_eq!(api.get("/api/medications").1["count"], 0);
}

#[test]
fn what_a_client_sends_again_is_done_once() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let body = json!({"name": "Once", "is_prn": true, "prn_max_daily": 2});
    let send = |path: &str, key: &str, body: &Value| api.request("POST", path, &[("Idempotency-Key", key)], Some(body));
    let (_, one) = send("/api/medications", "a", &body);
    assert_eq!(send("/api/medications", "a", &body).1, one);
    assert_eq!(send("/api/medications", "a", &json!({"name": "Other"})).0, 422);
    let path = format!("/api/medications/{}/take", one["data"]["id"]);
    let (_, dose) = send(&path, "b", &json!({}));
    assert_eq!(send(&path, "b", &json!({})).1["data"]["id"], dose["data"]["id"]);
    let (_, today) = api.get("/api/medications/today");
    let prn = &today["data"]["prn"][0];
    assert_eq!((&prn["doses_taken_today"], &prn["can_take_more"]), (&json!(1), &json!(true)));
}

#[test]
fn as_needed_counts_any_24_hours_and_says_when_the_next_one_is_safe() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, _) = add(&api, &json!({"name": "Paracetamol", "is_prn": true, "prn_max_daily": 1}));
    let path = format!("/api/v1/medications/{id}/as-needed");
    let (_, before) = api.get(&path);
    assert_eq!((&before["data"]["may_take"], &before["data"]["doses_left"]), (&json!(true), &json!(1)), "{before}");
    let (_, taken) = api.post(&format!("/api/medications/{id}/take"), &json!({"notes": "headache"}));
    let at: Timestamp = taken["data"]["taken_at"].as_str().unwrap().parse().unwrap();
    let (_, after) = api.get(&path);
    assert_eq!((&after["data"]["may_take"], &after["data"]["doses_left"]), (&json!(false), &json!(0)));
    let safe: Timestamp = after["data"]["next_safe_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(safe.duration_since(at).as_hours(), 24);
    assert_eq!(api.get(&format!("{path}?amount=x")).0, 400);
    let (_, doses) = api.get("/api/v1/doses");
    assert_eq!(
        (&doses["data"]["doses"][0]["as_needed"], &doses["data"]["doses"][0]["note"]),
        (&json!(true), &json!("headache"))
    );
}

#[test]
fn new_times_replace_a_plan_and_rules_keep_their_ids() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, rows) = add(&api, &json!({"name": "Changed", "schedules": [{"time": "23:57"}]}));
    let schedule = json!({"kind": "clock", "days": {"kind": "weekdays", "weekdays": 127}, "slots": [{"number": 0, "time": "23:58:00", "amount": 2.0}]});
    let path = format!("/api/v1/medications/{id}/plan");
    let plan = json!({"phases": [{"rules": [{"id": "evening", "schedule": schedule}]}]});
    let (_, one) = put(&api, &path, &plan);
    assert_eq!(put(&api, &path, &plan).1["data"]["version"], one["data"]["version"], "nothing changed");
    let listed = scheduled(&api);
    assert_eq!((listed.len(), &listed[0]["scheduled_time"]), (1, &json!("23:58")), "{listed:?}");
    let (other, _) = add(&api, &json!({"name": "Other"}));
    assert_eq!(put(&api, &format!("/api/v1/medications/{other}/plan"), &plan).0, 409, "another medicine has this id");
    let reserved = json!({"phases": [{"rules": [{"id": format!("schedule-{}", rows[0]), "schedule": schedule}]}]});
    assert_eq!(put(&api, &format!("/api/v1/medications/{other}/plan"), &reserved).0, 409);
    put(&api, &format!("/api/medications/{id}"), &json!({"schedules": [{"time": "23:59"}]}));
    let times: Vec<_> = scheduled(&api).iter().map(|dose| dose["scheduled_time"].clone()).collect();
    assert_eq!(times, ["23:59"]);
}

#[test]
fn a_second_person_is_told_who_took_a_dose_and_when() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (_, rows) = add(&api, &json!({"name": "Shared", "schedules": [{"time": "00:00"}]}));
    let dose = format!("/api/v1/doses/schedule-{}/{}/0", rows[0], today());
    let take = |by: &str| put(&api, &dose, &json!({"action": "take", "by": by}));
    let (status, first) = take("Anna");
    assert_eq!((status, &first["data"]["version"]), (200, &json!(1)), "{first}");
    assert_eq!(take("Anna"), (200, first.clone()), "a repeated wish is one wish");
    let (status, refused) = take("Ben");
    let words = refused["error"].as_str().unwrap();
    assert!(status == 409 && words.starts_with("Anna recorded this dose as taken at 20"), "{status} {words}");
    let ben = |body: &Value| put(&api, &dose, body);
    let (status, refused) = ben(&json!({"action": "undo", "by": "Ben"}));
    assert!(status == 400 && refused["error"].as_str().unwrap().starts_with("undo needs an id"), "{refused}");
    let undo = json!({"action": "undo", "by": "Ben", "id": "u"});
    let (status, undone) = ben(&undo);
    assert_eq!((status, ben(&undo)), (200, (200, undone)), "once");
    let (status, skipped) = ben(&json!({"action": "skip", "reason": "felt sick", "by": "Ben", "id": "x"}));
    assert_eq!(
        (status, &skipped["data"]["state"], &skipped["data"]["note"]),
        (200, &json!("skipped"), &json!("felt sick"))
    );
    assert_eq!(ben(&json!({"action": "take", "by": "Ben", "id": "x"})).0, 422, "one id, one wish");
    assert_eq!(ben(&json!({"action": "correct", "taken_at": "2031-01-01T08:00"})).0, 400, "not in the future");
    assert_eq!(ben(&json!({"action": "dance"})).0, 400);
    let (status, nothing) = put(&api, "/api/v1/doses/schedule-99/2031-01-01/0", &json!({"action": "take"}));
    assert_eq!(status, 404, "{nothing}");
    assert_eq!(put(&api, "/api/v1/doses/nonsense", &json!({"action": "take"})).0, 404);
}

#[test]
fn of_many_who_take_a_dose_at_once_one_has_taken_it() {
    const PEOPLE: usize = 8;
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (_, rows) = add(&api, &json!({"name": "Crowd", "schedules": [{"time": "00:00"}]}));
    let dose = format!("/api/v1/doses/schedule-{}/{}/0", rows[0], today());
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let take = |who: usize| {
            let (api, dose) = (&api, &dose);
            scope.spawn(move || put(api, dose, &json!({"action": "take", "by": format!("person {who}")})).0)
        };
        let people: Vec<_> = (0..PEOPLE).map(take).collect();
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });
    let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(200), count(409)), (1, PEOPLE - 1), "{answers:?}");
}

#[test]
fn dates_at_the_ends_of_time_have_doses_too() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (_, rows) = add(&api, &json!({"name": "Ever", "schedules": [{"time": "08:00"}]}));
    for date in ["9999-12-31", "-009999-01-01", "0001-01-01"] {
        assert_eq!(api.get(&format!("/api/v1/doses?date={date}")).0, 200, "{date}");
        let (status, _) =
            put(&api, &format!("/api/v1/doses/schedule-{}/{date}/0", rows[0]), &json!({"action": "take"}));
        assert!([404, 409].contains(&status), "{date}: {status}");
    }
    assert_eq!(api.get("/api/v1/doses?date=someday").0, 400);
}

#[test]
fn a_taper_is_followed_phase_by_phase_and_its_box_runs_out_when_it_does() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, _) = add(&api, &json!({"name": "Prednisolone", "dosage_unit": "mg"}));
    let (today, last) = (today(), today().saturating_add(1.day()));
    let rule = |name: &str, amount: f64| {
        let schedule = json!({
            "kind": "clock", "days": {"kind": "weekdays", "weekdays": 127},
            "slots": [{"number": 0, "time": "23:59:59", "amount": amount}],
        });
        json!({"id": name, "schedule": schedule})
    };
    let plan = json!({"phases": [
        {"from": today, "until": last, "rules": [rule("high", 20.0)]},
        {"from": last.tomorrow().unwrap(), "until": null, "rules": [rule("low", 5.0)]},
    ]});
    let path = format!("/api/v1/medications/{id}/plan");
    let (status, answer) = put(&api, &path, &plan);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(scheduled(&api)[0]["dosage_amount"], 20);
    for (date, amount) in [(last, 20.0), (last.tomorrow().unwrap(), 5.0)] {
        let (_, doses) = api.get(&format!("/api/v1/doses?date={date}"));
        assert_eq!(doses["data"]["doses"][0]["amount"], amount, "{date}");
    }
    let stock = format!("/api/v1/medications/{id}/stock");
    assert_eq!(put(&api, &format!("/api/v1/medications/{id}/keeping"), &json!({"amount_per_unit": 5})).0, 200);
    let (status, left) =
        api.post(&stock, &json!({"kind": "dispensed", "packs": 1, "units_per_pack": 10, "refill": false}));
    assert_eq!(status, 201, "{left}");
    // Four tablets today, four tomorrow, then one a day: two more days.
    assert_eq!((&left["data"]["stock"]["units"], &left["data"]["days_left"]), (&json!(10.0), &json!(4)));
    assert_eq!(api.get(&stock).1, left);
    assert_eq!(api.post(&stock, &json!({"kind": "counted", "units": -1})).0, 400);
    let mut other = plan.clone();
    other["phases"][0]["rules"][0] = rule("high", 10.0);
    assert_eq!(put(&api, &path, &other).0, 409, "the same id for something else");
    other["phases"] = json!([]);
    assert_eq!(put(&api, &path, &other).0, 400);
}
