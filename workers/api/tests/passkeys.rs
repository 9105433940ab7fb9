//! Passkeys over HTTP, with an authenticator in software: made, signed in with, and of no use in any other way.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hub;
#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    thread,
    time::{Duration, Instant},
};

use data_encoding::BASE64URL_NOPAD;
use hub::Hub;
use kit::access::{LONGEST_NAME, passkeys::MOST_PASSKEYS};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use worker::Answer;

const PASSKEYS: &str = "/api/v1/access/passkeys";
const HOST: &str = "betti.example.org";
const ORIGIN: &str = "https://betti.example.org";
/// Nothing here takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// What an authenticator says of whoever holds it, and that its key goes with it.
const PRESENT_ONLY: u8 = 0x01;
const PRESENT_AND_VERIFIED: u8 = 0x05;
const WITH_KEY: u8 = 0x40;

impl Hub {
    fn token(&self, role: &str, more: &[&str]) -> String {
        self.command(&[&["token", "--role", role], more].concat()).trim_end().to_owned()
    }

    /// As the gateway passes it on, from a browser at this host.
    fn at(&self, host: &str, token: Option<&str>, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", token.unwrap_or_default());
        let headers = [
            ("X-Forwarded-Host", host),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-For", "192.168.1.7"),
            ("Authorization", &bearer),
        ];
        self.worker.exchange(method, path, if token.is_some() { &headers } else { &headers[..3] }, body)
    }

    fn ask(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.at(HOST, Some(token), method, path, body)
    }

    fn me(&self, token: &str) -> Value {
        self.ask(token, "GET", "/api/v1/access/me", None).1["data"].clone()
    }

    fn begin(&self, token: &str) -> Value {
        let (status, answer) = self.ask(token, "POST", &format!("{PASSKEYS}/begin"), None);
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }

    fn register(&self, token: &str) -> Authenticator {
        let (authenticator, question) = (Authenticator::new(), self.begin(token));
        let made = authenticator.make(&question, ORIGIN, HOST, PRESENT_AND_VERIFIED);
        let (status, answer) = self.ask(token, "POST", &format!("{PASSKEYS}/finish"), Some(&made));
        assert_eq!(status, 201, "{answer}");
        authenticator
    }

    fn question(&self) -> Value {
        let (status, answer) = self.at(HOST, None, "POST", &format!("{PASSKEYS}/sign-in/begin"), None);
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }

    fn finish(&self, answer: &Value) -> Answer {
        self.at(HOST, None, "POST", &format!("{PASSKEYS}/sign-in/finish"), Some(answer))
    }

    fn sign_in(&self, authenticator: &Authenticator, user: &str) -> Answer {
        self.finish(&authenticator.sign(&self.question(), user, ORIGIN, HOST, PRESENT_AND_VERIFIED))
    }

    /// Another process may be writing it, and there is no event for that.
    fn until_told(&self, token: &str, words: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let entries = self.ask(token, "GET", "/api/v1/access/audit", None).1["data"].clone();
            let mut said = entries.as_array().unwrap().iter().map(|entry| entry["words"].as_str().unwrap());
            if said.any(|said| said.starts_with(words)) {
                return;
            }
            assert!(Instant::now() < deadline, "{words:?} is not among {entries:#?}");
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    fn device_named(&self, token: &str, id: &str) -> Value {
        let devices = self.ask(token, "GET", "/api/v1/access/report", None).1["data"].clone();
        let row = devices.as_array().unwrap().iter().find(|row| row["device"]["id"] == id);
        row.cloned().unwrap_or_default()
    }
}

/// What holds one passkey, as a telephone does.
struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 16],
}

impl Authenticator {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let mut id = [0; 16];
        ring::rand::SecureRandom::fill(&random, &mut id).unwrap();
        Self { key, id }
    }

    fn make(&self, question: &Value, origin: &str, host: &str, flags: u8) -> Value {
        let mut data = authenticator_data(host, flags | WITH_KEY);
        data.extend([0; 16]); // which kind it is: it does not say
        data.extend([0, 16]);
        data.extend(self.id);
        // An ES256 key in COSE: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(x);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(y);
        // {"fmt": "none", "attStmt": {}, "authData": …}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let client = client_data("webauthn.create", question, origin);
        self.answer(question, json!({"attestationObject": encode(&object), "clientDataJSON": encode(&client)}))
    }

    fn sign(&self, question: &Value, user: &str, origin: &str, host: &str, flags: u8) -> Value {
        let (data, client) = (authenticator_data(host, flags), client_data("webauthn.get", question, origin));
        let signed = [&data[..], digest(&SHA256, &client).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let user = uuid::Uuid::parse_str(user).unwrap();
        let response = json!({
            "authenticatorData": encode(&data), "clientDataJSON": encode(&client),
            "signature": encode(signature.as_ref()), "userHandle": encode(user.as_bytes()),
        });
        self.answer(question, response)
    }

    fn answer(&self, question: &Value, response: Value) -> Value {
        let id = encode(&self.id);
        let credential =
            json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}});
        json!({"ceremony": question["ceremony"], "credential": credential, "name": "Anna's new phone"})
    }
}

