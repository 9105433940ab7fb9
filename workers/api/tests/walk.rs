//! A walk over every route of the table, about the first resident, with the credentials of others.

#[path = "walk/asks.rs"]
mod asks;
#[path = "walk/home.rs"]
mod home;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use asks::{Ask, Expected, FAILED, asks};
use home::{Home, Ids, WORDS};
use kit::{Area, role::Role, rule::Level};
use serde_json::Value;

/// The table of routes, as a unit test of the worker compares it with the real one.
const ROUTES: &str = "tests/walk/routes.txt";
/// Tables in which something is written of the first resident, before anybody asks.
const WRITTEN: [&str; 18] = [
    "/access/codes",
    "/access/devices",
    "/api/activity_intervals",
    "/api/alert_attempts",
    "/api/alerts",
    "/api/appointments",
    "/api/assessments",
    "/api/devices",
    "/api/doses",
    "/api/drinks",
    "/api/fitness_devices",
    "/api/history",
    "/api/limits",
    "/api/medications",
    "/api/people",
    "/api/readings",
    "/api/workouts",
    "/nutrition/meal_foods",
];
/// An id that nobody's record has.
const NOBODYS: &str = "019c0000-0000-7000-8000-000000000000";
/// A number that nobody's record has.
const NOBODYS_NUMBER: &str = "987654";
/// Tells what was asked for.
const AUDIT: &str = "GET /api/v1/access/audit";
/// A dose that nobody's plan asks for.
const NOBODYS_DOSE: &str = "nobodys-rule/2031-01-31/0";
/// The audit is written once a second.
const WRITTEN_WITHIN: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// Queries by which a request is about the first resident.
const NAMING_FIRST: [&str; 3] = ["", "resident=1", "resident=2&resident=1"];
/// Queries by which it is about the second one, whomever else they name.
const NAMING_SECOND: [&str; 3] = ["resident=2", "resident=1&resident=2", "userId=1&resident=2"];

/// What the table says of each route: the area that its rule asks about, or the rule.
fn areas() -> BTreeMap<String, String> {
    let routes = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(ROUTES)).expect(ROUTES);
    let lines = routes.lines().filter_map(|line| line.rsplit_once(' '));
    lines.map(|(route, area)| (route.to_owned(), area.to_owned())).collect()
}

/// Somebody who asks.
struct Visitor {
    who: String,
    role: Role,
    resident: i64,
    grants: Vec<(Area, Level)>,
    token: String,
}

impl Visitor {
    async fn new(home: &Home, who: &str, role: Role, resident: i64, grants: &[(Area, Level)]) -> Self {
        let token = home.device(role, resident, who, grants).await.token.reveal().to_owned();
        Self { who: who.to_owned(), role, resident, grants: grants.to_vec(), token }
    }

    /// The same one with another device.
    async fn again(&self, home: &Home) -> Self {
        Self::new(home, &self.who, self.role, self.resident, &self.grants).await
    }
}

/// Nothing that the first resident has stands in an answer, except what was in the request.
fn assert_silent(ids: &Ids, ask: &Ask, answer: &Value, said: &str) {
    let mut answer = answer.clone();
    if ask.route == AUDIT {
        // What they asked for themselves is told them again.
        answer["data"].as_array_mut().into_iter().flatten().for_each(|entry| drop(entry["thing"].take()));
    }
    let (answer, sent) = (answer.to_string(), format!("{} {}", ask.path, ask.body));
    assert!(!answer.contains(WORDS) || sent.contains(WORDS), "{said}: {answer}");
    for id in
        [&ids.reading, &ids.alert, &ids.medicine, &ids.visit, &ids.assessment, &ids.person, &ids.phone, &ids.passkey]
    {
        assert!(!answer.contains(id.as_str()) || sent.contains(id.as_str()), "{said} names {id}: {answer}");
    }
}

fn send(home: &Home, token: &str, ask: &Ask, path: &str, query: &str) -> worker::Answer {
    let joint = if path.contains('?') { '&' } else { '?' };
    let path = if query.is_empty() { path.to_owned() } else { format!("{path}{joint}{query}") };
    let body = Some(&ask.body).filter(|body| !body.is_null());
    home.ask(token, ask.method(), &path, ask.key, body)
}

