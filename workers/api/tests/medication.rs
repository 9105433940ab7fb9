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

/// `POST …/as-needed`: the status, and the dose or the words of the refusal.
fn take_as_needed(api: &Running, id: i64, key: Option<&str>, body: &Value) -> (u16, Value) {
    let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
    let (status, mut answer) =
        api.request("POST", &format!("/api/v1/medications/{id}/as-needed"), &headers, Some(body));
    let what = if status == 201 { "data" } else { "error" };
    (status, answer[what].take())
}

#[test]
fn as_needed_is_taken_within_its_bounds_or_with_a_reason() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, _) = add(&api, &json!({"name": "Ibuprofen", "is_prn": true, "prn_max_daily": 2}));
    let (status, first) =
        take_as_needed(&api, id, None, &json!({"by": "Anna", "id": "a", "amount": 2, "note": "fever"}));
    assert_eq!((status, &first["state"], &first["amount"]), (201, &json!("taken"), &json!(2.0)), "{first}");
    assert_eq!(
        take_as_needed(&api, id, None, &json!({"by": "Anna", "id": "a"})).1,
        first,
        "the same id, the same dose"
    );
    let (_, second) = take_as_needed(&api, id, Some("b"), &json!({"by": "Anna"}));
    assert_eq!(take_as_needed(&api, id, Some("b"), &json!({"by": "Anna"})).1, second);
    let third = json!({"by": "Ben", "id": "c"});
    let (status, refused) = take_as_needed(&api, id, None, &third);
    let words = refused.as_str().unwrap();
    assert!(status == 409 && words.contains("at most 2 doses in any 24 hours"), "{status} {words}");
    let safe: Timestamp =
        words.split("safe from ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
    let taken_at: Timestamp = first["taken_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(safe.duration_since(taken_at).as_hours(), 24, "{words}");
    let (status, kept) =
        take_as_needed(&api, id, None, &json!({"by": "Ben", "id": "c", "override_reason": "the doctor said so"}));
    assert_eq!(status, 201, "{kept}");
    assert_eq!(kept["entries"][0]["command"]["override_reason"], "the doctor said so");
    let (_, doses) = api.get("/api/v1/doses");
    assert_eq!(doses["data"]["doses"].as_array().unwrap().len(), 3, "{doses}");
    let (other, _) = add(&api, &json!({"name": "Other", "is_prn": true}));
    assert_eq!(take_as_needed(&api, other, None, &json!({"id": "a"})).0, 422, "one id, one dose");
}

#[test]
fn as_needed_may_be_said_later_and_not_of_what_nobody_prescribed_so() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, _) = add(&api, &json!({"name": "Ibuprofen", "is_prn": true, "prn_max_daily": 1}));
    let ago = |hours: i64| (Timestamp::now() - jiff::SignedDuration::from_hours(hours)).to_string();
    let yesterday = json!({"by": "Anna", "taken_at": ago(30)});
    let (status, dose) = take_as_needed(&api, id, None, &yesterday);
    assert_eq!(status, 201, "{dose}");
    assert_eq!(take_as_needed(&api, id, None, &yesterday).1, dose, "nobody takes two at one instant");
    assert_eq!(take_as_needed(&api, id, None, &json!({"taken_at": ago(40)})).0, 409, "ten hours before the other one");
    assert_eq!(take_as_needed(&api, id, None, &json!({})).0, 201);
    for (body, words) in [
        (json!({"taken_at": ago(24 * 40)}), "taken_at must be from"),
        (json!({"taken_at": ago(-1)}), "taken_at must be from"),
        (json!({"taken_at": "0001-01-01T00:00:00Z"}), "taken_at must be from"),
        (json!({"amount": 0}), "amount cannot be 0"),
        (json!({"amount": "much"}), "amount must be a number"),
        (json!([]), "the body must be an object"),
    ] {
        let (status, refused) = take_as_needed(&api, id, None, &body);
        assert!(status == 400 && refused.as_str().unwrap().starts_with(words), "{body}: {status} {refused}");
    }
    let (daily, _) = add(&api, &json!({"name": "Daily", "schedules": [{"time": "08:00"}]}));
    let (ended, _) = add(&api, &json!({"name": "Ended", "is_prn": true, "end_date": "2020-01-01"}));
    let (stopped, _) = add(&api, &json!({"name": "Stopped", "is_prn": true}));
    assert_eq!(api.request("DELETE", &format!("/api/medications/{stopped}"), &[], None).0, 200);
    for id in [daily, ended, stopped] {
        let (_, answer) = api.get(&format!("/api/v1/medications/{id}/as-needed"));
        assert_eq!((&answer["data"]["may_take"], &answer["data"]["as_needed"]), (&json!(false), &json!(false)));
        assert_eq!(take_as_needed(&api, id, None, &json!({})).0, 409);
        assert_eq!(take_as_needed(&api, id, None, &json!({"override_reason": "it was there"})).0, 201);
    }
    assert_eq!(take_as_needed(&api, 99, None, &json!({})).0, 404);
    let (_, least) = put(&api, &format!("/api/v1/medications/{id}/keeping"), &json!({"amount_per_unit": 0}));
    assert_eq!(least["error"], "amount_per_unit cannot be 0: it is at least 0.000001 and at most 100000");
}

