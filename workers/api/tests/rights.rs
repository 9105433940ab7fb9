//! Everything that is kept about a resident, handed out and gone, by the real program beside one that runs.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Output},
};

use nix::sys::signal::Signal;
use rusqlite::Connection;
use serde_json::{Value, json};
use worker::Running;

const BETTI_API: &str = env!("CARGO_BIN_EXE_betti-api");
const EXPORT: &str = "/api/v1/access/export";

fn start(data: &Path) -> Running {
    Running::start(BETTI_API, data, &[("MEDICATION_REMINDERS_ENABLED", "false")])
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BETTI_API);
    command.env_clear().env("BETTI_DATA_DIR", data).env("TZ", worker::ZONE).current_dir(data).args(arguments);
    command.stdin(std::process::Stdio::null()).output().expect("it runs")
}

fn done(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Two residents of whom something is kept in every domain that takes one, and the meals of both in a file of another worker's.
fn lived(data: &Path) -> Running {
    let api = start(data);
    let post = |path: &str, body: Value| {
        let (status, answer) = api.post(path, &body);
        assert!([200, 201].contains(&status), "{path}: {answer}");
        answer
    };
    post("/api/v1/residents", json!({"name": "Bertha"}));
    for (resident, words) in [(1, "first-person"), (2, "second-person")] {
        let about = format!("?resident={resident}");
        let reading = json!({"vital_type": "weight", "value_primary": 70.5, "unit": "kg", "notes": words});
        let answer = post(&format!("/api/v1/readings{about}"), reading);
        let id = answer["id"].as_str().or(answer["data"]["id"].as_str()).map(str::to_owned).unwrap_or_default();
        let amendment = json!({"value_primary": 71, "reason": format!("{words} slipped")});
        let (status, answer) = api.request("PATCH", &format!("/api/v1/readings/{id}{about}"), &[], Some(&amendment));
        assert_eq!(status, 200, "{answer}");
        let visit = json!({"title": format!("{words} at the doctor"), "starts_at": "2031-03-01T09:00:00Z", "appointment_type": "doctor"});
        let (status, answer) = api.post(&format!("/api/v1/appointments{about}"), &visit);
        assert!([200, 201].contains(&status), "{answer}");
    }
    post("/api/medications", json!({"name": "first-person tablet", "dosage": "5mg"}));
    post("/api/accelerometer/save", json!({"data": [{"timestamp": 0, "x": 1, "y": 2, "z": 3}]}));
    let food = Connection::open(data.join("nutrition.db")).expect("a database");
    food.execute_batch(include_str!("../../nutrition/migrations/0001_meals.sql")).expect("tables");
    for (resident, words) in [(1, "first-person"), (2, "second-person")] {
        let sql = format!(
            "INSERT INTO meals (id, subject, effective_at, zone, local_date, recorded_at) VALUES ('meal-{resident}', {resident}, '2031-01-31T08:00:00.000Z', 'UTC', '2031-01-31', '2031-01-31T08:00:00.000Z');
             INSERT INTO meal_versions SELECT compat_id, 1, 'breakfast', '{words}', recorded_at FROM meals WHERE subject = {resident};
             INSERT INTO meal_foods (meal, version, name, calories, entered) SELECT compat_id, 1, '{words} porridge', 150, '{{}}' FROM meals WHERE subject = {resident};"
        );
        food.execute_batch(&sql).expect("a meal");
    }
    let ble = Connection::open(data.join("ble.db")).expect("a database");
    ble.execute_batch(include_str!("../../ble/migrations/0001_readings.sql")).expect("tables");
    api
}

/// The files below a folder that have these words in them.
fn mentions(folder: &Path, words: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(mentions(&path, words));
        } else if std::fs::read(&path).expect("a file").windows(words.len()).any(|window| window == words.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn unzipped(path: &Path) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).expect("a file")).expect("a zip file");
    (0..zip.len())
        .map(|place| {
            let mut file = zip.by_index(place).expect("a file");
            let mut text = String::new();
            file.read_to_string(&mut text).expect("text");
            (file.name().expect("a name").into_owned(), text)
        })
        .collect()
}

