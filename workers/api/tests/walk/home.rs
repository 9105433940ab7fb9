//! A home of two residents, of the first of whom something is kept in every way in which something can be.

use std::{collections::BTreeMap, path::Path, process::Command};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use kit::{
    Access, Area,
    access::{Invitation, Paired, passkeys::NewPasskey},
    person,
    role::Role,
    rule::{Caller, Level},
};
use serde_json::{Value, json};

use crate::worker::{self, Answer, Running};

/// Stands in everything that is written of the first resident.
pub const WORDS: &str = "first-person";
/// What the first resident's cuff sends again, as it sent it.
pub const CUFF_KEY: &str = "cuff-1";
pub const CUFF: &str = "AA:BB:CC:00:00:01";
/// A scale of the first resident, which was heard of yesterday.
pub const SCALE: &str = "AA:BB:CC:00:00:02";
const API: &str = env!("CARGO_BIN_EXE_betti-api");
/// Where the first resident's passkey is for.
const HOST: &str = "betti.example.org";

/// When and from where a device was used: whoever asks is seen.
const LAST_USED: [&str; 2] = ["last_used_at", "last_used_from"];

/// The ids of what is the first resident's.
#[derive(Debug)]
pub struct Ids {
    pub reading: String,
    pub alert: String,
    pub medicine: String,
    pub medicine_number: String,
    pub dose: String,
    pub visit: String,
    pub visit_number: String,
    pub meal: String,
    pub drink: String,
    pub workout: String,
    pub assessment: String,
    pub person: String,
    pub phone: String,
    pub passkey: String,
}

impl Ids {
    /// For whoever only wants to know what is asked.
    pub fn none() -> Self {
        let id = || "1".to_owned();
        Self {
            reading: id(),
            alert: id(),
            medicine: id(),
            medicine_number: id(),
            dose: id(),
            visit: id(),
            visit_number: id(),
            meal: id(),
            drink: id(),
            workout: id(),
            assessment: id(),
            person: id(),
            phone: id(),
            passkey: id(),
        }
    }
}

pub struct Home {
    pub folder: tempfile::TempDir,
    pub access: Access,
    pub api: Running,
    /// It answers behind the other one.
    _nutrition: Running,
}