fn authenticator_data(host: &str, flags: u8) -> Vec<u8> {
    [digest(&SHA256, host.as_bytes()).as_ref(), &[flags], &[0; 4]].concat()
}

fn client_data(kind: &str, question: &Value, origin: &str) -> Vec<u8> {
    let challenge = &question["options"]["challenge"];
    json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false}).to_string().into_bytes()
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn device(answer: &Answer) -> String {
    assert_eq!(answer.0, 201, "{}", answer.1);
    answer.1["data"]["device"].as_str().unwrap().to_owned()
}

#[test]
fn whoever_made_a_passkey_comes_back_in_with_what_they_had_and_still_have() {
    let hub = Hub::start();
    let (resident, carer) = (hub.token("resident", &[]), hub.token("carer", &["--name", "Anna"]));
    let anna = hub.me(&carer)["device"].as_str().unwrap().to_owned();
    let question = hub.begin(&carer);
    let options = &question["options"];
    assert_eq!(options["rp"]["id"], HOST);
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    let authenticator = hub.register(&carer);
    // One grant fewer than when it was made, and one more.
    let grant = |area: &str| format!("/api/v1/access/grants/{anna}/{area}");
    assert_eq!(hub.ask(&resident, "DELETE", &grant("medication"), None).0, 200);
    assert_eq!(hub.ask(&resident, "PUT", &grant("vitals"), Some(&json!({"level": "read"}))).0, 200);
    assert_eq!(hub.ask(&resident, "PUT", &grant("sharing"), Some(&json!({"level": "write"}))).0, 200);
    let answer = hub.sign_in(&authenticator, &anna);
    assert!(answer.1["data"]["token"].is_null(), "the credential is in the cookie only: {}", answer.1);
    let new = device(&answer);
    assert_ne!(new, anna);
    let row = hub.device_named(&resident, &new);
    assert_eq!(
        (&row["device"]["name"], &row["device"]["role"]),
        (&json!("Anna's new phone"), &json!("carer")),
        "{row}"
    );
    let grants: Vec<_> =
        row["grants"].as_array().unwrap().iter().map(|grant| (&grant["area"], &grant["level"])).collect();
    let level = |area: &str| grants.iter().find(|(named, _)| *named == area).map(|(_, level)| level.as_str().unwrap());
    assert_eq!((level("vitals"), level("medication")), (Some("read"), None), "{row}");
    assert_eq!((level("sharing"), level("video")), (Some("read"), Some("write")), "{row}");
    let listed = hub.ask(&carer, "GET", PASSKEYS, None).1["data"].clone();
    assert!(listed[0]["last_used_at"].is_string() && listed[0]["is_own"] == true, "{listed}");
    assert!(!listed.to_string().contains("credential"), "{listed}");
    hub.until_told(&resident, "Anna made a passkey at");
}

#[test]
fn what_is_not_the_answer_to_this_question_here_lets_nobody_in() {
    let hub = Hub::start();
    let (one, other) = (hub.token("resident", &[]), hub.token("resident", &["--resident", "2"]));
    let (mine, theirs) = (hub.register(&one), hub.register(&other));
    let me = hub.me(&one)["device"].as_str().unwrap().to_owned();
    let question = hub.question();
    let good = mine.sign(&question, &me, ORIGIN, HOST, PRESENT_AND_VERIFIED);
    device(&hub.finish(&good));
    let replayed = hub.finish(&good);
    assert_eq!(replayed.0, 401, "a question is answered once");
    let wrong = [
        ("origin", mine.sign(&hub.question(), &me, "https://betti.example.org:8443", HOST, PRESENT_AND_VERIFIED)),
        ("name below it", mine.sign(&hub.question(), &me, "https://x.betti.example.org", HOST, PRESENT_AND_VERIFIED)),
        ("host", mine.sign(&hub.question(), &me, ORIGIN, "evil.example.org", PRESENT_AND_VERIFIED)),
        ("nobody verified", mine.sign(&hub.question(), &me, ORIGIN, HOST, PRESENT_ONLY)),
        ("somebody else's key", theirs.sign(&hub.question(), &me, ORIGIN, HOST, PRESENT_AND_VERIFIED)),
        ("unknown key", Authenticator::new().sign(&hub.question(), &me, ORIGIN, HOST, PRESENT_AND_VERIFIED)),
    ];
    for (what, answer) in wrong {
        assert_eq!(hub.finish(&answer), replayed, "{what}: all are told the same");
    }
    assert_eq!(hub.finish(&good).0, 429, "and they count as wrong codes do");
}