/// Asks in one of the ways; fails unless the answer is as it is to be.
async fn visit(home: &Home, ids: &Ids, visitor: &Visitor, ask: &Ask, query: &str) {
    let fresh = if ask.ends { Some(visitor.again(home).await) } else { None };
    let token = fresh.as_ref().map_or(&visitor.token, |fresh| &fresh.token);
    let (status, answer) = send(home, token, ask, &ask.path, query);
    let said = format!("{}: {} {} ?{query}: {status} {answer}", visitor.who, ask.method(), ask.path);
    assert_silent(ids, ask, &answer, &said);
    let names_first = NAMING_FIRST.contains(&query);
    let is_done = status < FAILED;
    match ask.expected {
        Expected::Public | Expected::Followed => {}
        Expected::Firsts | Expected::Hub => assert_eq!(status, 403, "{said}"),
        Expected::Own | Expected::Absent | Expected::Mistaken(_) if names_first => assert_eq!(status, 403, "{said}"),
        // Who looks after the second resident may not do everything for them.
        Expected::Own => assert!(is_done || (status == 403 && visitor.role != Role::Resident), "{said}"),
        Expected::Mistaken(expected) => assert_eq!(status, expected, "{said}"),
        Expected::Each(expected, shows) => assert_eq!(status, expected, "{said} (shows {shows})"),
        Expected::Absent | Expected::AbsentForAll => {
            let id = ask.id.as_deref().expect("an id");
            let nobodys = match id {
                id if id.parse::<i64>().is_ok() => NOBODYS_NUMBER,
                id if id.contains('/') => NOBODYS_DOSE,
                _ => NOBODYS,
            };
            let unknown =
                send(home, token, ask, &ask.path.replacen(&format!("/{id}"), &format!("/{nobodys}"), 1), query);
            assert_eq!(status, 404, "{said}");
            // Words name what was asked for.
            let alike = [' ', '"'].iter().fold(answer.to_string(), |words, before| {
                words.replace(&format!("{before}{id}"), &format!("{before}{nobodys}"))
            });
            assert_eq!((status, alike), (unknown.0, unknown.1.to_string()), "{said}");
        }
    }
}

/// As somebody who was granted one area of the first resident, and is to see nothing of the others.
fn look(home: &Home, ids: &Ids, visitor: &Visitor, area: Area, ask: &Ask, needed: &str) {
    // An alert is of the area of what it is about.
    let is_alert = ask.route.contains("/alerts");
    let is_theirs = if is_alert { [Area::Vitals, Area::Medication].contains(&area) } else { needed == area.name() };
    let is_asked = is_alert || ask.expected == Expected::Hub || Area::named(needed).is_some();
    if ask.ends || is_theirs || !is_asked {
        return;
    }
    for query in ["", "resident=1", "resident=2"] {
        let (status, answer) = send(home, &visitor.token, ask, &ask.path, query);
        let said = format!("{}: {} {} ?{query}: {status} {answer}", visitor.who, ask.method(), ask.path);
        let expected = if ask.expected == Expected::AbsentForAll && is_alert { 404 } else { 403 };
        assert_eq!(status, expected, "{said}");
        assert_silent(ids, ask, &answer, &said);
    }
}

/// Fails with the tables that are different.
fn assert_unchanged(before: &BTreeMap<String, Vec<Value>>, home: &Home, by: &str) {
    let after = home.kept();
    let differ = after.iter().filter(|(table, rows)| before.get(*table) != Some(*rows));
    let differ: Vec<_> = differ.map(|(table, rows)| format!("{table}: {:?}\n-> {rows:?}", before.get(table))).collect();
    assert!(differ.is_empty(), "{by} changed the first resident's {}", differ.join("\n"));
}

#[test]
fn every_route_has_its_place_in_the_walk() {
    let ids = Ids::none();
    let walked: BTreeSet<_> = asks(&ids).iter().map(|ask| ask.route.to_owned()).collect();
    let routes: BTreeSet<_> = areas().into_keys().collect();
    let missing: Vec<_> = routes.difference(&walked).collect();
    assert!(missing.is_empty(), "say in tests/walk/asks.rs how these are asked for another resident's: {missing:#?}");
    let gone: Vec<_> = walked.difference(&routes).collect();
    assert!(gone.is_empty(), "these are no routes: {gone:#?}");
    let areas = areas();
    for ask in asks(&ids) {
        let is_public = areas[ask.route] == "public";
        assert_eq!(ask.expected == Expected::Public, is_public, "{}", ask.route);
        let is_for_workers = areas[ask.route] == "service";
        assert_eq!(ask.expected == Expected::Hub, is_for_workers, "{}", ask.route);
    }
}