impl Home {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = Path::new(API).with_file_name("betti-nutrition");
        assert!(program.exists(), "{} is missing: cargo build --workspace --bins", program.display());
        let nutrition = Running::start(program.to_str().expect("a path"), folder.path(), &[]);
        let environment =
            [("BETTI_NUTRITION_URL", nutrition.url()), ("MEDICATION_REMINDERS_ENABLED", "false".to_owned())];
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let api = Running::start(API, folder.path(), &environment);
        let access = Access::open(folder.path()).expect("who has access");
        Self { folder, access, api, _nutrition: nutrition }
    }

    /// A new device of this role, for this resident.
    pub async fn device(&self, role: Role, resident: i64, name: &str, grants: &[(Area, Level)]) -> Paired {
        let grants = grants.to_vec();
        let invitation = Invitation { resident, name: Some(name.into()), grants, ..Invitation::of(role) };
        self.access.add_program(invitation, Timestamp::now()).await.expect("a token")
    }

    pub fn ask(&self, token: &str, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        self.api.exchange(method, path, &headers, body)
    }

    /// What is kept about the first resident, as it is handed out; not who looked, nor when their devices were used.
    pub fn export(&self) -> Value {
        let to = self.folder.path().join("export.zip");
        let mut command = Command::new(API);
        command.env_clear().env("BETTI_DATA_DIR", self.folder.path()).env("TZ", worker::ZONE);
        let output = command.args(["export", "--resident", "1", "--to"]).arg(&to).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&to).expect("a file")).expect("a zip file");
        let export = serde_json::from_reader(zip.by_name("export.json").expect("an export"));
        let mut databases = export.map(|mut export: Value| export["databases"].take()).expect("JSON");
        std::fs::remove_file(&to).expect("a file that was there");
        databases.as_object_mut().expect("databases").remove("audit");
        for device in databases["access"]["devices"].as_array_mut().into_iter().flatten() {
            LAST_USED.iter().for_each(|field| device[*field] = Value::Null);
        }
        databases
    }

    /// The same as it is found now, while the worker runs: quicker, to be asked after each request.
    pub fn kept(&self) -> BTreeMap<String, Vec<Value>> {
        let mut tables = BTreeMap::new();
        for database in ["access", "api", "nutrition"] {
            let file = self.folder.path().join(format!("{database}.db"));
            let connection = rusqlite::Connection::open(file).expect("a database");
            for rows in person::rows::of(&connection).expect("tables") {
                let mut kept = Vec::new();
                let mut keep = |mut row: Value| -> rusqlite::Result<()> {
                    if rows.table == "devices" && database == "access" {
                        LAST_USED.iter().for_each(|field| row[*field] = Value::Null);
                    }
                    kept.push(row);
                    Ok(())
                };
                rows.each(&connection, 1, &mut keep).expect("rows");
                tables.insert(format!("{database}.{}", rows.table), kept);
            }
        }
        let recordings = std::fs::read_dir(self.folder.path().join("accelerometer")).expect("recordings");
        let mut names: Vec<_> =
            recordings.map(|file| json!(file.expect("a file").file_name().to_string_lossy())).collect();
        names.sort_by_key(Value::to_string);
        tables.insert("accelerometer".to_owned(), names);
        tables
    }

    fn made(&self, method: &str, path: &str, key: Option<&str>, body: Value) -> Value {
        let (status, answer) = self.ask(self.api.token(), method, path, key, Some(&body));
        assert!([200, 201].contains(&status), "{method} {path}: {status} {answer}");
        answer["data"].clone()
    }

    /// Keeps something of the first resident in every way.
    pub async fn live(&self) -> Ids {
        self.made("PATCH", "/api/v1/residents/1", None, json!({"name": said("Anna")}));
        self.made("POST", "/api/v1/residents", None, json!({"name": "Bertha"}));
        let people = json!({"people": [{"name": said("daughter"), "phone": "112"}]});
        let people = self.made("PUT", "/api/v1/people", None, people);
        let ladder = json!({"steps": [{"after": 0, "who": said("daughter"), "channel": "push"}]});
        self.made("PUT", "/api/v1/ladder", None, ladder);
        let limit = json!({"kind": "heart_rate", "direction": "high", "severity": "warn", "rule": "beyond", "value": 100, "source": said("doctor")});
        self.made("PUT", "/api/v1/limits", None, json!({"limits": [limit]}));
        let cuff = json!({"macAddress": CUFF, "name": said("cuff"), "deviceType": "blood_pressure_monitor"});
        self.made("POST", "/api/ble/pair", None, cuff);
        let reading = self.made("POST", "/api/v1/readings", Some(CUFF_KEY), reading());
        let weight = json!({"vital_type": "weight", "value_primary": 70, "unit": "kg", "device_address": SCALE,
            "recorded_at": (Timestamp::now() - SignedDuration::from_hours(24)).to_string()});
        self.made("POST", "/api/v1/readings", None, weight);
        let fast = json!({"vital_type": "heart_rate", "value_primary": 130, "unit": "bpm", "notes": said("ran")});
        self.made("POST", "/api/vitals", None, fast);
        let alerts = self.api.get("/api/v1/alerts").1;
        let (medicine, dose) = self.medicines();
        let visit = json!({"title": said("physio"), "location": said("clinic"), "starts_at": "2032-03-01T10:00:00Z",
            "is_recurring": true, "recurrence_rule": "FREQ=WEEKLY;COUNT=4", "provider_name": said("Dr. Who")});
        let visit = self.made("POST", "/api/v1/appointments", Some("visit-1"), visit);
        let meal = json!({"mealType": "breakfast", "notes": said("meal"), "foods": [{"name": said("porridge"), "quantity": 1, "calories": 150}]});
        let meal = self.made("POST", "/api/nutrition/log-meal", Some("meal-1"), meal);
        self.made("PUT", "/api/nutrition/goals", None, json!({"calories": 1777}));
        let drink =
            self.made("POST", "/api/v1/drinks", Some("drink-1"), json!({"amount": 200, "beverage": said("broth")}));
        self.made("PUT", "/api/v1/goals/hydration", None, json!({"target": 1777}));
        let workout =
            json!({"workout_type": "walking", "duration_min": 30, "started_at": now(), "notes": said("walk")});
        let workout = self.made("POST", "/api/fitness/workout", Some("workout-1"), workout);
        self.made("PUT", "/api/fitness/daily", None, json!({"steps": 4321, "source": said("watch")}));
        self.made("POST", "/api/fitness/device/register", None, json!({"address": "aa:01", "name": said("band")}));
        self.made("POST", "/api/fitness/device/activity", None, json!({"deviceAddress": "aa:01", "steps": 5000}));
        self.made("POST", "/api/v1/activity", None, counted(&said("telephone")));
        let assessment = json!({"kind": "timed_up_and_go", "seconds": 13.4, "notes": said("slow")});
        let assessment = self.made("POST", "/api/v1/assessments", Some("assessment-1"), assessment);
        self.made("POST", "/api/accelerometer/save", None, json!({"data": [{"timestamp": 0, "x": 1, "y": 2, "z": 3}]}));
        let near =
            json!({"address": CUFF, "name": said("cuff"), "lastSeen": now(), "status": "connected", "adopted": true});
        self.made("POST", "/api/ble/state", None, json!({"state": "scanning", "words": "scanning", "devices": [near]}));
        let invitation = json!({"role": "carer", "name": said("guest")});
        self.made("POST", "/api/v1/access/invitations", None, invitation);
        let (phone, passkey) = self.phone().await;
        Ids {
            reading: text(&reading["id"]),
            alert: text(&alerts["data"][0]["id"]),
            medicine: text(&medicine["id"]),
            medicine_number: text(&medicine["compat_id"]),
            dose,
            visit: text(&visit["id"]),
            visit_number: text(&visit["compat_id"]),
            meal: text(&meal["id"]),
            drink: text(&drink["compat_id"]),
            workout: text(&workout["id"]),
            assessment: text(&assessment["id"]),
            person: text(&people[0]["id"]),
            phone,
            passkey,
        }
    }

    /// A medicine with a box, and a dose of which something was said.
    fn medicines(&self) -> (Value, String) {
        let tablet = json!({"name": said("tablet"), "dosage": "5mg", "instructions": said("with water"), "is_prn": true, "schedules": [{"time": "00:00"}]});
        let number = text(&self.made("POST", "/api/medications", Some("tablet-1"), tablet)["id"]);
        let schedule = json!({"kind": "clock", "days": {"kind": "weekdays", "weekdays": 127}, "slots": [{"number": 0, "time": "12:00:00", "amount": 1.0}]});
        let plan = json!({"phases": [{"rules": [{"id": format!("{WORDS}-rule"), "schedule": schedule}]}]});
        let plan = self.made("PUT", &format!("/api/v1/medications/{number}/plan"), None, plan);
        let dose = format!("{WORDS}-rule/{}/0", tomorrow());
        let noted = json!({"action": "note", "by": said("son"), "note": said("slowly"), "id": "dose-1"});
        self.made("PUT", &format!("/api/v1/doses/{dose}"), None, noted);
        let boxes = json!({"kind": "dispensed", "packs": 1, "units_per_pack": 10, "refill": false});
        self.made("POST", &format!("/api/v1/medications/{number}/stock"), Some("stock-1"), boxes);
        (plan, dose)
    }

    /// The first resident's telephone, with a passkey.
    async fn phone(&self) -> (String, String) {
        let phone = self.device(Role::Resident, 1, &said("phone"), &[]).await;
        let caller = Caller {
            device: phone.device.clone(),
            name: phone.name,
            role: Role::Resident,
            resident: 1,
            is_kiosk: false,
            grants: Vec::new(),
        };
        let new = NewPasskey { credential_id: vec![1; 16], host: HOST.into(), credential: "{}".into() };
        let passkey = self.access.add_passkey(&caller, new, Timestamp::now()).await.expect("a passkey");
        (phone.device, passkey)
    }
}

/// What the first resident's cuff sent.
pub fn reading() -> Value {
    json!({
        "vital_type": "blood_pressure", "value_primary": 121, "value_secondary": 79, "unit": "mmHg",
        "source": "ble_device", "device_address": CUFF, "notes": said("rested"),
    })
}

/// Steps of an hour of today, by this source.
pub fn counted(source: &str) -> Value {
    let (from, until) = (Timestamp::now() - SignedDuration::from_mins(20), Timestamp::now());
    let interval = json!({"started_at": from.to_string(), "ended_at": until.to_string(), "steps": 777});
    json!({"source": source, "intervals": [interval]})
}

pub fn said(words: &str) -> String {
    format!("{WORDS} {words}")
}

pub fn now() -> String {
    Timestamp::now().to_string()
}

fn tomorrow() -> String {
    let zone = TimeZone::get(worker::ZONE).expect("a zone");
    zone.to_datetime(Timestamp::now()).date().tomorrow().expect("a day").to_string()
}

fn text(id: &Value) -> String {
    assert!(!id.is_null(), "an id");
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
