//! Whose processes can be the hub's: our own user's, and those of the users that apps run as. Noted in the runtime
//! directory by the keeper, so that its successor and the supervisor know.
//!
//! A mark in an environment is easily copied. What is found by its mark alone, anywhere on this machine, is believed only
//! of these.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::unistd::geteuid;
use protocol::place;

/// User ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users(BTreeSet<u32>);

impl Users {
    /// Nobody but ourselves.
    pub fn ours() -> Self {
        Self(BTreeSet::from([geteuid().as_raw()]))
    }

    /// Ourselves, and whoever is noted in the runtime directory.
    pub fn noted(runtime_dir: &Path) -> Self {
        let mut users = Self::ours();
        let text = fs::read_to_string(runtime_dir.join(place::USERS)).unwrap_or_default();
        users.0.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        users
    }

    pub fn has(&self, user: u32) -> bool {
        self.0.contains(&user)
    }

    /// Notes a user before the first process of theirs is started.
    pub fn note(&mut self, runtime_dir: &Path, user: u32) -> io::Result<()> {
        if self.has(user) {
            return Ok(());
        }
        let path = runtime_dir.join(place::USERS);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        file.write_all(format!("{user}\n").as_bytes())?;
        self.0.insert(user);
        Ok(())
    }

    /// Nobody but ourselves again: what the others had left is ended.
    pub fn forget(&mut self, runtime_dir: &Path) {
        let _ = fs::remove_file(runtime_dir.join(place::USERS));
        *self = Self::ours();
    }

    /// Whether a process is one of these users'.
    pub fn have(&self, pid: i32) -> bool {
        user_of(pid).is_some_and(|user| self.has(user))
    }
}

/// The user that a process runs as.
pub fn user_of(pid: i32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}")).ok().map(|found| found.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_user_is_known_to_the_next_keeper_until_it_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let us = geteuid().as_raw();
        let mut users = Users::noted(folder.path());
        assert_eq!(users, Users::ours());
        users.note(folder.path(), us).unwrap();
        users.note(folder.path(), 4242).unwrap();
        users.note(folder.path(), 4242).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(place::USERS)).unwrap(), "4242\n");
        let mut next = Users::noted(folder.path());
        assert!(next.has(4242) && next.has(us) && !next.has(4243));
        assert!(next.have(std::process::id() as i32));
        next.forget(folder.path());
        assert_eq!(Users::noted(folder.path()), Users::ours());
    }
}