#[tokio::test]
async fn nobody_reaches_another_residents_records_by_any_route() {
    let home = Home::start();
    let ids = home.live().await;
    let areas = areas();
    let second = Visitor::new(&home, "Bertha's tablet", Role::Resident, 2, &[]).await;
    let carer = Visitor::new(&home, "Bertha's son", Role::Carer, 2, Role::Carer.first_grants()).await;
    let sensor = Visitor::new(&home, "Bertha's cuff", Role::Device, 2, Role::Device.first_grants()).await;
    let mut lookers = Vec::new();
    for area in Area::ALL {
        let who = format!("who may change {} of the first", area.name());
        lookers.push((area, Visitor::new(&home, &who, Role::Carer, 1, &[(area, Level::Write)]).await));
    }
    let (before, kept) = (home.export(), home.kept());
    assert!(WRITTEN.iter().all(|table| before.pointer(table).is_some_and(|rows| rows.to_string().contains(WORDS))));
    let (ending, going_on): (Vec<_>, Vec<_>) = asks(&ids).into_iter().partition(|ask| ask.ends);
    for ask in going_on.iter().chain(&ending).filter(|ask| ask.expected != Expected::Followed) {
        for query in NAMING_FIRST.into_iter().chain(NAMING_SECOND) {
            for visitor in [&second, &carer] {
                visit(&home, &ids, visitor, ask, query).await;
            }
            let (status, answer) =
                if ask.ends { (403, Value::Null) } else { send(&home, &sensor.token, ask, &ask.path, query) };
            assert_silent(&ids, ask, &answer, &format!("a sensor: {} {status}", ask.path));
        }
        for (area, visitor) in &lookers {
            look(&home, &ids, visitor, *area, ask, &areas[ask.route]);
        }
        assert_unchanged(&kept, &home, &format!("{} {}", ask.method(), ask.path));
    }
    assert_eq!(home.export(), before);
}

/// So that the walk cannot pass because it asks for what is not there, or in a wrong way.
#[tokio::test]
async fn whoever_the_records_belong_to_is_answered_on_every_route_of_the_walk() {
    let home = Home::start();
    let ids = home.live().await;
    let first = Visitor::new(&home, "Anna's tablet", Role::Resident, 1, &[]).await;
    let (ending, going_on): (Vec<_>, Vec<_>) = asks(&ids).into_iter().partition(|ask| ask.ends);
    let is_theirs = |ask: &&Ask| !matches!(ask.expected, Expected::Followed | Expected::Hub | Expected::Public);
    let mut wrong = Vec::new();
    for ask in going_on.iter().chain(&ending).filter(is_theirs) {
        let (status, answer) = send(&home, &first.token, ask, &ask.path, "");
        let is_expected = if ask.first < FAILED { status < FAILED } else { status == ask.first };
        if !is_expected {
            wrong.push(format!("{} {}: {status} {answer}", ask.method(), ask.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is told of whom by which route, to whoever asks for the audit of a resident.
fn entries(home: &Home, resident: i64, device: &str) -> Vec<(String, String)> {
    let path = format!("/api/v1/access/audit?resident={resident}&device={device}&limit=1000");
    let (status, answer) = home.api.get(&path);
    assert_eq!(status, 200, "{answer}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = answer["data"].as_array().expect("entries").iter();
    told.flat_map(|entry| {
        let routes = entry["routes"].as_array().into_iter().flatten();
        routes.map(|route| (text(&entry["what"]), text(route))).collect::<Vec<_>>()
    })
    .collect()
}

#[tokio::test]
async fn the_audit_tells_of_refused_looks_at_a_resident_and_of_nothing_that_is_anothers() {
    let home = Home::start();
    let ids = home.live().await;
    let second = home.device(Role::Resident, 2, "Bertha's tablet", &[]).await;
    let get = |path: &str| home.ask(second.token.reveal(), "GET", path, None, None).0;
    // Theirs, or their own affairs, whether or not they say so.
    for path in [
        "/api/v1/devices?resident=2",
        "/api/v1/environment?resident=2",
        "/api/v1/limits?resident=2",
        "/api/v1/access/me",
        "/api/v1/access/devices",
        "/api/v1/access/passkeys",
        "/api/v1/residents",
    ] {
        assert_eq!(get(path), 200, "{path}");
    }
    let reading = format!("/api/v1/readings/{}?resident=2", ids.reading);
    let alert = format!("/api/v1/alerts/{}", ids.alert);
    let visit = format!("/api/v1/appointments/{}?resident=2", ids.visit);
    assert_eq!((get(&reading), get(&alert), get(&visit), get("/api/v1/alerts")), (404, 404, 404, 403));
    assert_eq!(get("/api/v1/people"), 403);
    let deadline = Instant::now() + WRITTEN_WITHIN;
    let last = ("refused".to_owned(), "GET /api/v1/people".to_owned());
    while !entries(&home, 1, &second.device).contains(&last) {
        assert!(Instant::now() < deadline, "{:?}", entries(&home, 1, &second.device));
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    let refused: BTreeSet<_> = entries(&home, 1, &second.device).into_iter().collect();
    let expected = [
        "GET /api/v1/readings/{id}",
        "GET /api/v1/alerts/{id}",
        "GET /api/v1/appointments/{id}",
        "GET /api/v1/alerts",
        "GET /api/v1/people",
    ];
    assert_eq!(refused, expected.map(|route| ("refused".to_owned(), route.to_owned())).into());
    let own = entries(&home, 2, &second.device);
    assert!(own.iter().all(|(what, _)| what == "read"), "{own:?}");
}
