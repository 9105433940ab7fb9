//! What others of the machine, and the hub's own workers, find of a home: as little as possible.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use scenarios::platform::{GATEWAY, Platform};
use scenarios::{binaries, process};
use serde_json::json;

/// Everybody may read these: the authority's certificate, which each device is to get, and the hub's own, which each is shown.
const PUBLIC: [&str; 2] = ["certs/ca.pem", "certs/cert.pem"];

fn started() -> Platform {
    let platform = Platform::new(None);
    platform.hub.ctl(&["start"]).succeeded();
    platform
}

/// Everything below a folder, and the folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a kind") {
            kind if kind.is_dir() => found.extend(below(&entry.path())),
            kind if kind.is_symlink() => {}
            _ => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn whatever_a_home_writes_is_readable_for_its_own_user_only() {
    let platform = started();
    let hub = &platform.hub;
    let reading = json!({ "vital_type": "heart_rate", "value_primary": 61, "unit": "bpm" });
    assert_eq!(platform.post(GATEWAY, "/api/vitals", &reading).expect("an answer").status, 201);
    hub.ctl(&["certs"]).succeeded();
    hub.ctl(&["backup", "--json"]).succeeded();
    let export = hub.path("export.zip");
    let mut exported = hub.command(&binaries::built("betti-api"));
    let exported = exported.args(["export", "--resident", "1", "--to"]).arg(&export).output().expect("it runs");
    assert!(exported.status.success(), "{exported:?}");
    let socket = hub.control_socket();
    // Whoever may not enter the runtime directory reaches nothing in it.
    let runtime = socket.parent().expect("a folder").to_owned();
    let folders = ["data", "certs", "backups", "logs"].map(|name| below(&hub.path(name)));
    let all: Vec<PathBuf> = folders.into_iter().flatten().chain([runtime, export]).collect();
    let is_public = |path: &PathBuf| PUBLIC.iter().any(|name| path.ends_with(name));
    let open = |path: &PathBuf| {
        let about = fs::symlink_metadata(path).expect("it is there");
        (about.permissions().mode() & 0o077 != 0)
            .then(|| format!("{} {:o}", path.display(), about.permissions().mode()))
    };
    assert!(all.len() > 20, "{all:?}");
    let found: Vec<String> = all.iter().filter(|path| path.exists() && !is_public(path)).filter_map(open).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_worker_has_given_up_what_it_does_not_need() {
    let platform = started();
    let hub = &platform.hub;
    let data = hub.path("data").canonicalize().expect("it is there");
    let open_in_data = |app: &str| -> Vec<String> {
        let open = process::open_files(hub.pid(app)).into_iter();
        let in_data = open.filter_map(|path| path.strip_prefix(&data).ok().map(|path| path.display().to_string()));
        in_data.collect()
    };
    for app in hub.status().apps.iter().filter_map(|app| app.pid.map(|pid| (app.name.clone(), pid))) {
        let about = fs::read_to_string(format!("/proc/{}/status", app.1)).expect("it runs");
        assert!(about.lines().any(|line| line == "NoNewPrivs:\t1"), "{}: {about}", app.0);
        let log = hub.read(&format!("logs/{}-out.log", app.0));
        assert!(log.contains("what it needs") || log.contains("does not hold it back"), "{}: {log}", app.0);
    }
    assert_eq!(open_in_data("betti-frontend"), Vec::<String>::new(), "the gateway has no data");
    let videos = open_in_data("betti-webrtc");
    let allowed = |name: &String| name.starts_with("access.db") || name.starts_with("audit.db");
    assert!(!videos.is_empty() && videos.iter().all(allowed), "{videos:?}");
}