#[test]
fn a_passkey_ends_with_the_device_that_made_it_and_is_its_residents_only() {
    let hub = Hub::start();
    let (resident, neighbour) = (hub.token("resident", &[]), hub.token("resident", &["--resident", "2"]));
    let carer = hub.token("carer", &[]);
    let device_of = |token: &str| hub.me(token)["device"].as_str().unwrap().to_owned();
    let (first, second) = (hub.register(&carer), hub.register(&resident));
    let theirs = hub.register(&neighbour);
    let ids =
        |token: &str| -> Vec<Value> { hub.ask(token, "GET", PASSKEYS, None).1["data"].as_array().unwrap().clone() };
    assert_eq!((ids(&neighbour).len(), ids(&resident).len()), (1, 2), "nobody sees another resident's");
    let path = format!("{PASSKEYS}/{}", ids(&neighbour)[0]["id"].as_str().unwrap());
    assert_eq!(hub.ask(&resident, "DELETE", &path, None).0, 404);
    let new = hub.sign_in(&theirs, &device_of(&neighbour));
    assert_eq!(new.1["data"]["resident"], 2, "{}", new.1);
    // Revoked, its passkey opens nothing; removed, neither.
    let annas = device_of(&carer);
    assert_eq!(hub.ask(&resident, "DELETE", &format!("/api/v1/access/devices/{annas}"), None).0, 200);
    assert_eq!(hub.sign_in(&first, &annas).0, 401);
    assert_eq!(ids(&resident).len(), 1);
    let path = format!("{PASSKEYS}/{}", ids(&resident)[0]["id"].as_str().unwrap());
    assert_eq!(hub.ask(&resident, "DELETE", &path, None).0, 200);
    assert_eq!(hub.sign_in(&second, &device_of(&resident)).0, 401);
}

#[test]
fn passkeys_are_made_by_people_where_browsers_allow_them_and_answered_once() {
    let hub = Hub::start();
    let (carer, sensor) = (hub.token("carer", &[]), hub.token("device", &[]));
    let (begin, finish) = (format!("{PASSKEYS}/begin"), format!("{PASSKEYS}/finish"));
    assert_eq!(hub.ask(&sensor, "POST", &begin, None).0, 403);
    assert_eq!(hub.at("192.168.1.7:5173", Some(&carer), "POST", &begin, None).0, 409);
    let here = |host: &str| hub.at(host, None, "GET", &format!("{PASSKEYS}/here"), None).1["data"].clone();
    assert_eq!(here(HOST), json!({"possible": true, "why": null, "at": null}));
    assert!(here("192.168.1.7:5173")["why"].as_str().unwrap().contains("domain name"));
    let (authenticator, question) = (Authenticator::new(), hub.begin(&carer));
    let made = authenticator.make(&question, ORIGIN, HOST, PRESENT_AND_VERIFIED);
    assert_eq!(hub.ask(&hub.token("carer", &[]), "POST", &finish, Some(&made)).0, 400, "asked of another device");
    assert_eq!(hub.ask(&carer, "POST", &finish, Some(&made)).0, 201);
    assert_eq!(hub.ask(&carer, "POST", &finish, Some(&made)).0, 400, "replayed");
    let wrong = authenticator.make(&hub.begin(&carer), "https://evil.example.org", HOST, PRESENT_AND_VERIFIED);
    assert_eq!(hub.ask(&carer, "POST", &finish, Some(&wrong)).0, 400, "another site's");
    let unverified = Authenticator::new().make(&hub.begin(&carer), ORIGIN, HOST, PRESENT_ONLY);
    assert_eq!(hub.ask(&carer, "POST", &finish, Some(&unverified)).0, 400, "nobody looked who that is");
}

#[test]
fn a_device_that_has_enough_passkeys_is_told_before_it_makes_another_one() {
    let hub = Hub::start();
    let resident = hub.token("resident", &[]);
    for _ in 0..MOST_PASSKEYS {
        hub.register(&resident);
    }
    let (status, answer) = hub.ask(&resident, "POST", &format!("{PASSKEYS}/begin"), None);
    assert_eq!(status, 409, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("passkeys already"), "{answer}");
}

#[test]
fn whoever_comes_in_without_a_name_is_called_after_the_device_that_made_the_passkey() {
    let hub = Hub::start();
    let longest = "ä".repeat(LONGEST_NAME);
    for (maker, expected) in [
        ("Anna's phone", "Anna's phone, by passkey".to_owned()),
        ("Anna's phone, by passkey", "Anna's phone, by passkey".to_owned()),
        (&longest, format!("{}, by passkey", "ä".repeat(LONGEST_NAME - 12))),
    ] {
        let token = hub.token("resident", &["--name", maker]);
        let (authenticator, me) = (hub.register(&token), hub.me(&token)["device"].as_str().unwrap().to_owned());
        let mut answer = authenticator.sign(&hub.question(), &me, ORIGIN, HOST, PRESENT_AND_VERIFIED);
        answer.as_object_mut().unwrap().remove("name");
        let new = device(&hub.finish(&answer));
        assert_eq!(hub.device_named(&token, &new)["device"]["name"], expected, "{maker}");
    }
}