#[test]
fn of_many_who_take_as_needed_at_once_as_many_have_as_may() {
    const PEOPLE: usize = 8;
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, _) = add(&api, &json!({"name": "Crowd", "is_prn": true, "prn_max_daily": 3}));
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let take = |who: usize| {
            let api = &api;
            scope.spawn(move || take_as_needed(api, id, None, &json!({"by": format!("person {who}")})).0)
        };
        let people: Vec<_> = (0..PEOPLE).map(take).collect();
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });
    let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(201), count(409)), (3, PEOPLE - 3), "{answers:?}");
}

#[test]
fn what_is_said_again_without_a_name_adds_nothing() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (_, rows) = add(&api, &json!({"name": "Again", "schedules": [{"time": noon::minutes_ago(10)}]}));
    let dose = format!("/api/v1/doses/schedule-{}/{}/0", rows[0], today());
    let soon = (Timestamp::now() + jiff::SignedDuration::from_mins(20)).to_string();
    let before = (Timestamp::now() - jiff::SignedDuration::from_mins(5)).to_string();
    let say = |body: &Value| put(&api, &dose, body);
    let mut version = 0;
    for body in [
        json!({"action": "snooze", "until": soon, "by": "Anna"}),
        json!({"action": "snooze", "until": soon, "by": "Ben"}),
        json!({"action": "note", "note": "with water", "by": "Ben"}),
        json!({"action": "take", "by": "Anna"}),
        json!({"action": "correct", "taken_at": before, "by": "Anna"}),
        json!({"action": "note", "note": "with milk", "by": "Anna"}),
    ] {
        version += 1;
        for _ in 0..3 {
            let (status, said) = say(&body);
            assert_eq!((status, &said["data"]["version"]), (200, &json!(version)), "{body}: {said}");
        }
    }
    // What was said between makes it another wish.
    let back = json!({"action": "correct", "taken_at": Timestamp::now().to_string(), "by": "Anna"});
    assert_eq!(say(&back).1["data"]["version"], version + 1);
    assert_eq!(say(&json!({"action": "correct", "taken_at": before, "by": "Anna"})).1["data"]["version"], version + 2);
}

#[test]
fn plans_whose_doses_would_never_come_are_refused_and_no_date_keeps_anybody_waiting() {
    let data = tempfile::tempdir().unwrap();
    let api = start(&data);
    let (id, rows) = add(&api, &json!({"name": "Hourly", "schedules": [{"time": "08:00"}]}));
    let path = format!("/api/v1/medications/{id}/plan");
    let plan = |rule: &str, schedule: Value| json!({"phases": [{"rules": [{"id": rule, "schedule": schedule}]}]});
    let hourly = |first: &str, window: Value| json!({"kind": "elapsed", "every_hours": 1, "first": first, "anchor": "last_taken", "window": window, "amount": 1});
    let linked = |after: &str| json!({"kind": "linked", "after": after, "minutes": 30, "amount": 1});
    let (status, refused) = put(&api, &path, &plan("a", hourly("0001-01-01T00:00:00Z", Value::Null)));
    assert!(status == 400 && refused["error"].as_str().unwrap().contains("more than 366 days ago"), "{refused}");
    let (status, refused) = put(&api, &path, &plan("l", linked("nobody")));
    assert!(status == 400 && refused["error"].as_str().unwrap().contains("there is no such rule"), "{refused}");
    let today = today().to_string();
    for (rule, schedule) in [
        ("a", hourly(&format!("{today}T00:00:00Z"), Value::Null)),
        ("b", hourly(&format!("{today}T00:00:00Z"), json!({"opens": "08:00", "closes": "20:00"}))),
        ("l", linked(&format!("schedule-{}", rows[0]))),
    ] {
        assert_eq!(put(&api, &path, &plan(rule, schedule)).0, 200, "{rule}");
        // Of either, nobody would have heard within this test's deadline.
        for date in ["9999-12-31", "9990-01-01"] {
            assert_eq!(api.get(&format!("/api/v1/doses?date={date}")).0, 200);
            let gone = put(&api, &format!("/api/v1/doses/{rule}/{date}/1"), &json!({"action": "take"}));
            assert_eq!(gone.0, 404, "{gone:?}");
        }
    }
    assert_eq!(api.get("/api/v1/adherence?days=many").0, 400);
    assert_eq!(api.get("/api/v1/adherence?days=0").0, 400);
}