#[test]
fn an_export_has_everything_of_one_resident_and_nothing_of_another() {
    let home = tempfile::tempdir().unwrap();
    let (data, to) = (home.path().join("data"), home.path().join("export.zip"));
    let _api = lived(&data);
    let said = done(&data, &["export", "--resident", "1", "--to", to.to_str().unwrap()]);
    assert!(said.contains("FHIR"), "{said}");
    let files = unzipped(&to);
    let text =
        |name: &str| &files.iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("{name} in {files:?}")).1;
    let export: Value = serde_json::from_str(text("export.json")).unwrap();
    let api = &export["databases"]["api"];
    assert_eq!(api["readings"][0]["entered_primary"], 71.0);
    assert!(
        api["history"][0]["row"].as_str().is_some_and(|row| row.contains("70.5")),
        "how it was before: {}",
        api["history"]
    );
    assert_eq!(export["databases"]["nutrition"]["meal_foods"][0]["name"], "first-person porridge");
    assert!(text("csv/api-readings.csv").starts_with("canonical_primary,"));
    assert!(text("csv/nutrition-meals.csv").contains("meal-1"));
    assert!(files.iter().any(|(name, _)| name.starts_with("accelerometer/accelerometer_")));
    let bundle: Value = serde_json::from_str(text("fhir/bundle.json")).unwrap();
    let kinds: Vec<_> = bundle["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["resource"]["resourceType"].as_str().unwrap())
        .collect();
    for kind in ["Patient", "Observation", "MedicationStatement", "Appointment"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    for (name, text) in &files {
        assert!(!text.contains("second-person"), "{name}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&to).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let other = home.path().join("other.zip");
    done(&data, &["export", "--resident", "2", "--to", other.to_str().unwrap()]);
    assert!(unzipped(&other).iter().all(|(_, text)| !text.contains("first-person")));
    assert!(refused(&data, &["export", "--resident", "1", "--to", to.to_str().unwrap()]).contains("is there already"));
    assert!(refused(&data, &["export", "--resident", "9", "--to", "x.zip"]).contains("there is no resident 9"));
    assert_eq!(run(&data, &["export", "--resident", "1"]).status.code(), Some(2));
    let nowhere = home.path().join("nowhere");
    assert!(!run(home.path(), &["export", "--resident", "1", "--to", nowhere.to_str().unwrap()]).status.success());
    assert!(!nowhere.exists());
}

#[test]
fn who_is_erased_is_gone_from_every_file_while_the_worker_runs_and_others_stay() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let api = lived(&data);
    // What a restore put aside has them too.
    let aside = data.join("before-restore-20310101T000000Z");
    std::fs::create_dir(&aside).unwrap();
    Connection::open(data.join("api.db"))
        .unwrap()
        .execute("VACUUM INTO ?1", [aside.join("api.db").to_str().unwrap()])
        .unwrap();
    assert!(mentions(&data, "second-person").len() >= 3);
    let (_, others) = api.get("/api/v1/readings?resident=1");
    let export = |to: &str| {
        let path = home.path().join(to);
        done(&data, &["export", "--resident", "1", "--to", path.to_str().unwrap()]);
        let files = unzipped(&path);
        let export: Value =
            serde_json::from_str(&files.iter().find(|(name, _)| name == "export.json").unwrap().1).unwrap();
        let mut databases = export["databases"].clone();
        // The second one tells of the first.
        databases.as_object_mut().unwrap().remove("audit");
        databases
    };
    let before = export("before.zip");

    assert!(refused(&data, &["erase", "--resident", "2"]).contains("--confirm 2"));
    assert!(refused(&data, &["erase", "--resident", "2", "--confirm", "1"]).contains("nothing is erased"));
    assert!(!mentions(&data, "second-person").is_empty());
    let said = done(&data, &["erase", "--resident", "2", "--confirm", "2"]);
    assert!(said.contains("Bertha (resident 2) is erased") && said.contains("api.readings"), "{said}");

    assert_eq!(mentions(&data, "second-person"), Vec::<String>::new());
    assert_eq!(mentions(&data, "Bertha"), Vec::<String>::new());
    let (_, residents) = api.get("/api/v1/residents");
    assert!(!residents.to_string().contains("Bertha"), "{residents}");
    assert_eq!(api.get("/api/v1/readings?resident=1").1, others);
    assert_eq!(export("after.zip"), before, "nothing of the other one is gone");
    assert_eq!(
        api.post("/api/vitals", &json!({"vital_type": "heart_rate", "value_primary": 71, "unit": "bpm"})).0,
        201
    );
    assert!(refused(&data, &["erase", "--resident", "2", "--confirm", "2"]).contains("there is no resident 2"));
    let tombstones: i64 = Connection::open(data.join("nutrition.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM erasures WHERE resident = 2 AND erased_at > '2020'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tombstones, 1);
}

#[test]
fn the_resident_whom_clients_mean_begins_anew() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let api = lived(&data);
    done(&data, &["erase", "--resident", "1", "--confirm", "1"]);
    assert_eq!(mentions(&data, "first-person"), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(data.join("accelerometer")).unwrap().count(), 0);
    assert!(mentions(&data, "second-person").len() >= 2, "the other one stays");
    // The hub's own credential is no resident's: the worker that runs goes on, and so does one that starts.
    assert_eq!(
        api.post("/api/vitals", &json!({"vital_type": "heart_rate", "value_primary": 71, "unit": "bpm"})).0,
        201
    );
    api.kill();
    let api = start(&data);
    let (status, history) = api.get("/api/vitals/history/heart_rate");
    assert_eq!((status, history["data"].as_array().map(Vec::len)), (200, Some(1)));
    let (_, weights) = api.get("/api/vitals/history/weight");
    assert_eq!(weights["data"], json!([]));
}

/// What is answered to this credential, as it comes: the head, and whatever follows it.
fn downloaded(api: &Running, token: &str, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(api.address).expect("a connection");
    // By the older protocol a body ends with its connection, and comes in one piece.
    let request = format!("GET {path} HTTP/1.0\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request that is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).expect("text"), body)
}

#[test]
fn an_export_is_downloaded_by_the_resident_and_who_speaks_for_them_and_by_nobody_else() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut api = lived(&data);
    let token = |arguments: &[&str]| done(&data, &[&["token"], arguments].concat()).trim_end().to_owned();
    let resident = token(&["--role", "resident"]);
    let proxy = token(&["--role", "carer", "--proxy", "--name", "Anna"]);
    for who in [&resident, &proxy] {
        let (head, zip) = downloaded(&api, who, EXPORT);
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        let head = head.to_ascii_lowercase();
        assert!(head.contains("content-type: application/zip") && head.contains("cache-control: no-store"), "{head}");
        assert!(head.contains("content-disposition: attachment; filename=\"betti-resident-1-20"), "{head}");
        let to = home.path().join("downloaded.zip");
        std::fs::write(&to, zip).expect("a file");
        let files = unzipped(&to);
        assert!(files.iter().any(|(name, text)| name == "fhir/bundle.json" && text.contains("first-person")));
        let others = files.iter().filter(|(_, text)| text.contains("second-person"));
        assert_eq!(others.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<&String>::new());
    }
    let refused = |who: &str, path: &str| {
        let (head, body) = downloaded(&api, who, path);
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        (head.split(' ').nth(1).unwrap_or_default().to_owned(), body["needs"].clone())
    };
    for who in ["carer", "clinician", "device"] {
        assert_eq!(refused(&token(&["--role", who]), EXPORT), ("403".into(), Value::Null), "{who}");
    }
    assert_eq!(refused(&resident, &format!("{EXPORT}?resident=2")).0, "403", "somebody else's");
    let kiosk = token(&["--role", "resident", "--kiosk"]);
    assert_eq!(refused(&kiosk, EXPORT), ("403".into(), json!("pin")), "whoever stands before the tablet on the wall");
    // Stopped in the ordinary way, what was noted in the last second is there.
    api.signal(Signal::SIGTERM);
    assert_eq!(api.wait(), Some(0));
    let told = done(&data, &["audit"]);
    assert!(told.contains("Anna took a copy of everything that is kept at"), "{told}");
}
