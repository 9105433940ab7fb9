//! What stands in an address: a parameter twice, and credentials, which are nowhere looked for there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use jiff::Timestamp;
use kit::{Access, Area, access::Invitation, role::Role, rule::Level};
use serde_json::{Value, json};
use worker::Running;

#[tokio::test]
async fn a_parameter_that_comes_twice_means_the_same_to_who_decides_and_to_who_answers() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    assert_eq!(api.post("/api/v1/residents", &json!({"name": "Bertha"})).0, 201);
    for (resident, value) in [(1, 61), (2, 62)] {
        let reading = json!({"vital_type": "heart_rate", "value_primary": value, "unit": "bpm"});
        assert_eq!(api.post(&format!("/api/v1/readings?resident={resident}"), &reading).0, 201);
    }
    let access = Access::open(data.path()).unwrap();
    let of_the_second =
        Invitation { resident: 2, grants: vec![(Area::Vitals, Level::Read)], ..Invitation::of(Role::Carer) };
    let carer = access.add_program(of_the_second, Timestamp::now()).await.unwrap();
    let bearer = format!("Bearer {}", carer.token.reveal());
    let trend = |query: &str| {
        let path = format!("/api/v1/trends/heart_rate{query}");
        let (status, answer) = api.exchange("GET", &path, &[("Authorization", &bearer)], None);
        (status, answer.to_string())
    };
    let (status, theirs) = trend("?resident=2");
    assert!(status == 200 && theirs.contains("62"), "{theirs}");
    for query in [
        "?resident=1&resident=2",
        "?resident=2&resident=2",
        "?resident=x&resident=2",
        "?%72esident=1&resident=2",
        "?resident=1&%72%65sident=%32",
        "?userId=1&resident=2",
        "?resident=2&resident[]=1&Resident=1&resident%00=1",
    ] {
        assert_eq!(trend(query), (200, theirs.clone()), "{query}");
    }
    for query in [
        "",
        "?resident=2&resident=1",
        "?resident=2&resident=",
        "?resident=2&%72esident=1",
        "?resident=2&resident",
        "?Resident=2",
        "?resident[]=2",
        "?resident=2;resident=1",
        "?resident=2%00",
        "?resident=2,1",
    ] {
        let (status, answer) = trend(query);
        assert!([403, 404].contains(&status) && !answer.contains("61"), "{query}: {status} {answer}");
    }
}

#[tokio::test]
async fn the_first_credential_of_several_counts_and_a_bearer_before_a_cookie() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let access = Access::open(data.path()).unwrap();
    let mut tokens = Vec::new();
    for role in [Role::Resident, Role::Device] {
        tokens.push(access.add_program(Invitation::of(role), Timestamp::now()).await.unwrap().token);
    }
    let [resident, sensor] = [0, 1].map(|at| tokens[at].reveal());
    let role = |headers: &[(&str, &str)]| {
        let (status, answer) = api.exchange("GET", "/api/v1/access/me", headers, None);
        (status, answer["data"]["role"].as_str().map(str::to_owned))
    };
    let bearer = |token: &str| format!("Bearer {token}");
    let cookie = |token: &str| format!("betti={token}");
    let is = |role: &str| (200, Some(role.to_owned()));
    let (one, other) = (bearer(sensor), bearer(resident));
    assert_eq!(role(&[("Authorization", &one), ("Authorization", &other)]), is("device"));
    assert_eq!(role(&[("Authorization", &one), ("Cookie", &cookie(resident))]), is("device"));
    let both = format!("{}; {}", cookie(sensor), cookie(resident));
    assert_eq!(role(&[("Cookie", &both)]), is("device"));
    // A wrong one in front is not passed over for a right one behind it.
    assert_eq!(role(&[("Authorization", "Bearer betti_wrong"), ("Cookie", &cookie(resident))]), (401, None));
}

#[tokio::test]
async fn a_credential_in_an_address_is_none_and_none_is_ever_handed_out_in_one() {
    let data = tempfile::tempdir().unwrap();
    let api = Running::start(env!("CARGO_BIN_EXE_betti-api"), data.path(), &[]);
    let token = api.token();
    for name in ["token", "access_token", "authorization", "Authorization", "bearer", "betti", "key", "cookie"] {
        for path in ["/api/vitals/latest", "/api/v1/stream", "/ws"] {
            let (status, _) = api.exchange("GET", &format!("{path}?{name}={token}"), &[], None);
            assert!([401, 404].contains(&status), "{path}?{name}=…: {status}");
        }
    }
    let (_, invited) = api.post("/api/v1/access/invitations", &json!({"role": "carer"}));
    let (url, code) = (invited["data"]["url"].as_str().unwrap(), invited["data"]["code"].as_str().unwrap());
    let (sent, kept) = url.split_once('#').unwrap();
    assert!(!sent.contains(code) && kept == code, "what is behind the # stays in the browser: {url}");
    // The code and the PIN are read from the body alone.
    let (status, answer) = api.exchange("POST", &format!("/api/v1/access/pair?code={code}&name=x"), &[], None);
    assert_eq!((status, &answer["data"]), (400, &Value::Null), "{answer}");
    let (status, _) = api.post("/api/v1/access/pair", &json!({"code": code, "name": "Phone"}));
    assert_eq!(status, 201, "and it was not used up");
}
