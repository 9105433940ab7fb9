//! Recordings of an accelerometer are kept, large ones too, and none takes another one's place.

#[path = "../../../tests/recordings/worker.rs"]
mod worker;

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt, path::Path, thread};

use serde_json::{Value, json};
use worker::Running;

fn start(data: &Path) -> Running {
    Running::start(env!("CARGO_BIN_EXE_betti-api"), data, &[])
}

fn recording(samples: u32) -> Value {
    let samples = (0..samples).map(|at| json!({"timestamp": at * 20, "x": f64::from(at) / 8.0, "y": 0, "z": 1}));
    json!({"data": samples.collect::<Vec<_>>()})
}

#[test]
fn two_in_one_second_are_two_and_both_are_listed() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (_, none) = api.get("/api/accelerometer/list");
    assert_eq!(none, json!({"success": true, "files": [], "count": 0}));
    let names: HashSet<_> = thread::scope(|scope| {
        let save = |samples| api.post("/api/accelerometer/save", &recording(samples));
        let savers: Vec<_> = (1..=8).map(|samples| scope.spawn(move || save(samples))).collect();
        let answers = savers.into_iter().map(|saver| saver.join().unwrap());
        answers.map(|(status, answer)| (status, answer["filename"].as_str().unwrap().to_owned())).collect()
    });
    assert_eq!(names.len(), 8, "{names:?}");
    let (_, listed) = api.get("/api/accelerometer/list");
    assert_eq!(listed["count"], 8);
    let folder = data.path().join("accelerometer");
    for file in listed["files"].as_array().unwrap() {
        let name = file["filename"].as_str().unwrap();
        assert!(names.contains(&(200, name.to_owned())), "{name}");
        let metadata = fs::metadata(folder.join(name)).unwrap();
        assert_eq!((metadata.permissions().mode() & 0o777, Some(metadata.len())), (0o600, file["size"].as_u64()));
        let created: Result<jiff::Timestamp, _> = file["created"].as_str().unwrap().parse();
        assert!(created.is_ok());
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 8, "nothing else is left there");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_recording_of_minutes_is_taken_and_survives_kill_9() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let body = recording(6_000);
    assert!(body.to_string().len() > 200 * 1024, "more than other routes take");
    let (status, answer) = api.post("/api/accelerometer/save", &body);
    assert_eq!((status, &answer["samples"], &answer["duration_ms"]), (200, &json!(6_000), &json!(119_980)));
    api.kill();
    let name = answer["filename"].as_str().unwrap();
    let csv = fs::read_to_string(data.path().join("accelerometer").join(name)).unwrap();
    assert_eq!((csv.lines().count(), csv.lines().nth(2)), (6_001, Some("20,0.125,0,1")));
}

#[test]
fn what_is_no_recording_is_refused_and_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let api = start(data.path());
    let (status, answer) = api.post("/api/accelerometer/save", &json!({"data": [{"timestamp": 0, "x": 0, "y": 0}]}));
    assert_eq!((status, answer["error"].as_str()), (400, Some("data[0].z must be a number")));
    for body in [json!({"data": "x"}), json!({"data": [7]}), json!([1])] {
        assert_eq!(api.post("/api/accelerometer/save", &body).0, 400, "{body}");
    }
    let kept = fs::read_dir(data.path().join("accelerometer")).expect("it is made at the start");
    assert_eq!(kept.count(), 0);
}
