//! A control group in which a hub may make others, on machines where we may make one.

use std::path::PathBuf;

use crate::wait;

/// Removed, with everybody and everything in it, when it is dropped: after the hub that uses it.
pub struct Playground(PathBuf);

impl Playground {
    /// `None`, and why is printed, where no control group (version 2) can be made.
    ///
    /// # Panics
    /// If `/proc` cannot be read.
    #[must_use]
    pub fn make() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("/proc");
        let mounted =
            mounts.lines().filter(|line| line.contains(" - cgroup2 ")).find_map(|line| line.split(' ').nth(4));
        let Some(mounted) = mounted else {
            eprintln!("skipped: no control groups (version 2) are mounted here");
            return None;
        };
        let path = PathBuf::from(mounted).join(format!("betti-scenario-{}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                eprintln!("skipped: {}: {error}", path.display());
                None
            }
        }
    }

    /// The variable that has a keeper use it.
    #[must_use]
    pub fn variable(&self) -> (&'static str, &PathBuf) {
        ("BETTI_CGROUP", &self.0)
    }

    /// The groups in it.
    #[must_use]
    pub fn groups(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().filter_map(Result::ok);
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        // Everybody below it too. Before Linux 5.14 the guard's work has to be enough.
        let _ = std::fs::write(self.0.join("cgroup.kill"), "1");
        wait::until("the control group can be removed", || {
            self.groups().iter().for_each(|group| drop(std::fs::remove_dir(group)));
            std::fs::remove_dir(&self.0)
        });
    }
}
