//! Whether each route asks for what it is about: a rule of another area, or one that lets in whoever reads where something is changed, is
//! easily mistyped and seen by nobody.

use std::collections::BTreeSet;

use kit::{Area, Routes, Rule};

use super::strangers;

/// What a path is about, by how it begins.
const AREAS: [(&str, Area); 30] = [
    ("/api/accelerometer/", Area::Activity),
    ("/api/appointments", Area::Appointments),
    ("/api/ble/", Area::Devices),
    ("/api/fitness/", Area::Activity),
    ("/api/hydration/", Area::Nutrition),
    ("/api/medications", Area::Medication),
    ("/api/nutrition/", Area::Nutrition),
    ("/api/v1/access/", Area::Sharing),
    ("/api/v1/activity", Area::Activity),
    ("/api/v1/adherence", Area::Medication),
    ("/api/v1/appointments", Area::Appointments),
    ("/api/v1/assessments", Area::Activity),
    ("/api/v1/baseline/", Area::Vitals),
    ("/api/v1/devices", Area::Devices),
    ("/api/v1/doses", Area::Medication),
    ("/api/v1/drinks", Area::Nutrition),
    ("/api/v1/environment", Area::Devices),
    ("/api/v1/goals/activity", Area::Activity),
    ("/api/v1/goals/hydration", Area::Nutrition),
    ("/api/v1/hydration", Area::Nutrition),
    ("/api/v1/ladder", Area::Vitals),
    ("/api/v1/limits", Area::Vitals),
    ("/api/v1/medications", Area::Medication),
    ("/api/v1/news2", Area::Vitals),
    ("/api/v1/people", Area::Vitals),
    ("/api/v1/readings", Area::Vitals),
    ("/api/v1/repeats", Area::Vitals),
    ("/api/v1/symptoms", Area::Vitals),
    ("/api/v1/trends/", Area::Vitals),
    ("/api/vitals", Area::Vitals),
];
/// What asks for no area, or for more than it seems to need, each with its rule. [`Rule::Known`]: told behind what is theirs.
const OTHERWISE: [(&str, &str, Rule); 25] = [
    ("-", "*", Rule::Known),
    ("POST", "/api/ble/state", Rule::Service),
    ("GET", "/api/ble/wanted", Rule::Service),
    ("GET", "/api/v1/access/audit", Rule::Write(Area::Sharing)),
    ("GET", "/api/v1/access/export", Rule::Write(Area::Sharing)),
    ("GET", "/api/v1/access/devices", Rule::Household),
    ("DELETE", "/api/v1/access/devices/{device}", Rule::Household),
    ("POST", "/api/v1/access/invitations", Rule::Household),
    ("POST", "/api/v1/access/lock", Rule::Known),
    ("DELETE", "/api/v1/access/me", Rule::Known),
    ("GET", "/api/v1/access/me", Rule::Known),
    ("GET", "/api/v1/access/passkeys", Rule::Known),
    ("POST", "/api/v1/access/passkeys/begin", Rule::Known),
    ("POST", "/api/v1/access/passkeys/finish", Rule::Known),
    ("DELETE", "/api/v1/access/passkeys/{passkey}", Rule::Known),
    ("POST", "/api/v1/access/unlock", Rule::Known),
    ("GET", "/api/v1/alerts", Rule::Known),
    ("GET", "/api/v1/alerts/{id}", Rule::Known),
    ("POST", "/api/v1/alerts/{id}/ack", Rule::Known),
    ("POST", "/api/v1/alerts/{id}/snooze", Rule::Known),
    ("GET", "/api/v1/residents", Rule::Known),
    ("POST", "/api/v1/residents", Rule::Write(Area::Vitals)),
    ("PATCH", "/api/v1/residents/{resident}", Rule::Write(Area::Vitals)),
    ("-", "/api/v1/stream", Rule::Known),
    ("GET", "/api/v1/stream", Rule::Known),
];

pub fn are_asked_for_by(routes: &Routes) {
    let lines: Vec<_> = routes.lines().filter(|line| line.rule != Rule::Public).collect();
    let mut otherwise = BTreeSet::new();
    for line in &lines {
        let (method, pattern) = strangers::named(line);
        let area = AREAS.iter().find(|(begins, _)| pattern.starts_with(begins)).map(|(_, area)| *area);
        let is_as_it_looks = area.is_some_and(|area| match method {
            "GET" => line.rule == Rule::Read(area),
            _ => [Rule::Record(area), Rule::Write(area)].contains(&line.rule),
        });
        if !is_as_it_looks {
            otherwise.insert((method, pattern, format!("{:?}", line.rule)));
        }
    }
    let expected = OTHERWISE.map(|(method, pattern, rule)| (method, pattern, format!("{rule:?}")));
    assert_eq!(otherwise, BTreeSet::from(expected));
}
