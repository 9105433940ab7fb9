//! A worker in a home of its own, and the command line beside it.

use std::{path::Path, process::Command};

use crate::worker::Running;

const API: &str = env!("CARGO_BIN_EXE_betti-api");

pub struct Hub {
    pub worker: Running,
    pub folder: tempfile::TempDir,
}

impl Hub {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { worker: Running::start(API, folder.path(), &[]), folder }
    }

    /// What the command line prints; it runs beside the worker.
    pub fn command(&self, arguments: &[&str]) -> String {
        command(self.folder.path(), arguments)
    }
}

/// What the command line prints about the home in this folder.
pub fn command(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(API).args(arguments).env_clear().env("BETTI_DATA_DIR", folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
