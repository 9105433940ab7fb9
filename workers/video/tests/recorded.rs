//! What was recorded from the system that existing clients know, played against the worker itself.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use support::Worker;
use tempfile::TempDir;

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings")
}

/// Every scene of the variant has to pass; at least so many there are.
fn replay(scheme: &str, worker: &Worker, variant: &str, at_least: usize) {
    let recordings = recordings();
    let played = Command::new("python3")
        .arg(recordings.join("replay.py"))
        .arg(recordings.join("signaling.jsonl"))
        .arg(format!("{scheme}://{}", worker.address))
        .args(["--variant", variant, "--token", &worker.token])
        .output()
        .expect("python3 is installed");
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert!(played.status.success(), "{said}{}", String::from_utf8_lossy(&played.stderr));
    let passed = said.split(" passed").next().and_then(|before| before.split_whitespace().last()?.parse().ok());
    assert!(passed.is_some_and(|passed: usize| passed >= at_least), "fewer than {at_least} passed:\n{said}");
}

fn folder_with_certificate() -> TempDir {
    let folder = TempDir::new().unwrap();
    let made =
        Command::new(env!("CARGO_BIN_EXE_betti-video")).arg("certs").current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

#[test]
fn the_main_variant_over_https() {
    let folder = folder_with_certificate();
    replay("https", &Worker::start(folder.path(), &[]), "server", 15);
}

#[test]
fn the_main_variant_over_http() {
    let folder = TempDir::new().unwrap();
    replay("http", &Worker::start(folder.path(), &[]), "server", 15);
}

#[test]
fn the_tunnel_variant() {
    let folder = TempDir::new().unwrap();
    replay("http", &Worker::start(folder.path(), &["--tunnel"]), "ngrok", 15);
}

#[test]
fn the_tunnel_variant_with_a_public_folder() {
    let folder = recordings().join("public");
    replay("http", &Worker::start(&folder, &["--tunnel"]), "ngrok-public", 14);
}
